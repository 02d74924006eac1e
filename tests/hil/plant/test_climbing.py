"""What slope a combination climbs, against the balance of forces."""

import math

import pytest

from autonomy.physics import STANDARD_GRAVITY_MPS2 as G
from hil.plant import climbing
from hil.plant.plant import Plant


def test_the_loaded_truck_starts_where_its_first_gear_lifts_it():
    plant = Plant.load("plants/eu_4x2_40t")
    engine, gearbox = plant.table["engine"], plant.table["gearbox"]
    ratio = gearbox["ratios"][0] * float(plant.parameters["final_drive"])
    lever = ratio * float(plant.parameters["efficiency"]) / float(plant.parameters["wheel_radius"])
    force = max(engine["curve_torque_nm"]) * lever
    slope = math.tan(math.asin(force / (plant.mass * G) - float(plant.parameters["rolling_resistance"])))
    assert 0.10 < climbing.steepest(plant, 0.0) <= 1.02 * slope


def test_an_empty_4x2_is_limited_by_the_grip_of_its_drive_axle():
    grippy = climbing.steepest(Plant.load("plants/eu_4x2_empty"), 2.0)
    assert grippy < 0.8 * climbing.STEEPEST


@pytest.mark.parametrize("slope, aim", [(0.01, 80.0), (0.06, 25.0)])
def test_speed_kept_uphill_is_that_of_the_engines_power(slope, aim):
    plant = Plant.load("plants/eu_4x2_40t")
    kept = climbing.speed_kept(plant, slope)
    needed = plant.mass * G * (slope + float(plant.parameters["rolling_resistance"])) * kept
    assert 3.6 * kept > aim and needed < 500e3
