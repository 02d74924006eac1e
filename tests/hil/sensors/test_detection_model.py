"""The detection model gives what its file says, and its file is frozen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autonomy.errors import UsageError
from hil.sensors import detection_model
from hil.sensors.detection_model import CLUTTER, DetectionModel
from hil.sensors.occlusion import visible_shares
from hil.world import Truth
from tests.hil.lidar.scenes import actor_at, ego_at, straight

ROAD = straight(3000.0)
SCANS = 1500
# A change of these numbers is a change of what trackers are measured by: do it before tuning one, and say so
FROZEN = "2447311a41d1b4cf877603fa6b2347e226c1bc88358f632831e31c70b875683f"


def moments(actors, scans: int = SCANS):
    for scan in range(scans):
        yield Truth(10**9 + scan * 10**8, ego_at(ROAD, 300.0), actors=list(actors))


def test_the_file_is_frozen():
    assert detection_model.fingerprint(detection_model.load()) == FROZEN


@pytest.mark.parametrize("sensor", ["lidar", "radar"])
@pytest.mark.parametrize("kind, size, distance", [("car", (4.6, 1.85, 1.5), 100.0), ("pedestrian", (0.5, 0.6, 1.75), 60.0)])
def test_it_detects_as_often_as_the_file_says(sensor, kind, size, distance):
    model = DetectionModel(seed=3)
    table = getattr(model.tables, sensor)
    actor = actor_at(ROAD, 300.0 + table.mounting_x_m + distance, 0.0, 5, kind, 20.0, size)
    count = sum((model.detect(truth, sensor).actors == 5).any() for truth in moments([actor]))
    expected = float(np.interp(distance, table.at_m, getattr(table, kind)))
    assert abs(count / SCANS - expected) < 4.0 * math.sqrt(expected * (1.0 - expected) / SCANS) + 1e-9


def test_clutter_and_splits_come_at_their_rates():
    model = DetectionModel(seed=4)
    truck = actor_at(ROAD, 340.0, 0.0, 5, "truck", 20.0, (16.5, 2.55, 4.0))
    found = [model.detect(truth, "lidar").actors for truth in moments([truck])]
    table = model.tables.lidar
    clutter = sum((actors == CLUTTER).sum() for actors in found) / SCANS
    assert abs(clutter - table.clutter_per_scan) < 4.0 * math.sqrt(table.clutter_per_scan / SCANS)
    split = np.mean([(actors == 5).sum() == 2 for actors in found])
    assert abs(split - table.split) < 4.0 * math.sqrt(table.split / SCANS)


def test_what_is_hidden_is_not_detected_and_one_more_changes_nobodys_luck():
    model = DetectionModel(seed=5)
    truck, car = actor_at(ROAD, 330.0, 0.0, 1, "truck", 20.0, (16.5, 2.55, 4.0)), actor_at(ROAD, 350.0, 0.0, 2)
    free = actor_at(ROAD, 350.0, 7.0, 3)
    shares = visible_shares([truck, car, free], 305.0, 0.0)
    assert shares.tolist() == [1.0, 0.0, 1.0]
    for truth, alone in zip(moments([truck, car, free], 100), moments([free], 100), strict=True):
        together, single = model.detect(truth, "lidar"), model.detect(alone, "lidar")
        assert not (together.actors == 2).any()
        assert together.rows[together.actors == 3].tobytes() == single.rows[single.actors == 3].tobytes()


def test_errors_are_as_large_as_the_file_says():
    model = DetectionModel(seed=6)
    radar = model.tables.radar
    car = actor_at(ROAD, 300.0 + radar.mounting_x_m + 80.0 + 2.3, 0.0, 5, speed=30.0)
    rows = np.concatenate([found.rows[found.actors == 5] for found in (model.detect(truth, "radar") for truth in moments([car]))])
    assert abs(rows["range_rate"].mean() - 8.0) < 0.02 and abs(rows["range_rate"].std() - radar.range_rate_sigma_mps) < 0.01
    assert abs(rows["x"].mean() - (radar.mounting_x_m + 80.0)) < 0.05
    across = radar.across_sigma_m[0] + radar.across_sigma_m[1] * 80.0
    assert abs(rows["y"].std() / across - 1.0) < 0.1
    assert (rows["received_time_ns"] - rows["valid_time_ns"] == round(radar.latency_s * 1e9)).all()


def test_seed_and_time_decide():
    car = actor_at(ROAD, 350.0, 0.0, 5)
    truth = next(moments([car]))
    model = DetectionModel(seed=1)
    first = model.detect(truth, "lidar").rows.tobytes()
    model.detect(Truth(5, ego_at(ROAD, 400.0), actors=[car]), "lidar")
    assert model.detect(truth, "lidar").rows.tobytes() == first != DetectionModel(seed=2).detect(truth, "lidar").rows.tobytes()


@pytest.mark.parametrize("before, after, words", [
    ("split = 0.04", "split = 1.4", r"\[lidar\] split = 1.4"),
    ("hidden_below = 0.1", "hidden_below = 0.9", "hidden_below = 0.9"),
    ("car = [0.998, 0.995, 0.97, 0.85, 0.5]", "car = [0.9]", "needs 5 probabilities"),
    ('schema = "autonomy.detection_model/1"', 'schema = "x"', "this version reads"),
])  # fmt: skip
def test_wrong_files_are_said(tmp_path, before, after, words):
    from autonomy import config

    text = (config.directory() / detection_model.FILE).read_text()
    assert before in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(UsageError, match=words):
        detection_model.load(path)


def test_an_unknown_sensor_is_said():
    with pytest.raises(UsageError, match="no sensor 'sonar'"):
        DetectionModel().detect(Truth(0, ego_at(ROAD, 300.0)), "sonar")
