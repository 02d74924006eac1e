import numpy as np
import pytest

from hil.longitudinal.hill_bound import Truck, least_fuel
from hil.longitudinal.hills import POINT_M, Hills, generated
from hil.longitudinal.rolling_train import RollingTrain
from hil.plant import Plant

SET_SPEED, KM = 80.0 / 3.6, 2.0
LEVEL = Hills("level", np.zeros(round(1000.0 * KM / POINT_M)))
BAND = {"over": 1.4, "under": 2.0}


def steady_fuel(truck):
    force = truck.mass * truck.rolling + truck.air * SET_SPEED**2
    return float(truck.fuel_rate(np.array(force), np.array(SET_SPEED), 0)) * 1000.0 * KM / SET_SPEED


def test_on_the_level_in_gear_nothing_is_below_the_steady_drive():
    plant = Plant.load("plants/eu_4x2_40t")
    found = least_fuel(plant, LEVEL, SET_SPEED, 1000.0 * KM / SET_SPEED, rolls=False, **BAND)
    assert found == pytest.approx(steady_fuel(Truck(plant)), rel=0.005)


def test_freedom_time_and_level_roads_save_fuel():
    plant, hills = Plant.load("plants/eu_4x2_40t"), generated(5, 2000.0, 0.015)
    time_s = hills.length_m / SET_SPEED
    in_gear = least_fuel(plant, hills, SET_SPEED, time_s, rolls=False, **BAND)
    assert least_fuel(plant, hills, SET_SPEED, time_s, rolls=True, **BAND) < in_gear
    assert least_fuel(plant, hills, SET_SPEED, 1.02 * time_s, rolls=False, **BAND) < in_gear
    assert in_gear > steady_fuel(Truck(plant)) * hills.length_m / (1000.0 * KM) * 0.99


def test_fuel_of_the_bound_is_that_of_the_plant_at_a_steady_speed():
    truck, plant = Truck(Plant.load("plants/eu_4x2_40t")), Plant.load("plants/eu_4x2_40t")
    plant.reset(speed=SET_SPEED)
    command = plant.drive(0.0)
    for _ in range(300):
        plant.step(0.01, command)
    state = plant.state
    force = float(state["engine_torque_nm"]) * truck.crank[0] * truck.efficiency
    before = float(state["fuel_kg"])
    plant.step(0.1, command)
    assert (float(state["fuel_kg"]) - before) / 0.1 == pytest.approx(
        float(truck.fuel_rate(np.array(force), np.array(float(state["speed"])), 0)), rel=0.01)  # fmt: skip


def test_a_gearbox_that_rolls_by_itself_leaves_the_gear_from_the_set_speed_on_and_comes_back():
    train = RollingTrain("plants/eu_4x2_40t", None, SET_SPEED)
    train.reset(SET_SPEED)
    told = np.zeros((), [("engine_torque_nm", "f8"), ("retarder_torque_nm", "f8"), ("brake_deceleration_mps2", "f8"),
                         ("road_wheel_angle_rad", "f8"), ("roll", "u1")])  # fmt: skip
    for _ in range(150):
        train.step(told, -0.02)
    assert train.rolls and train.plant.state["engine_speed_radps"] < 80.0
    for _ in range(1500):
        train.step(told, 0.01)
    assert not train.rolls and train.speed < SET_SPEED - 0.3
    train.reset(SET_SPEED)
    told["retarder_torque_nm"] = -500.0
    for _ in range(150):
        train.step(told, -0.02)
    assert not train.rolls
