"""Steering, brakes, retarder, engine and gearbox, cab: each against what its parameters promise."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonomy.errors import UsageError
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from hil.plant import Plant, PlantCommand, Surroundings
from tests.hil.plant.test_plant import DEMO, drive


def steering(seconds, angle, **overrides):
    plant = Plant.load(DEMO, {f"steering.{key}": value for key, value in overrides.items()})
    plant.reset(speed=15.0)
    return drive(plant, seconds, angle if callable(angle) else PlantCommand(angle, held_speed_mps=15.0))["road_wheel_angle"]


def test_the_wheels_follow_after_dead_time_and_lag():
    angles = steering(2.0, 0.02, delay_s=0.15, lag_s=0.2, play=0.0)
    assert (angles[:14] == 0.0).all()
    times = (np.arange(len(angles)) + 1) * 0.01
    expected = np.where(times > 0.15, 0.02 * (1.0 - np.exp(-(times - 0.15) / 0.2)), 0.0)
    np.testing.assert_allclose(angles, expected, atol=4e-4)


def test_rate_and_stop_are_kept():
    angles = steering(3.0, 1.0, delay_s=0.0, lag_s=0.05, maximum_rate=0.3, maximum_angle=0.5)
    assert np.diff(angles).max() <= 0.003 + 1e-12 and angles.max() <= 0.5


def test_play_is_a_gap_as_wide_as_told_and_the_offset_stays():
    def swing(t):
        return PlantCommand(0.02 * math.sin(2.0 * t), held_speed_mps=15.0)

    tight, loose = (steering(10.0, swing, play=play, delay_s=0.0) for play in (0.0, 0.004))
    assert np.ptp(tight[500:]) - np.ptp(loose[500:]) == pytest.approx(0.004, abs=1e-4)
    assert steering(2.0, 0.0, offset=0.003, play=0.0)[-1] == pytest.approx(0.003)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=40), st.floats(0.0, 0.01), st.floats(0.0, 0.4))
def test_whatever_is_commanded_the_wheels_stay_within_stop_and_rate(commands, play, delay):
    plant = Plant.load(DEMO, {"steering.play": play, "steering.delay_s": delay})
    plant.reset(speed=5.0)
    last = 0.0
    for command in commands:
        now = float(plant.step(0.01, PlantCommand(command, held_speed_mps=5.0))["road_wheel_angle"])
        assert abs(now - last) <= 0.3 * 0.01 + play + 1e-9 and abs(now) <= 0.6
        last = now


def test_air_brakes_build_up_and_release_as_fmvss_121_has_it():
    """60 % of the demand after 0.45 to 0.60 s; back to 5 % within 1.2 s."""
    plant = Plant.load(DEMO)
    plant.reset(speed=25.0)
    on = drive(plant, 3.0, PlantCommand(brake_deceleration_mps2=3.0))["brake_deceleration_mps2"]
    assert 0.45 <= 0.01 * np.argmax(on > 0.6 * 3.0) <= 0.60
    assert on[-1] == pytest.approx(3.0, rel=0.01)
    off = drive(plant, 2.0, PlantCommand())["brake_deceleration_mps2"]
    assert 0.55 <= 0.01 * np.argmax(off < 0.05 * 3.0) <= 1.2


def test_what_is_braked_is_what_is_felt_and_axle_loads_shift_forward():
    plant = Plant.load(DEMO)
    plant.reset(speed=25.0)
    states = drive(plant, 3.0, PlantCommand(brake_deceleration_mps2=4.0))
    assert states["ax"][-1] == pytest.approx(-4.0, abs=0.3)
    assert states["axle_load"][-1][0] > 1.15 * states["axle_load"][0][0]
    assert states["pitch"][-1] > 0.005  # nose down


def test_brakes_warm_up_and_fade_on_a_long_descent():
    plant = Plant.load(DEMO)
    plant.reset(speed=20.0)
    road = Surroundings(grade=-0.06)
    states = drive(plant, 240.0, PlantCommand(brake_deceleration_mps2=0.5), road, dt=0.1)
    assert states["brake_temperature"][-1][1] > 250.0
    hot, cold = Plant.load(DEMO), Plant.load(DEMO)
    for fresh, degrees in ((hot, 650.0), (cold, 20.0)):
        fresh.reset(speed=25.0)
        fresh.kernel.memory["brake_temperature"][:] = degrees
    slowed = [drive(fresh, 2.0, PlantCommand(brake_deceleration_mps2=4.0))["speed"][-1] for fresh in (hot, cold)]
    assert slowed[0] > slowed[1] + 0.5


def test_the_retarder_fills_slowly_brakes_with_its_power_and_fades_with_heat():
    plant = Plant.load(DEMO)
    plant.reset(speed=22.2)
    filling = drive(plant, 2.0, PlantCommand(retarder_torque_nm=-3250.0))["retarder_torque_nm"]
    assert 0.4 < 0.01 * np.argmax(filling < -0.63 * 3250.0) < 1.0
    road = Surroundings(grade=-0.07)
    held = drive(plant, 400.0, lambda t: PlantCommand(retarder_torque_nm=-3250.0, held_speed_mps=22.2), road, dt=0.1)
    assert held["retarder_temperature"][-1] > 100.0
    begin, end = held["retarder_torque_nm"][[30, -1]]
    assert begin < -0.8 * 3250.0 and end > 0.95 * begin
    assert held["retarder_torque_maximum_nm"][-1] == pytest.approx(-held["retarder_torque_nm"][-1], rel=0.01)


def test_retarding_power_is_what_a_descent_of_6_percent_needs():
    """Holding 40 t at 80 km/h down 6 % takes 430 kW of retarding in all (truck facts, section 2)."""
    plant = Plant.load(DEMO)
    plant.reset(speed=22.2)
    states = drive(plant, 6.0, PlantCommand(acceleration_mps2=0.0), Surroundings(grade=-0.06))
    wheel = 40000.0 * STANDARD_GRAVITY_MPS2 * (math.sin(0.06) - 0.006) * 22.2 - 0.5 * AIR_DENSITY_KGPM3 * 6.0 * 22.2**3
    retarder = -states["retarder_torque_nm"][-1] * states["shaft_speed"][-1]
    brakes = states["brake_deceleration_mps2"][-1] * 40000.0 * 22.2
    assert retarder + brakes == pytest.approx(wheel, rel=0.05)
    assert 4.2e5 < wheel < 4.5e5


def test_it_accelerates_through_the_gears_with_torque_gaps():
    plant = Plant.load(DEMO)
    plant.reset(speed=0.0)
    states = drive(plant, 60.0, PlantCommand(0.0, 2500.0))
    assert 15.0 < states["speed"][-1] < 28.0
    gears = states["gear"][states["gear"] > 0]
    assert (np.diff(gears) >= 0).all() and gears[-1] >= 10
    shifting = states["shift_in_progress"] == 1
    assert 3 <= np.sum(np.diff(shifting.astype(int)) == 1) <= 10
    assert states["ax"][shifting].min() < 0.05 and (states["engine_speed_radps"] < 250.0).all()
    assert (states["driveline_engaged"][shifting] == 0).all()


def climb(plant, speed, grade, seconds=60.0):
    """A driver who wants to hold the speed uphill."""
    plant.reset(speed=speed)

    def ask(_):
        return PlantCommand(0.0, min(max(20000.0 * (speed - float(plant.state["speed"])), 0.0), 2500.0))

    return drive(plant, seconds, ask, Surroundings(grade=grade))


def test_on_a_climb_that_the_engine_can_hold_it_is_given_the_gear_to_do_so():
    """6 % at 40 km/h take 305 kW: more than gear 9 has at 1125 rpm, less than the engine's 390 kW."""
    states = climb(Plant.load(DEMO), 40.0 / 3.6, 0.06)
    gears = states["gear"][states["gear"] > 0]
    assert gears[0] == 9 and gears[-1] == 8
    assert 3.6 * states["speed"].min() > 34.0 and 3.6 * states["speed"][-1] > 39.0


