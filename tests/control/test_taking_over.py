"""What the truck stands off at taking over, and what the road's bank does, before anything is learned of it."""

import numpy as np
import pytest
from autonomy.control._control import ControlStep

from autonomy.control import lateral_twin
from tests.step_parameters import step_parameters, valid_ego, zeros

SPEED_MPS, RESPONSE_S = 22.0, 0.4


def driven(ticks: int, *, driver: bool = False, offset: float = 0.0, roll=lambda k: 0.0, yaw_rate: float = 0.0) -> np.ndarray:
    """Controls of a truck that stays where it is, whatever is asked; its driver holds the wheel straight."""
    parameters = step_parameters("demo_truck")
    parameters["vehicle"]["steering_play_rad"] = 0.0
    step = ControlStep(parameters["lateral"], parameters["longitudinal"], parameters["vehicle"])
    state, truck, plan, lane, actuation = (zeros(n) for n in ("VehicleState", "TruckState", "Plan", "LaneState", "Actuation"))
    truck["steering_delay_s"], truck["steering_lag_s"], truck["mass_kg"], truck["has_trailer"] = 0.2, 0.2, 40e3, 1
    lane["status"], lane["width_left"], lane["width_right"], lane["offset"] = 1, 1.9, 1.9, offset
    lane["preview"] = yaw_rate / SPEED_MPS
    ego = valid_ego(SPEED_MPS, yaw_rate)
    ego["acceleration"][1] = SPEED_MPS * yaw_rate
    found = []
    for k in range(ticks):
        ego["roll"], state["time_ns"], actuation["mode"] = roll(k), 10**9 + k * 10_000_000, 0 if driver else 1
        found.append(step.step(state, ego, truck, lane, plan))
        step.remember(actuation)
    return np.array(found)


def test_an_offset_is_taken_back_along_the_shape_from_the_moment_the_driver_lets_go():
    active, standby = driven(300, offset=0.1), driven(300, offset=0.1, driver=True)
    assert set(active["solver_status"]) == {1}
    # Both have seen the same and sent nothing; the steering asked for is that of the offset and of the shape
    share = active["road_wheel_angle"] / standby["road_wheel_angle"]
    first = lateral_twin.taking_over(0.0, SPEED_MPS, RESPONSE_S)
    expected = [(1.0 - lateral_twin.taking_over(0.01 * k, SPEED_MPS, RESPONSE_S)) / (1.0 - first) for k in range(300)]
    settled = slice(30, None)  # the cost-to-go has come to rest
    np.testing.assert_allclose(share[settled], expected[settled], rtol=0.1, atol=0.02)
    assert len(set(expected)) == 4 and expected[-1] == pytest.approx(1.0 / (1.0 - first))


def test_the_faster_and_the_later_the_steering_the_more_is_asked_first():
    asked = [-lateral_twin.taking_over(0.0, *case) for case in ((5.0, 0.15), (15.0, 0.15), (15.0, 0.5), (29.0, 0.65))]
    assert asked == sorted(asked) and 0.5 < asked[0] < asked[-1] <= lateral_twin.EAGER_MOST
    for speed, response in ((2.0, 0.05), (30.0, 0.9)):
        assert lateral_twin.taking_over(3.0, speed, response) == 0.0, "it ends"
        assert all(np.isfinite(lateral_twin.taking_over(0.01 * k, speed, response)) for k in range(300))


def test_a_bank_is_a_side_force_at_once_and_leaning_in_a_bend_is_none():
    bank = 0.04
    lean = float(step_parameters("demo_truck")["vehicle"]["body_roll_rad_per_mps2"])
    banked = driven(200, roll=lambda k: (bank + lean * 9.81 * bank) * min(max(k - 100, 0) / 10.0, 1.0))
    level = driven(200)
    found = (banked["lateral_disturbance"] - level["lateral_disturbance"])[110]
    assert -9.81 * bank <= found <= -0.75 * 9.81 * bank, "all else says that nothing pushes"
    bend = driven(200, yaw_rate=0.05, roll=lambda k: lean * SPEED_MPS * 0.05)
    flat = driven(200, yaw_rate=0.05)
    assert bend["lateral_disturbance"][5] == pytest.approx(flat["lateral_disturbance"][5], abs=0.02)


def test_a_roll_that_jumps_or_is_no_number_is_not_followed():
    level = driven(60)["lateral_disturbance"][-1]
    for roll in (lambda k: 0.03 if k > 40 else 0.0, lambda k: np.nan if k > 40 else 0.0, lambda k: np.nan if k == 40 else 0.01):
        assert driven(60, roll=roll)["lateral_disturbance"][-1] == pytest.approx(level, abs=1e-3)
