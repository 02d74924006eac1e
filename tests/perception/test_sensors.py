import numpy as np
import pytest

from autonomy import config
from autonomy.errors import UsageError
from autonomy.perception.sensors import read
from hil.lidar.emulator import rotation

GOOD = {"name": "roof", "model": "XT32", "source": 30, "x_m": 5.0, "height_m": 3.2}


def read_with(**changes):
    return read({"sensor": [{**GOOD, **changes}]}, "truck.toml")


def test_the_demonstration_truck_has_one():
    loaded = config.load("vehicles/demo_truck_lidar")
    (sensor,) = read(loaded.section("lidar"), loaded.path)
    assert (sensor.topic, sensor.model, sensor.gives) == ("/raw/udp/roof", "Pandar64", ["obstacle", "lane", "odometry"])


@pytest.mark.parametrize(("changes", "told"), [
    ({"name": "a/b"}, "name = 'a/b'"), ({"model": "VLP-17"}, "model: .*VLP-17"), ({"source": 70000}, "source = 70000"),
    ({"gives": []}, "gives = "), ({"gives": ["lane", "lane"]}, "gives = "), ({"gives": ["radar"]}, "gives = "),
    ({"height_m": 0.0}, "height_m = 0"), ({"rate_hz": 30.0}, "rate_hz = 30"), ({"delay_s": -0.1}, "delay_s = -0.1"),
    ({"port": 0}, "port = 0"), ({"yaw": float("nan")}, "finite"), ({"colour": 1}, "colour"),
    ({"calibration": 3}, "calibration"),
])  # fmt: skip
def test_a_wrong_table_is_told_by_file_entry_and_value(changes, told):
    with pytest.raises(UsageError, match=f"truck.toml: .*{told}"):
        read_with(**changes)


@pytest.mark.parametrize(("changes", "told"), [
    ({"yaw": 180.0}, r"yaw = 180 is more than a turn; give radians \(180 degrees are 3.142\)"),
    ({"pitch": -15.0}, "pitch = -15 is"), ({"roll": 7.0}, "roll = 7 is"),
    ({"cut_azimuth_rad": 270.0}, "cut_azimuth_rad = 270 is more than a turn"),
    ({"x_m": 50.0}, "x_m = 50 is not on the truck, -25..10 m from its drive axle"), ({"x_m": -40.0}, "x_m = -40 is not"),
    ({"y_m": 12.0}, "y_m = 12 is not on the truck, -3..3 m"),
])  # fmt: skip
def test_a_lidar_in_degrees_or_beside_the_truck_is_refused(changes, told):
    with pytest.raises(UsageError, match=rf"truck.toml: \[\[lidar.sensor\]\] number 1 \(roof\): {told}"):
        read_with(**changes)


def test_a_lidar_may_look_any_way_from_any_place_on_the_truck():
    read_with(yaw=-6.283185307179586, pitch=1.57, cut_azimuth_rad=6.283185307179586, x_m=-20.0, y_m=-1.6)


def test_two_lidars_cannot_be_mistaken_for_each_other():
    with pytest.raises(UsageError, match="number 2 .*name and source = 30 must differ"):
        read({"sensor": [GOOD, {**GOOD, "name": "front"}]}, "truck.toml")


def test_the_mounting_turns_as_the_emulator_does():
    (sensor,) = read_with(yaw=0.7, pitch=-0.2, roll=0.1)
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_rotvec(sensor.mounting().rotation).as_matrix()
    np.testing.assert_allclose(turned, rotation(0.7, -0.2, 0.1), atol=1e-12)
