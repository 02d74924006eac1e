"""Wheels under their brakes: with ABS they roll at the peak of the grip, without it they lock, slide and guide no more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import UsageError
from autonomy.physics import STANDARD_GRAVITY_MPS2
from hil.plant import Plant, PlantCommand, Surroundings, plant_twin

ICE = Surroundings(friction=0.3)
BRAKING = PlantCommand(0.0, brake_deceleration_mps2=6.0)
RELEASED = PlantCommand(0.0)
EU = "plants/eu_4x2_40t"  # axles: steered, driven, three of the trailer
TRACTOR, TRAILER = slice(0, 2), slice(2, 5)


def braked(seconds, command=BRAKING, road=ICE, speed=22.0, **overrides):
    plant = Plant.load(EU, {f"brakes.{key}": value for key, value in overrides.items()})
    plant.reset(speed=speed)
    for _ in range(round(seconds * 100)):
        plant.step(0.01, command, road)
    return plant


def test_with_abs_no_wheel_locks_and_the_peak_is_used():
    plant = braked(2.0)
    assert not plant.state["wheel_slip"].any()
    assert -plant.state["ax"] == pytest.approx(0.3 * 0.85 * STANDARD_GRAVITY_MPS2, rel=0.05)


def test_a_trailer_whose_abs_has_failed_locks_its_wheels_alone():
    plant = braked(2.0, trailer_abs=0)
    np.testing.assert_array_equal(plant.state["wheel_slip"][TRACTOR], 0.0)
    np.testing.assert_array_equal(plant.state["wheel_slip"][TRAILER], 1.0)


def test_locked_all_round_it_slides_with_the_sliding_grip_alone():
    plant = braked(2.0, tractor_abs=0, trailer_abs=0)
    assert (plant.state["wheel_slip"][:5] == 1.0).all()
    assert -plant.state["ax"] == pytest.approx(0.3 * 0.65 * STANDARD_GRAVITY_MPS2, rel=0.05)


def test_wheels_need_time_to_stop_and_turn_again_when_released():
    plant = braked(0.45, trailer_abs=0)
    assert 0.0 < plant.state["wheel_slip"][TRAILER].min() < 1.0
    plant = braked(2.0, trailer_abs=0)
    for _ in range(200):
        plant.step(0.01, RELEASED, ICE)
    assert not plant.state["wheel_slip"].any()


def test_in_a_left_turn_a_locked_trailer_swings_out_where_one_with_abs_follows():
    command = PlantCommand(0.004, brake_deceleration_mps2=6.0)
    assert -0.02 < braked(4.0, command).state["articulation"] < 0.0
    assert braked(4.0, command, trailer_abs=0).state["articulation"] > 0.05


def test_locked_drive_wheels_fold_the_combination():
    shares = [10.0, 40.0, 10.0, 10.0, 10.0]
    steered = PlantCommand(0.003, brake_deceleration_mps2=2.0)
    assert abs(braked(5.0, steered, tractor_abs=1, shares=shares).state["articulation"]) < 0.02
    assert abs(braked(5.0, steered, tractor_abs=0, shares=shares).state["articulation"]) > 0.3


def test_the_disc_of_a_locked_wheel_stays_cool():
    rolling, locked = braked(4.0), braked(4.0, trailer_abs=0)
    assert (locked.state["brake_temperature"][TRAILER] < rolling.state["brake_temperature"][TRAILER] - 1.0).all()


def test_it_stops_and_stands_without_abs():
    plant = braked(20.0, tractor_abs=0, trailer_abs=0)
    x = float(plant.state["x"])
    for _ in range(100):
        plant.step(0.01, BRAKING, ICE)
    assert plant.state["speed"] == 0.0 and plant.state["x"] == x


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.9), st.floats(0.0, 8.0), st.floats(0.5, 29.0), st.floats(-0.3, 0.3))
def test_slips_stay_shares_and_states_finite(friction, brake, speed, angle):
    road = Surroundings(friction=friction)
    plant = braked(3.0, PlantCommand(angle, brake_deceleration_mps2=brake), road, speed, tractor_abs=0, trailer_abs=0)
    assert ((plant.state["wheel_slip"] >= 0.0) & (plant.state["wheel_slip"] <= 1.0)).all()
    assert all(np.isfinite(plant.state[name]).all() for name in plant.state.dtype.names)


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(-2.0, 2.0), st.floats(-0.4, 0.4), st.floats(0.3, 1.0))
def test_sliding_tyres_only_take_energy_and_the_power_told_is_what_is_lost(articulation, sideways, yaw_rate, slip):
    plant = Plant.load(EU, {"engine.inertia": 0.0, "tyres.wheel_inertia": 0.0, "air.drag_area_m2": 0.0,
                            "air.tractor_side_area_m2": 0.0, "air.trailer_side_area_m2": 0.0})  # fmt: skip
    x = np.zeros(26)
    x[[plant_twin.U, plant_twin.V, plant_twin.R, plant_twin.S]] = 15.0, sideways, yaw_rate, 0.5 * yaw_rate
    x[plant_twin.ARTICULATION] = articulation
    slips = np.full(8, slip)
    dx, power = plant.kernel.derivative(x, 0.0, wheel_slip=slips)
    step = 1e-6
    lost = (plant_twin.kinetic_energy(plant.parameters, x + step * dx)
            - plant_twin.kinetic_energy(plant.parameters, x - step * dx)) / (2.0 * step)  # fmt: skip
    assert power == pytest.approx(lost, rel=1e-4, abs=50.0)


@pytest.mark.parametrize("shares", [[1.0, 1.0], [1.0, 1.0, 1.0, 1.0, -1.0], [0.0] * 5])
def test_shares_that_cannot_be_are_told(shares):
    with pytest.raises(UsageError, match=r"\[brakes\] shares"):
        Plant.load(EU, {"brakes.shares": shares})
