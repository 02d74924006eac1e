"""Rows of [tracks] sensor that cannot be are refused in a sentence."""

import pytest

from autonomy import config
from autonomy.errors import UsageError
from autonomy.parameters import load_section

TRUCK = "vehicles/demo_truck_lidar"
ROWS = config.load(TRUCK).section("tracks")["sensor"]


def load(rows) -> None:
    load_section(config.load(TRUCK, {"tracks.sensor": rows}), "tracks", "TracksParameters")


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"yaw_rad": 45.0}, r"yaw_rad = 45 is more than a turn; give radians \(45 degrees are 0.7854\)"),
    ({"half_angle_rad": 20.0}, r"half_angle_rad = 20 is more than pi.*\(20 degrees are 0.3491\)"),
    ({"x_m": 52.0}, "x_m = 52 is not on the truck, -25..10 m from its drive axle"),
    ({"y_m": -40.0}, "y_m = -40 is not on the truck"),
])  # fmt: skip
def test_a_sensor_in_degrees_or_beside_the_truck_is_refused(changes, sentence):
    with pytest.raises(UsageError, match=rf"\[tracks.sensor\[0\]\] {sentence}"):
        load([{**ROWS[0], **changes}, ROWS[1]])


def test_a_sensor_that_has_two_rows_is_refused():
    with pytest.raises(UsageError, match=r"\[tracks.sensor\[2\]\] source = 31 of kind 'radar' has row 0 already"):
        load([*ROWS, {**ROWS[0], "range_m": 90.0}])


def test_a_radar_and_a_lidar_may_have_the_same_source():
    load([ROWS[0], {**ROWS[1], "source": ROWS[0]["source"]}])


def test_sensors_around_the_truck_are_taken():
    load([{**ROWS[0], "x_m": -20.0, "y_m": 1.5, "yaw_rad": -3.1416}, {**ROWS[1], "yaw_rad": 6.28, "half_angle_rad": 3.1416}])
