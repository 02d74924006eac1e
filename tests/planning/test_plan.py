import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.planning import plan_twin
from tests.step_parameters import known_truck, step_parameters, valid_ego, zeros

PARAMETERS = step_parameters()
PLAN, VEHICLE = PARAMETERS["plan"], PARAMETERS["vehicle"]
LATERAL_LIMIT = float(PLAN["lateral_acceleration_maximum"] - PLAN["lateral_acceleration_reserve"])  # m/s2, with a load
FRONT = float(VEHICLE["front_overhang_m"])
KEEP_LANE, FOLLOW, FALLBACK_STOP = 1, 2, 3


def situation(speed=20.0, engage=1, curvature=0.0, lead=None, lane_status=1, set_speed=22.0, now_ns=10**9):
    """Arguments of PlanStep.step; `lead` = (gap in m, speed, acceleration)."""
    frame, vehicle, lane, tracks = zeros("InputFrame"), zeros("VehicleState"), zeros("LaneState"), zeros("TrackList")
    frame["tick_time_ns"], frame["engage"] = now_ns, engage
    vehicle["time_ns"], vehicle["speed"], vehicle["set_speed"] = now_ns, speed, set_speed
    lane["status"], lane["valid_distance_m"] = lane_status, 200.0
    lane["width_left"] = lane["width_right"] = 1.75
    lane["preview"] = lane["curvature"] = curvature
    gap, lead_speed, lead_acceleration = lead or (np.nan, np.nan, np.nan)
    tracks["lead_distance"] = gap + FRONT
    tracks["lead_speed"], tracks["lead_acceleration"] = lead_speed, lead_acceleration
    return [frame, vehicle, valid_ego(speed, curvature * speed), known_truck(), lane, tracks]


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
    for speed_kmh in np.arange(60.0, 91.0):
        assert gap(speed_kmh / 3.6) >= 50.0 - 1e-9  # the law where the table ends
    speeds = np.linspace(0.0, 30.0, 1000)
    assert (np.diff([gap(speed) for speed in speeds]) > -1e-9).all()


