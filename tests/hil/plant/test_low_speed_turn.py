"""The turn at walking pace against circles: what rolls without slipping can be written down."""

import math

import pytest

from hil.plant import low_speed_turn, manoeuvres
from hil.plant.plant import Plant

WIDE = {**manoeuvres.DIRECT, "steering.maximum_angle": 0.9}


@pytest.fixture(scope="module")
def turn():
    return low_speed_turn.drive(Plant.load("plants/eu_4x2_40t", WIDE))


def test_swept_path_is_less_than_a_full_circle_would_take(turn):
    """In a steady circle each axle runs on its own radius; in 90 degrees the trailer has not yet come in as far."""
    plant = Plant.load("plants/eu_4x2_40t", WIDE)
    table, width = plant.table, float(plant.table["tractor"]["width_m"])
    reference = float(plant.parameters["reference"])
    drive = math.sqrt((low_speed_turn.RADIUS_M - 0.5 * width) ** 2 - (float(plant.parameters["axle_x"][0]) - reference) ** 2)
    behind = plant.parameters["axle_x"][2:5]
    trailer = math.sqrt(drive**2 - float(behind.mean()) ** 2)
    steady = low_speed_turn.RADIUS_M - (trailer - 0.5 * float(table["trailer"]["width_m"]))
    assert 0.6 * steady < turn.swept_path_m < steady


def test_front_and_rear_swing_out_but_little(turn):
    assert 0.2 < turn.frontal_swing_m < 0.7 and 0.1 < turn.tail_swing_m < 0.35


def test_a_longer_trailer_takes_more_road(turn):
    assert low_speed_turn.drive(Plant.load("plants/us_6x4_53ft", WIDE)).swept_path_m > turn.swept_path_m + 1.0
