"""What the truck step tells changes the steering, and its uncertainty alone does, always to the careful side."""

import numpy as np
import pytest
from autonomy.control._control import ControlStep

from autonomy.stack import Stack
from tests.step_parameters import known_truck, valid_ego, zeros

PARAMETERS = Stack.from_config("vehicles/demo_truck").parameters
VEHICLE = PARAMETERS["vehicle"]
SPEED = 20.0


def steered(truck, curvature=1.0 / 300.0, offset=0.1, half_width=1.75, ticks=40):
    """rad that are commanded in a bend, from a place beside the middle on."""
    step = ControlStep(PARAMETERS["lateral"], PARAMETERS["longitudinal"], VEHICLE)
    state, plan, lane, actuation = (zeros(name) for name in ("VehicleState", "Plan", "LaneState", "Actuation"))
    lane["status"], lane["width_left"], lane["width_right"] = 1, half_width, half_width
    lane["preview"], lane["offset"] = curvature, offset
    ego, found = valid_ego(SPEED, curvature * SPEED), []
    ego["acceleration"][1] = curvature * SPEED**2
    for tick in range(ticks):
        state["time_ns"] = 10**9 + tick * 10_000_000
        control = step.step(state, ego, truck, lane, plan)
        actuation["road_wheel_angle_rad"], actuation["mode"] = control["road_wheel_angle"], 1
        step.remember(actuation)
        found.append(float(control["road_wheel_angle"]))
    return np.array(found)


def of(**estimates):
    told = {"steering_delay_s": 0.1, "steering_lag_s": 0.2, "mass_kg": 40_000.0, "mass_high_kg": 40_000.0,
            "trailer_wheelbase_m": float(VEHICLE["trailer_wheelbase_m"])}  # fmt: skip
    return known_truck(**(told | estimates))


WHEELBASE = float(VEHICLE["trailer_wheelbase_m"])


@pytest.mark.parametrize("estimates", [
    {"trailer_wheelbase_m": 0.85 * WHEELBASE, "trailer_wheelbase_known": 1}, {"mass_kg": 20_000.0, "mass_high_kg": 20_000.0},
    {"front_tyre_factor": 0.8, "rear_tyre_factor": 0.8, "tyres_known": 1},
    {"trailer_wheelbase_known": 1, "trailer_tyre_factor": 0.7}, {"steering_delay_s": 0.2}, {"steering_lag_s": 0.3},
])  # fmt: skip
def test_what_was_learned_is_steered_by(estimates):
    assert np.abs(steered(of(**estimates)) - steered(of())).max() > 5e-5


def test_a_wheelbase_that_is_not_known_yet_changes_nothing():
    assert (steered(of(trailer_wheelbase_m=0.85 * WHEELBASE)) == steered(of())).all()


def test_a_trailer_of_unknown_length_is_kept_further_from_the_line():
    """In a bend of a narrow lane, where the trailer cuts in."""
    known = {"trailer_wheelbase_m": WHEELBASE, "trailer_wheelbase_known": 1}
    sure, doubted = (steered(of(**known, trailer_wheelbase_sigma_m=sigma), offset=0.4, half_width=1.4)
                     for sigma in (0.02, 0.5))  # fmt: skip
    assert np.abs(doubted - sure).max() > 1e-3