@given(st.floats(0.0, 35.0))
def test_the_gap_is_that_of_the_twin(speed):
    assert PlanStep(PLAN, VEHICLE).gap(speed) == pytest.approx(plan_twin.desired_gap(PLAN, speed), abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(st.floats(0.0, 30.0), st.floats(-3.0, 200.0), st.floats(-0.5, 30.0), st.floats(-8.0, 3.0), st.floats(-1.0, 8.0))
def test_following_is_that_of_the_twin_and_never_beyond_the_limits(speed, gap, lead_speed, lead_acceleration, lead_braking):
    found = PlanStep(PLAN, VEHICLE).follow(speed, gap, lead_speed, lead_acceleration, lead_braking)
    assert -PLAN["deceleration_maximum"] <= found <= PLAN["acceleration_maximum"]
    twin = plan_twin.follow_acceleration(PLAN, speed, gap, lead_speed, lead_acceleration, lead_braking)
    assert found == pytest.approx(twin, rel=1e-6, abs=1e-9)
    plan = plan_for(speed=speed, lead=(gap, lead_speed, lead_acceleration))
    assert -PLAN["emergency_deceleration"] <= plan["target_acceleration"] <= PLAN["acceleration_maximum"]


@settings(max_examples=60, deadline=None)
@given(st.floats(1.0, 80.0), st.floats(2.0, 28.0), st.floats(-5.0, 0.0), st.floats(0.0, 28.0), st.floats(-8.0, 0.0))
def test_the_required_deceleration_just_keeps_clear(gap, speed, acceleration, other_speed, other_acceleration):
    """With it the smallest gap of all time is the margin, with 5 % less it is below."""
    required = PlanStep(PLAN, VEHICLE).required(gap, speed, acceleration, other_speed, other_acceleration)
    reaction = float(PLAN["reaction_s"])
    margin = min(float(PLAN["collision_margin_m"]), float(PLAN["standing_margin_m"]) + reaction * speed)

    def smallest(deceleration):
        return plan_twin.smallest_gap(gap, speed, acceleration, other_speed, other_acceleration, deceleration, reaction)

    if required == 0.0:  # the least braking of all is enough: who brakes as little as a float can tell stands one day
        assert smallest(1e-9) > margin - 1e-6 or smallest(1e-9) >= smallest(50.0) - 1e-6
    elif 1e-5 < required < 50.0 and smallest(1000.0) > margin + 0.1:
        assert smallest(required) > margin - 1e-6
        assert smallest(0.95 * required) < margin + 1e-6


def ahead(gap, speed, entry_time_s=0.0, acceleration=0.0, existence=1.0):
    """A situation with one track; `gap` from the truck's front."""
    given_situation = situation(speed=22.0)
    tracks = given_situation[5]
    tracks["count"] = 1
    row = tracks["tracks"][0]
    row["x"], row["velocity_x"], row["acceleration_x"] = gap + FRONT, speed, acceleration
    row["entry_time_s"], row["existence"], row["track_id"], row["status"] = entry_time_s, existence, 9, 2
    return given_situation


def test_full_braking_is_asked_for_an_imminent_collision_only():
    imminent = PlanStep(PLAN, VEHICLE).step(*ahead(45.0, 0.0))
    assert imminent["emergency"] == 2 and imminent["target_acceleration"] == -PLAN["emergency_deceleration"]
    assert imminent["collision_warning"] == 1 and imminent["required_track_id"] == 9 and imminent["reason"] == 1
    firm = PlanStep(PLAN, VEHICLE).step(*ahead(120.0, 0.0))
    assert firm["emergency"] == 1 and -4.0 < firm["target_acceleration"] < -2.0
    for far in (ahead(200.0, 0.0), ahead(30.0, 22.0), ahead(30.0, 25.0), ahead(10.0, 0.0, entry_time_s=np.nan)):
        calm = PlanStep(PLAN, VEHICLE).step(*far)
        assert calm["emergency"] == 0 and calm["collision_warning"] == 0 and calm["braking_jerk"] <= PLAN["ramp_jerk"]
        assert calm["target_acceleration"] >= -PLAN["gap_recovery_short"]


def test_who_comes_over_is_braked_for_before_it_is_in_the_lane():
    plan = PlanStep(PLAN, VEHICLE).step(*ahead(25.0, 12.0, entry_time_s=1.5))
    assert plan["reason"] == 6 and plan["emergency"] == 1 and plan["required_entry_time_s"] == 1.5
    assert plan["target_acceleration"] < -1.8
    gentle = PlanStep(PLAN, VEHICLE).step(*ahead(25.0, 21.5, entry_time_s=1.5))
    assert gentle["reason"] == 6 and -PLAN["gap_recovery_short"] <= gentle["target_acceleration"] < -0.3


def test_who_comes_over_behind_the_truck_is_not_braked_for():
    plan = PlanStep(PLAN, VEHICLE).step(*ahead(5.0, 10.0, entry_time_s=3.5))
    assert plan["required_deceleration"] == 0.0 and plan["target_acceleration"] > -0.3


def test_the_truck_falls_back_behind_who_comes_over_beside_its_front():
    plan = PlanStep(PLAN, VEHICLE).step(*ahead(-2.0, 20.0, entry_time_s=3.5))
    assert plan["emergency"] >= 1 and plan["target_acceleration"] < -1.8
    late = PlanStep(PLAN, VEHICLE).step(*ahead(-4.0, 20.0, entry_time_s=0.6))
    assert late["required_deceleration"] == 0.0


def test_what_never_moved_and_only_radar_saw_is_braked_for_with_moderation():
    plan = PlanStep(PLAN, VEHICLE).step(*ahead(50.0, 0.0, existence=float(step_parameters()["tracks"]["unproven_existence"])))
    assert plan["emergency"] == 1 and plan["target_acceleration"] > -2.5


def test_standing_behind_a_standing_lead_it_stays_until_the_lead_goes():
    standing = plan_for(speed=0.0, lead=(5.8, 0.0, 0.0))
    assert standing["target_acceleration"] == -PLAN["stand_deceleration"]
    assert plan_for(speed=0.0, lead=(8.0, 2.0, 0.5))["target_acceleration"] > 0.0


@pytest.mark.parametrize("lead_acceleration", [-0.5, 0.3])
def test_the_gap_is_kept_while_the_lead_changes_its_speed(lead_acceleration):
    """By the law alone, no lag: the gap error stays far below a metre and a half."""
    step, speed, lead, errors = PlanStep(PLAN, VEHICLE), 19.0, 19.0, []
    gap = step.gap(speed)
    for k in range(2500):
        slope = lead_acceleration if k < 1000 else 0.0
        speed += 0.01 * step.follow(speed, gap, lead, slope)
        lead += 0.01 * slope
        gap += 0.01 * (lead - speed)
        errors.append(gap - step.gap(speed))
    assert np.abs(errors).max() < 1.5 and abs(errors[-1]) < 0.3


def test_a_cut_in_at_equal_speed_is_not_braked_for_hard():
    plan = plan_for(speed=20.0, lead=(20.0, 20.0, 0.0))
    assert plan["behaviour"] == FOLLOW and -PLAN["gap_recovery_short"] <= plan["target_acceleration"] < 0.0


def test_a_braking_lead_is_braked_for():
    assert PlanStep(PLAN, VEHICLE).step(*ahead(40.0, 15.0, acceleration=-3.0))["target_acceleration"] < -3.0


def test_following_settles_at_the_wanted_gap_without_touching():
    """A lead 5 m/s slower, first seen at 120 m."""
    step, speed, gap, smallest = PlanStep(PLAN, VEHICLE), 22.0, 120.0, 1e9
    for k in range(12_000):
        plan = step.step(*situation(speed=speed, lead=(gap, 17.0, 0.0), now_ns=10**9 + k * 10_000_000))
        assert plan["target_acceleration"] > -1.0
        speed += 0.01 * float(plan["target_acceleration"])
        gap += 0.01 * (17.0 - speed)
        smallest = min(smallest, gap)
    assert abs(gap - step.gap(17.0)) < 0.5 and smallest > 0.85 * step.gap(17.0)


@pytest.mark.parametrize("radius, expected", [(250.0, 17.6), (500.0, 22.0), (100.0, 10.59)])
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
        given_situation[4]["sigma"] = rng.uniform(0.0, [0.1, 0.01, 1e-3, 2e-5, 0.1, 0.1])
        lane = given_situation[4]
        seen = lane["preview"], float(lane["valid_distance_m"])
        expected = plan_twin.curve_speed(PLAN, *seen, 20.0, LATERAL_LIMIT, *lane["sigma"][2:4])
        assert PlanStep(PLAN, VEHICLE).step(*given_situation)["curve_speed"] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.floats(1.0, 28.0), st.floats(30.0, 200.0))
