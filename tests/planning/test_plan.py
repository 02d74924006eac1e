import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.planning import plan_twin
from tests.step_parameters import step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()
PLAN, VEHICLE = PARAMETERS["plan"], PARAMETERS["vehicle"]
FRONT = float(VEHICLE["front_overhang_m"])
KEEP_LANE, FOLLOW, FALLBACK_STOP = 1, 2, 3


def situation(speed=20.0, engage=1, curvature=0.0, lead=None, lane_status=1, set_speed=22.0, now_ns=10**9):
    """Arguments of PlanStep.step; `lead` = (gap in m, speed, acceleration)."""
    frame, vehicle, lane, tracks = zeros("InputFrame"), zeros("VehicleState"), zeros("LaneState"), zeros("TrackList")
    frame["tick_time_ns"], frame["engage"] = now_ns, engage
    vehicle["time_ns"], vehicle["speed"], vehicle["set_speed"] = now_ns, speed, set_speed
    lane["status"], lane["valid_distance_m"] = lane_status, 200.0
    lane["preview"] = lane["curvature"] = curvature
    gap, lead_speed, lead_acceleration = lead or (np.nan, np.nan, np.nan)
    tracks["lead_distance"] = gap + FRONT
    tracks["lead_speed"], tracks["lead_acceleration"] = lead_speed, lead_acceleration
    return [frame, vehicle, valid_ego(speed, curvature * speed), zeros("TruckState"), lane, tracks]


def plan_for(**given_situation):
    return PlanStep(PLAN, VEHICLE).step(*situation(**given_situation))


@pytest.mark.parametrize("speed_kmh, time_s, distance_m", [
    (7.2, 1.2, 2.4), (10, 1.4, 3.9), (20, 1.6, 8.9), (30, 1.8, 15.0), (40, 2.0, 22.2), (50, 2.2, 30.6),
    (60, 2.4, 40.0)])  # fmt: skip
def test_the_gap_is_never_less_than_the_regulation_table(speed_kmh, time_s, distance_m):
    """UN R157 5.2.3.3, M2/M3/N2/N3."""
    gap = PlanStep(PLAN, VEHICLE).gap(speed_kmh / 3.6)
    assert gap >= distance_m - 0.06 and gap >= time_s * speed_kmh / 3.6 - 1e-9


def test_the_gap_above_the_table():
    gap = PlanStep(PLAN, VEHICLE).gap
    assert gap(80 / 3.6) == pytest.approx(2.8 * 80 / 3.6)
    assert gap(0.0) >= 2.4
    for speed_kmh in np.arange(50.0, 91.0):
        assert gap(speed_kmh / 3.6) >= 50.0 - 1e-9  # the law above 50 km/h
    speeds = np.linspace(0.0, 30.0, 1000)
    assert (np.diff([gap(speed) for speed in speeds]) > -1e-9).all()


@given(st.floats(0.0, 35.0))
def test_the_gap_is_that_of_the_twin(speed):
    assert PlanStep(PLAN, VEHICLE).gap(speed) == pytest.approx(plan_twin.desired_gap(PLAN, speed), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.0, 30.0), st.floats(-3.0, 200.0), st.floats(0.0, 30.0), st.floats(-8.0, 3.0))
def test_following_is_that_of_the_twin_and_never_beyond_the_limits(speed, gap, lead_speed, lead_acceleration):
    plan = plan_for(speed=speed, lead=(gap, lead_speed, lead_acceleration))
    assert -PLAN["deceleration_maximum"] <= plan["target_acceleration"] <= PLAN["acceleration_maximum"]
    follow = plan_twin.follow_acceleration(PLAN, speed, gap, float(plan["desired_gap"]), lead_speed, lead_acceleration)
    if plan["behaviour"] == FOLLOW:
        assert plan["target_acceleration"] == pytest.approx(follow, abs=1e-9) and plan["reason"] == 1


def test_a_cut_in_at_equal_speed_is_not_braked_for_hard():
    plan = plan_for(speed=20.0, lead=(20.0, 20.0, 0.0))
    assert plan["behaviour"] == FOLLOW and -1.0 < plan["target_acceleration"] < 0.0


def test_a_braking_lead_is_braked_for():
    assert plan_for(speed=20.0, lead=(40.0, 15.0, -3.0))["target_acceleration"] < -3.0