@settings(max_examples=15, deadline=None)
@given(st.floats(6.0, 24.0), st.floats(0.0, 0.08))
@example(10.0, 0.0703125)
def test_gears_do_not_hunt_on_an_even_climb(speed, grade):
    """Down and soon up again once, after the fall at its foot; then an upper gear that cannot hold the speed is not tried."""
    gears = climb(Plant.load(DEMO), speed, grade)["gear"]
    steps = np.diff(gears[gears > 0])
    way = steps[steps != 0]
    assert np.sum((way[:-1] < 0) & (way[1:] > 0)) <= 1


def test_it_slows_down_through_the_gears_and_does_not_stall():
    plant = Plant.load(DEMO)
    plant.reset(speed=22.0)
    states = drive(plant, 25.0, PlantCommand(brake_deceleration_mps2=1.0))
    assert states["speed"][-1] == 0.0 and (states["engine_speed_radps"] >= 62.0).all()
    assert states["speed"].min() >= 0.0


def test_the_engine_brake_works_in_steps_and_takes_its_time():
    plant = Plant.load(DEMO)
    plant.reset(speed=22.2)
    strong = drive(plant, 2.0, PlantCommand(0.0, -2000.0))["engine_torque_nm"]
    plant.reset(speed=22.2)
    weak = drive(plant, 2.0, PlantCommand(0.0, -400.0))["engine_torque_nm"]
    assert strong[-1] < weak[-1] < -190.0
    assert 0.1 < 0.01 * np.argmax(strong < 0.63 * strong[-1]) < 0.6