def test_the_stop_is_that_of_the_twin_and_within_the_limit(speed, reach):
    given_situation = situation(speed=speed)
    lane = given_situation[4]
    lane["valid_distance_m"], lane["sigma"][:2] = reach, (0.02, 0.001)
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    known = plan_twin.stop_reach(PLAN, VEHICLE, given_situation[3], lane, speed)
    assert plan["fallback_reach_m"] == pytest.approx(known, abs=0.03)
    seen = plan_twin.stop_reach(PLAN, VEHICLE, given_situation[3], lane, speed, 0.5)
    assert plan["sight_speed"] == pytest.approx(plan_twin.sight_speed(PLAN, seen), abs=5e-3)
    twin = plan_twin.stop(PLAN, speed, float(plan["fallback_reach_m"]), reach)
    found = [plan[f"fallback_{name}"] for name in ("blind_deceleration", "distance", "duration")]
    np.testing.assert_allclose(found, twin, rtol=1e-9)
    gentle, _, _ = plan_twin.stop(PLAN, speed, float(plan["fallback_reach_m"]), np.inf)
    assert plan["fallback_deceleration"] == pytest.approx(gentle, rel=1e-9) and gentle <= twin[0] <= 4.0
    if not plan["fallback_valid"]:
        assert plan["sight_speed"] < speed and plan["target_speed"] <= plan["sight_speed"]
        assert plan["target_acceleration"] < 0.0 and (plan["reason"] == 9) == (plan["sight_speed"] < 22.0)


@pytest.mark.parametrize("speed, seen, valid", [
    (25.0, 77.0, True),  # a camera's 80 m at 90 km/h: the last 14 m are what roads of that speed can do
    (25.0, 65.0, False), (20.0, 65.0, True), (20.0, 35.0, False), (13.0, 35.0, True)])  # fmt: skip
def test_a_stop_is_valid_only_from_a_speed_that_the_sight_allows(speed, seen, valid):
    given_situation = situation(speed=speed, set_speed=speed)
    lane = given_situation[4]
    lane["valid_distance_m"], lane["sigma"][:2] = seen, (0.023, 0.0009)
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    assert bool(plan["fallback_valid"]) == valid
    assert (plan["target_acceleration"] < 0.0) == (not valid)


