import math

import numpy as np
import pytest

from autonomy.errors import UsageError
from hil.sensors import detections
from hil.sensors.detections import Detector, Scene, visibility

SENSORS = {sensor.name: sensor for sensor in detections.load()}
LIDAR, RADAR = SENSORS["front_lidar"], SENSORS["front_radar"]


def scene(*bodies):
    """bodies: (x of the middle, y, speed, length, width, classification)."""
    x, y, speed, length, width, classification = np.array(bodies, float).reshape(-1, 6).T
    return Scene(np.arange(1, len(x) + 1), classification.astype(np.uint8), x, y, speed, 0.0 * x, 0.0 * x, length, width)


def car(x, y, speed=20.0):
    return (x, y, speed, 4.6, 1.85, 1)


def test_the_same_seed_gives_the_same_detections():
    view = scene(car(40.0, 0.0), car(60.0, 3.5))
    one, two, other = ([np.concatenate(Detector(RADAR, seed).detect(view, 20.0)[:5]) for _ in range(1)][0] for seed in (3, 3, 4))
    assert one.tobytes() == two.tobytes() and one.tobytes() != other.tobytes()


@pytest.mark.parametrize("name", sorted(SENSORS))
def test_a_free_car_is_found_as_often_as_the_table_says(name):
    sensor = SENSORS[name]
    view = scene(car(sensor.x_m + 42.0 * math.cos(math.radians(sensor.yaw_deg)),
                     sensor.y_m + 42.0 * math.sin(math.radians(sensor.yaw_deg))))  # fmt: skip
    detector = Detector(sensor, 1)
    near = detections.nearest_point(sensor, view)
    away = math.hypot(near[0][0] - sensor.x_m, near[1][0] - sensor.y_m)
    expected = np.interp(away, sensor.detection_range_m, sensor.detection_probability)
    found = np.mean([1 in detector.detect(view, 20.0).number for _ in range(2000)])
    assert abs(found - expected) < 0.025


def test_clutter_comes_as_often_as_its_density_and_area_say():
    detector, nothing = Detector(RADAR, 2), scene()
    count = np.mean([len(detector.detect(nothing, 20.0).x) for _ in range(2000)])
    assert abs(count - RADAR.clutter_per_m2 * math.radians(60.0) * 200.0**2) < 0.1


def test_who_stands_behind_another_is_hidden():
    seen, occluded = visibility(LIDAR, scene(car(30.0, 0.0), car(60.0, 0.0), car(60.0, 3.5)))
    assert seen.all() and occluded[0] == 0.0 and occluded[1] > 0.9 and occluded[2] < 0.3
    detector = Detector(LIDAR, 5)
    hidden = np.mean([2 in detector.detect(scene(car(30.0, 0.0), car(60.0, 0.0)), 20.0).number for _ in range(500)])
    assert hidden < 0.1


def test_a_truck_comes_in_pieces_as_often_as_the_table_says():
    detector = Detector(LIDAR, 6)
    pieces = [np.sum(detector.detect(scene((50.0, 3.5, 22.0, 16.5, 2.55, 2)), 22.0).number == 1) for _ in range(2000)]
    assert abs(np.mean(np.array(pieces) == 2) / np.mean(np.array(pieces) > 0) - LIDAR.split_probability) < 0.03


def test_noise_is_as_large_as_it_is_told():
    detector = Detector(RADAR, 7)
    found = [detector.detect(scene(car(82.3, 0.0, 15.0)), 20.0) for _ in range(2000)]
    x, rate, told = (np.concatenate([part[i][part.number == 1] for part in found]) for i in (0, 4, 2))
    assert abs(x.std() / told.mean() - 1.0) < 0.1 and abs(x.mean() - 80.0) < 0.02
    assert abs(rate.mean() + 5.0) < 0.02 and abs(rate.std() - RADAR.range_rate_sigma_mps) < 0.01


def test_a_model_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('schema = "autonomy.detection_model/9"\nsensor = []\n')
    with pytest.raises(UsageError, match="autonomy.detection_model/1"):
        detections.load(path)
