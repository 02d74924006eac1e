import numpy as np
import pytest

from hil.fuel import CO2, DENSITY, fuel_figures
from hil.plant import Plant, PlantCommand, Surroundings


def driven(seconds, command=None, speed=80.0 / 3.6, grade=0.0, overrides=None):
    plant = Plant.load("plants/eu_4x2_40t", overrides)
    plant.reset(speed=speed)
    for _ in range(round(seconds * 100)):
        plant.step(0.01, command or PlantCommand(acceleration_mps2=0.0), Surroundings(grade=grade))
    return plant


def test_no_fuel_in_overrun_and_some_for_turning_the_engine_itself():
    assert driven(5.0, PlantCommand(engine_torque_nm=-400.0)).state["fuel_rate"] == 0.0
    drag = 120.0 + 0.7 * float(driven(3.0, PlantCommand()).state["engine_speed_radps"])
    state = driven(3.0, PlantCommand()).state
    assert state["fuel_rate"] == pytest.approx(drag * state["engine_speed_radps"] / (0.475 * 42.7e6), rel=0.02)


def test_specific_consumption_is_that_of_the_class():
    state = driven(4.0, PlantCommand(engine_torque_nm=2000.0), overrides={"gearbox.shift_up_rpm": 2000}).state
    power_kw = float(state["engine_torque_nm"] * state["engine_speed_radps"]) / 1e3
    assert 185.0 < 3.6e6 * float(state["fuel_rate"]) / power_kw < 205.0  # g/kWh


def test_the_fuel_is_the_rate_summed_and_idling_takes_two_litres_an_hour():
    plant = Plant.load("plants/eu_4x2_40t")
    plant.reset()
    total = 0.0
    for _ in range(500):
        plant.step(0.01, PlantCommand(brake_deceleration_mps2=1.0))
        total += 0.01 * float(plant.state["fuel_rate"])
    assert total == pytest.approx(float(plant.state["fuel_kg"]), rel=1e-6)
    assert 1.8 < 3600.0 * float(plant.state["fuel_rate"]) / DENSITY < 2.6


def test_out_of_gear_the_engine_idles_and_neither_drives_nor_drags():
    rolling, overrun = driven(10.0, PlantCommand(roll=True)), driven(10.0, PlantCommand(engine_torque_nm=-200.0))
    assert rolling.state["gear"] == 0 and rolling.state["engine_speed_radps"] == pytest.approx(62.8, abs=1.0)
    assert rolling.state["speed"] > overrun.state["speed"] + 0.2
    for _ in range(150):
        rolling.step(0.01, PlantCommand(engine_torque_nm=500.0))
    assert rolling.state["gear"] == 12 and rolling.state["engine_torque_nm"] == pytest.approx(500.0, rel=0.05)


def test_an_early_shift_up_at_light_load_only_where_it_is_wanted():
    light = PlantCommand(engine_torque_nm=300.0)
    late, early = driven(8.0, light, 75.0 / 3.6), driven(8.0, light, 75.0 / 3.6, overrides={"gearbox.economy_rpm": 1000})
    assert late.state["gear"] == 11 and early.state["gear"] == 12


def test_litres_and_carbon_dioxide():
    told = fuel_figures(25.0, 100_000.0, 25_500.0)
    assert told["fuel_l_per_100km"] == pytest.approx(25.0 / DENSITY)
    assert told["co2_g_per_tkm"] == pytest.approx(25.0 * CO2 * 1e3 / 2550.0)
    assert fuel_figures(0.0, 0.0, 1.0)["fuel_l_per_100km"] is None and fuel_figures(1.0, 1.0, 0.0)["co2_g_per_tkm"] is None
    assert np.isfinite(told["fuel_kg"])
