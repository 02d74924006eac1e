import math

import msgspec
import numpy as np
import pytest
import tomli_w

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


@pytest.mark.parametrize(("changes", "told"), [
    ({"kind": "sonar"}, "kind = 'sonar'; use lidar or radar"), ({"source": 70000}, "source = 70000 is not within 0..65535"),
    ({"x_m": math.nan}, "x_m = nan: must be a finite number"), ({"range_m": math.inf}, "range_m = inf: must be a finite"),
    ({"detection_range_m": [0.0, math.nan], "detection_probability": [1.0, 0.5]}, "detection_range_m = nan"),
    ({"range_m": 0.0}, "range_m = 0: must be above zero"), ({"period_s": -0.1}, "period_s = -0.1: must be above zero"),
    ({"range_sigma_m": -0.1}, "range_sigma_m = -0.1: must not be negative"),
    ({"azimuth_sigma_deg": -1.0}, "azimuth_sigma_deg = -1: must not be negative"),
    ({"range_rate_sigma_mps": -0.5}, "range_rate_sigma_mps = -0.5: must not be negative; -1 stands for"),
    ({"yaw_sigma_deg": -1.0}, "extent_sigma_m = 0.15 and yaw_sigma_deg = -1: who measures a box measures both"),
    ({"clutter_per_m2": -1e-5}, "clutter_per_m2 = -1e-05: must not be negative"),
    ({"latency_s": -0.1}, "latency_s = -0.1: must not be negative"),
    ({"split_gap_m": 4.0}, "split_gap_m = 4: must be less than 4"),
    ({"split_probability": 1.5}, "split_probability = 1.5 is not within 0..1"),
    ({"merge_probability": -0.5}, "merge_probability = -0.5 is not within 0..1"),
    ({"pedestrian_factor": 93.0}, "pedestrian_factor = 93 is not within 0..1"),
    ({"half_angle_deg": 0.0}, "half_angle_deg = 0 is not within 0..180"), ({"yaw_deg": 400.0}, "yaw_deg = 400 is not within"),
    ({"detection_probability": [0.98, 97.0, 0.9, 0.8]}, "detection_probability = 97 is not within 0..1"),
    ({"detection_probability": [0.9]}, "detection_range_m and detection_probability have 4 and 1 values; give as many of each"),
    ({"detection_range_m": [], "detection_probability": []}, "detection_range_m and detection_probability have 0 and 0 values"),
    ({"detection_range_m": [0.0, 100.0, 60.0, 130.0]}, "detection_range_m = .*: must rise"),
])  # fmt: skip
def test_a_sensor_that_cannot_be_is_told_by_its_file_name_field_and_value(changes, told, tmp_path):
    path, good = tmp_path / "model.toml", msgspec.to_builtins(LIDAR)
    path.write_text(tomli_w.dumps({"schema": detections.SCHEMA, "sensor": [good | changes]}))
    with pytest.raises(UsageError, match=rf"model.toml: sensor 'front_lidar': {told}"):
        detections.load(path)
    with pytest.raises(UsageError, match=rf"sensor 'front_lidar': {told}"):
        Detector(msgspec.convert(good | changes, detections.Sensor), 0)


@pytest.mark.parametrize(("key", "value"), [("name", "front_lidar"), ("source", 21)])
def test_two_sensors_of_one_name_or_source_are_refused(key, value, tmp_path):
    path, good = tmp_path / "model.toml", msgspec.to_builtins(LIDAR)
    other = good | {"name": "other", "source": 77} | {key: value}
    path.write_text(tomli_w.dumps({"schema": detections.SCHEMA, "sensor": [good, other]}))
    with pytest.raises(UsageError, match=rf"model.toml: sensor '{other['name']}': {key} = {value!r} is that of another"):
        detections.load(path)


def test_a_field_that_is_missing_unknown_or_no_number_is_told_by_the_file(tmp_path):
    path, good = tmp_path / "model.toml", msgspec.to_builtins(LIDAR)
    lacking = {key: value for key, value in good.items() if key != "range_m"}
    for rows, told in ((lacking, "range_m"), (good | {"colour": 1.0}, "colour"), (good | {"range_m": "far"}, "range_m")):
        path.write_text(tomli_w.dumps({"schema": detections.SCHEMA, "sensor": [rows]}))
        with pytest.raises(UsageError, match=rf"model.toml.*{told}"):
            detections.load(path)


def test_a_scene_with_a_number_that_is_none_is_refused_and_not_left_out():
    view = scene(car(40.0, 0.0), car(60.0, 3.5))
    with pytest.raises(UsageError, match="'front_radar' was shown a scene whose x holds a value that is no finite number"):
        Detector(RADAR, 0).detect(view._replace(x=np.array([40.0, np.nan])), 20.0)
    with pytest.raises(UsageError, match="a scene of 2 road users with 1 values of width"):
        Detector(RADAR, 0).detect(view._replace(width=np.ones(1)), 20.0)


def test_a_model_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('schema = "autonomy.detection_model/9"\nsensor = []\n')
    with pytest.raises(UsageError, match="autonomy.detection_model/1"):
        detections.load(path)