def test_following_settles_at_the_wanted_gap_without_touching():
    """A lead 5 m/s slower, first seen at 120 m."""
    step, speed, gap, smallest = PlanStep(PLAN, VEHICLE), 22.0, 120.0, 1e9
    for k in range(12_000):
        plan = step.step(*situation(speed=speed, lead=(gap, 17.0, 0.0), now_ns=10**9 + k * 10_000_000))
        speed += 0.01 * float(plan["target_acceleration"])
        gap += 0.01 * (17.0 - speed)
        smallest = min(smallest, gap)
    assert abs(gap - step.gap(17.0)) < 0.5 and smallest > 0.85 * step.gap(17.0)


@pytest.mark.parametrize("radius, expected", [(250.0, 19.36), (500.0, 22.0), (100.0, 12.25)])
def test_the_speed_in_a_bend_keeps_the_lateral_acceleration(radius, expected):
    plan = plan_for(curvature=1.0 / radius)
    assert plan["target_speed"] == pytest.approx(expected, abs=0.05)
    assert plan["target_speed"] ** 2 / radius <= 1.5 + 1e-6


def test_the_curve_speed_is_that_of_the_twin():
    rng = np.random.default_rng(0)
    for _ in range(20):
        given_situation = situation()
        given_situation[4]["preview"] = rng.normal(0.0, 0.004, 32)
        given_situation[4]["valid_distance_m"] = rng.uniform(0.0, 200.0)
        expected = plan_twin.curve_speed(PLAN, given_situation[4]["preview"], float(given_situation[4]["valid_distance_m"]))
        assert PlanStep(PLAN, VEHICLE).step(*given_situation)["curve_speed"] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.floats(1.0, 28.0), st.floats(30.0, 200.0))
def test_the_stop_is_that_of_the_twin_and_within_the_limit(speed, reach):
    given_situation = situation(speed=speed)
    given_situation[4]["valid_distance_m"] = reach
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    twin = plan_twin.stop(PLAN, speed, min(reach, 160.0))
    found = [plan[f"fallback_{name}"] for name in ("deceleration", "distance", "duration")]
    np.testing.assert_allclose(found, twin, rtol=1e-9)
    assert plan["fallback_deceleration"] <= 4.0
    assert (plan["fallback_valid"] == 1) == (plan["fallback_distance"] <= min(reach, 160.0))


def test_the_stop_from_25_mps_has_the_published_distance():
    assert plan_for(speed=25.0)["fallback_distance"] == pytest.approx(138.0, abs=1.0)


def test_the_stop_path_returns_to_the_lane_path():
    """Its curvature is the lane's plus the second derivative of the twin's quintic."""
    given_situation = situation(speed=20.0, curvature=1 / 500)
    given_situation[4]["offset"], given_situation[4]["heading_error"] = 0.4, -0.01
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    path = plan_twin.return_path(20.0 * float(PLAN["fallback_return_s"]), 0.4, -0.01)
    s = 5.0 * np.arange(32)
    expected = 1 / 500 + np.where(s < 80.0, path.deriv(2)(s), 0.0)
    np.testing.assert_allclose(plan["fallback_curvature"], expected, atol=1e-12)


def test_a_lost_lane_stops_along_the_last_path_until_disengaged():
    step = PlanStep(PLAN, VEHICLE)
    before = step.step(*situation(curvature=1 / 400))
    lost = step.step(*situation(lane_status=0, now_ns=10**9 + 10_000_000))
    assert lost["behaviour"] == FALLBACK_STOP and lost["reason"] == 3 and lost["fallback_valid"]
    assert lost["target_acceleration"] == -lost["fallback_deceleration"]
    np.testing.assert_allclose(lost["fallback_curvature"][:20], before["fallback_curvature"][:20], atol=1e-4)
    assert step.step(*situation(now_ns=10**9 + 20_000_000))["behaviour"] == FALLBACK_STOP
    assert step.step(*situation(engage=0, now_ns=10**9 + 30_000_000))["behaviour"] == KEEP_LANE


def test_losing_the_ego_motion_or_the_speed_stops_too():
    for reason, change in ((4, lambda s: s[2].__setitem__("status", 0)), (5, lambda s: s[1].__setitem__("speed_validity", 3))):
        given_situation = situation()
        change(given_situation)
        plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
        assert plan["behaviour"] == FALLBACK_STOP and plan["reason"] == reason


def test_the_steering_offset_is_found():
    step = PlanStep(PLAN, VEHICLE)
    for k in range(6000):
        given_situation = situation(now_ns=10**9 + k * 10_000_000)
        given_situation[1]["road_wheel_angle"] = 0.004
        plan = step.step(*given_situation)
    assert plan["fallback_steering_bias"] == pytest.approx(0.004, abs=1e-4)
