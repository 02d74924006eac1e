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


def test_two_lidars_cannot_be_mistaken_for_each_other():
    with pytest.raises(UsageError, match="number 2 .*name and source = 30 must differ"):
        read({"sensor": [GOOD, {**GOOD, "name": "front"}]}, "truck.toml")


def test_the_mounting_turns_as_the_emulator_does():
    (sensor,) = read_with(yaw=0.7, pitch=-0.2, roll=0.1)
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_rotvec(sensor.mounting().rotation).as_matrix()
    np.testing.assert_allclose(turned, rotation(0.7, -0.2, 0.1), atol=1e-12)