@settings(max_examples=60, deadline=None)
@given(st.floats(5.0, 120.0), st.floats(0.005, 0.08), st.floats(1e-4, 3e-3), st.floats(1.4, 1.9))
def test_from_the_speed_of_the_sight_the_stop_is_valid(seen, offset_sigma, heading_sigma, half_width):
    """Whatever is seen: who drives that fast can stop within what is known, unless that is the least speed of all."""
    given_situation = situation(speed=25.0)
    lane = given_situation[4]
    lane["valid_distance_m"], lane["sigma"][:2] = seen, (offset_sigma, heading_sigma)
    lane["width_left"] = lane["width_right"] = half_width
    # The bound on the road's bending is that of the speed: the slower it is designed for, the more sharply it may bend
    for _ in range(60):
        plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
        allowed = float(plan["sight_speed"])
        if given_situation[1]["speed"] <= allowed + 1e-9:
            break
        given_situation[1]["speed"] = given_situation[2]["speed"] = allowed
        given_situation[2]["velocity"][0] = allowed
    room = max(half_width - 0.5 * float(VEHICLE["width_m"]) - float(PLAN["fallback_lane_reserve_m"]),
               0.5 * (half_width - 0.5 * float(VEHICLE["width_m"])))  # fmt: skip
    known = 2.0 * np.hypot(offset_sigma, heading_sigma * float(plan["fallback_distance"]))
    if allowed > PLAN["sight_speed_minimum"] and known <= 0.5 * room:
        assert plan["fallback_valid"]
        assert plan_twin.lane_doubt(PLAN, lane, float(given_situation[1]["speed"]), float(plan["fallback_distance"])) \
            <= half_width - 0.5 * float(VEHICLE["width_m"])  # fmt: skip


def test_who_does_not_know_where_in_the_lane_has_no_valid_stop_and_is_not_slowed_down_for_it():
    """By a map and satellites alone: 0.3 m. Slower it is no better known."""
    given_situation = situation(speed=20.0, set_speed=20.0)
    given_situation[4]["sigma"][:2] = 0.3, 0.002
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    assert not plan["fallback_valid"] and plan["fallback_reach_m"] == 0.0 and plan["sight_speed"] > 25.0


def test_a_stop_that_would_hit_the_lead_is_not_valid():
    """25 m behind a lead of the own speed the brakes are enough only if it does not brake in full; behind a standing one at 40 m
    nothing is."""
    for lead, valid in (((60.0, 22.0, 0.0), True), ((40.0, 0.0, 0.0), False), ((8.0, 20.0, 0.0), False)):
        plan = plan_for(speed=22.0, lead=lead)
        assert bool(plan["fallback_valid"]) == valid, lead
        assert (plan["fallback_required"] > plan["braking_deceleration"]) == (not valid)
        stands = lead[0] + lead[1] ** 2 / 12.0 - plan_twin.stop(PLAN, 22.0, 160.0, 200.0)[1]
        assert plan["fallback_deceleration"] <= plan["braking_deceleration"] and (stands > 0.0 or plan["fallback_required"] > 2.5)


def test_a_stop_that_what_comes_over_needs_more_for_is_not_valid():
    near = PlanStep(PLAN, VEHICLE).step(*ahead(12.0, 8.0, entry_time_s=0.5))
    assert near["required_deceleration"] > near["braking_deceleration"] and not near["fallback_valid"]
    far = PlanStep(PLAN, VEHICLE).step(*ahead(60.0, 18.0, entry_time_s=1.5))
    assert far["fallback_valid"]


def test_a_bend_that_cannot_be_braked_for_leaves_no_valid_stop():
    given_situation = situation(speed=22.0)
    given_situation[4]["preview"][3:] = 1 / 60
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    assert not plan["fallback_valid"] and plan["fallback_required"] > 4.0