@pytest.mark.parametrize("rpm", [600.0, 750.0, 900.0, 1000.0, 1200.0, 1400.0, 1550.0, 2050.0])
def test_the_engine_has_the_torque_of_its_file(rpm):
    plant = Plant.load(DEMO)
    engine = plant.table["engine"]
    top = float(plant.parameters["ratio"][int(plant.parameters["gears"]) - 1] * plant.parameters["final_drive"])
    if rpm < 1080.0:  # the gear that drives at this engine speed is the first
        top *= float(plant.parameters["ratio"][int(plant.parameters["start_gear"]) - 1])
    plant.reset(speed=rpm * math.pi / 30.0 / top * float(plant.parameters["wheel_radius"]))
    turns = float(plant.state["engine_speed_radps"]) * 30.0 / math.pi
    expected = np.interp(turns, engine["curve_rpm"], engine["curve_torque_nm"])
    assert plant.state["engine_torque_maximum_nm"] == pytest.approx(expected, rel=1e-9)
    assert turns == pytest.approx(rpm, rel=1e-6)


def test_a_curve_of_more_points_than_the_kernel_holds_is_refused():
    points = list(range(600, 2400, 200))
    with pytest.raises(UsageError, match="needs 2 to 8 numbers"):
        Plant.load(DEMO, {"engine.curve_rpm": points, "engine.curve_torque_nm": [2000] * 9})


def test_torque_follows_with_charge_build_up():
    plant = Plant.load(DEMO)
    plant.reset(speed=20.0)
    torque = drive(plant, 3.0, PlantCommand(0.0, 2400.0))["engine_torque_nm"]
    assert 0.3 < 0.01 * np.argmax(torque > 0.9 * 2400.0) < 1.2
    assert torque[-1] == pytest.approx(2400.0, rel=0.01)


def test_the_cab_nods_against_the_frame_and_settles():
    plant = Plant.load(DEMO)
    plant.reset(speed=20.0)
    states = drive(plant, 12.0, PlantCommand(brake_deceleration_mps2=3.0))
    assert states["cab_pitch"][500:550].mean() == pytest.approx(0.006 * 3.0, rel=0.15)  # nose down
    assert states["speed"][-1] == 0.0
    assert states["cab_pitch"].min() < -0.004 and abs(states["cab_pitch"][-50:]).max() < 0.002  # and back at the stop
    states = drive(plant, 4.0, PlantCommand(0.03, held_speed_mps=10.0))
    assert states["cab_roll"][-1] > 0.0  # leans out of the curve


@pytest.mark.parametrize(("deceleration", "distance"), [(2.5, 138.0), (4.0, 91.0), (5.0, 75.0)])
def test_it_stops_from_25_mps_where_the_truck_facts_say(deceleration, distance):
    """Drag and rolling resistance are the plant's own: some metres less."""
    plant = Plant.load(DEMO)
    plant.reset(speed=25.0)
    states = drive(plant, 14.0, PlantCommand(brake_deceleration_mps2=deceleration))
    assert states["speed"][-1] == 0.0 and states["x"][-1] == pytest.approx(distance, rel=0.08)