def test_a_lost_lane_keeps_the_reach_that_it_had():
    """What was known of the road is driven up, not forgotten: 97 m less what was travelled since."""
    step = PlanStep(PLAN, VEHICLE)
    given_situation = situation(speed=22.0)
    given_situation[4]["valid_distance_m"], given_situation[4]["sigma"][:2] = 77.0, (0.02, 0.001)
    before = step.step(*given_situation)
    lost = step.step(*situation(speed=22.0, lane_status=0, now_ns=10**9 + 10_000_000))
    assert lost["fallback_reach_m"] == pytest.approx(before["fallback_reach_m"] - 0.22, abs=1e-6)
    assert before["fallback_reach_m"] < 100.0


def test_a_stop_is_gentle_while_the_lane_is_seen_and_ends_within_what_was_seen_when_it_is_not():
    step = PlanStep(PLAN, VEHICLE)
    given_situation = situation(speed=22.0)
    given_situation[4]["valid_distance_m"], given_situation[4]["sigma"][:2] = 77.0, (0.02, 0.001)
    seen = step.step(*given_situation)
    lost = step.step(*situation(speed=22.0, lane_status=0, now_ns=10**9 + 10_000_000))
    assert seen["fallback_deceleration"] < 3.0 < 3.6 < seen["fallback_blind_deceleration"] < 3.8
    assert lost["fallback_deceleration"] == lost["fallback_blind_deceleration"] == pytest.approx(22.0**2 / (77.0 - 11.22) / 2.0)
    assert seen["fallback_distance"] == pytest.approx(77.0)


def test_the_stop_path_begins_in_the_direction_of_travel():
    """In a bend, in wind or on a bank the truck points elsewhere than it goes: no way back to the lane is laid for that."""
    given_situation = situation(speed=20.0, curvature=1 / 500)
    ego, lane = given_situation[2], given_situation[4]
    lane["heading_error"], lane["side_slip"] = 0.015, -0.005
    lane["offset"] = plan_twin.centred_place(VEHICLE, 1 / 500, 0.015)
    ego["velocity"][:2] = 20.0, -0.2  # heading east: 0.01 rad to the right of where it points
    ego["acceleration"][1] = 20.0**2 / 500
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    np.testing.assert_allclose(plan["fallback_curvature"], 1 / 500, atol=1e-5)


def test_the_stop_path_turns_with_a_gust_before_the_lateral_velocity_is_known():
    """Half of what the acceleration tells, forgotten within a second."""
    step = PlanStep(PLAN, VEHICLE)
    for k in range(21):
        given_situation = situation(speed=20.0, now_ns=10**9 + k * 10_000_000)
        given_situation[2]["acceleration"][1] = 0.4 if k else 0.0
        plan = step.step(*given_situation)
    length = 20.0 * float(PLAN["fallback_return_s"])
    direction = 0.5 * 0.4 / 20.0 * (1.0 - np.exp(-0.2))
    expected = plan_twin.return_path(length, -plan_twin.centred_place(VEHICLE, 0.0, -direction), direction).deriv(2)
    s = 5.0 * np.arange(1, 11)
    np.testing.assert_allclose(plan["fallback_curvature"][1:11], expected(s), rtol=0.03, atol=1e-6)


def test_the_stop_from_25_mps_has_the_published_distance():
    assert plan_for(speed=25.0)["fallback_distance"] == pytest.approx(138.0, abs=1.0)


def test_the_stop_path_returns_to_the_lane_path():
    """Its curvature is the lane's plus the second derivative of the twin's quintic."""
    given_situation = situation(speed=20.0, curvature=1 / 500)
    given_situation[4]["offset"], given_situation[4]["heading_error"] = 0.4, -0.01
    given_situation[3]["articulation_angle"] = -0.02
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    length = 20.0 * float(PLAN["fallback_return_s"])
    path = plan_twin.return_path(length, 0.4 - plan_twin.centred_place(VEHICLE, 1 / 500, 0.0, -0.02), -0.01)
    s = 5.0 * np.arange(32)
    expected = 1 / 500 + np.where(s < length, path.deriv(2)(s), 0.0)
    np.testing.assert_allclose(plan["fallback_curvature"], expected, atol=1e-12)


def test_the_stop_slows_for_the_bend_on_its_path():
    given_situation = situation(speed=22.0)
    given_situation[4]["preview"][16:] = 1 / 150
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation)
    allowed = float(PLAN["lateral_acceleration_maximum"]) * 150.0
    room = 80.0 - 22.0 * float(PLAN["fallback_build_up_s"])
    assert 22.0**2 - 2.0 * plan["fallback_deceleration"] * room <= allowed + 1e-6


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
