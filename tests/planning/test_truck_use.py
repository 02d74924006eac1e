"""What the truck step tells changes what is planned, and its uncertainty alone does, always to the careful side."""

import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.planning import plan_twin
from tests.planning.test_plan import PLAN, VEHICLE, situation
from tests.step_parameters import known_truck, zeros

STEP = PlanStep(PLAN, VEHICLE)
WORDS = msg.constants("FaultRow")
SLOPE = -0.06


def planned(truck, speed=20.0, unusable=0, action=0):
    given_situation = situation(speed=speed)
    given_situation[3] = truck
    faults = zeros("FaultState")
    faults["unusable"], faults["action"] = unusable, action
    return PlanStep(PLAN, VEHICLE).step(*given_situation, faults)


trucks = st.builds(
    lambda mass, spread, grade, grade_sigma, friction, sigma, warning, heat, brakes, cooled, retarder, low, wind: known_truck(
        mass_kg=mass, mass_high_kg=mass + spread, grade=grade, grade_sigma=grade_sigma, friction=friction, friction_sigma=sigma,
        friction_low=low, friction_warning=warning, brake_temperature_c=heat, brake_heat_left_j=brakes,
        retarder_cooled_w=cooled, retarder_heat_left_j=retarder, headwind_mps=wind, headwind_sigma_mps=0.1 * abs(wind)),
    st.floats(8e3, 5e4), st.floats(0.0, 2e4), st.floats(-0.1, 0.1), st.floats(0.0, 0.01), st.floats(0.1, 1.0),
    st.floats(0.0, 0.3), st.integers(0, 1), st.floats(20.0, 600.0), st.floats(0.0, 6e7), st.floats(0.0, 3e5),
    st.floats(0.0, 2e7), st.floats(0.0, 0.3), st.floats(-10.0, 10.0))  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(trucks, st.floats(0.0, 28.0))
def test_brakes_bends_and_gap_are_those_of_the_twin(truck, speed):
    found = STEP.braking(truck, speed)
    np.testing.assert_allclose(found, plan_twin.braking(PLAN, VEHICLE, truck, speed), rtol=1e-9)
    assert STEP.lateral_limit(truck) == pytest.approx(plan_twin.lateral_limit(PLAN, VEHICLE, truck), rel=1e-9)
    assert STEP.gap(speed, found[:2]) == pytest.approx(plan_twin.desired_gap(PLAN, speed, found[:2]), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(trucks, st.sampled_from([0, WORDS["UNUSABLE_RETARDER"], WORDS["UNUSABLE_ENGINE"]]))
def test_the_speed_on_a_descent_is_that_of_the_twin(truck, unusable):
    found = float(planned(truck, unusable=unusable)["descent_speed"])
    assert found == pytest.approx(plan_twin.descent_speed(PLAN, VEHICLE, truck, unusable), abs=0.02)
    assert PLAN["descent_speed_minimum"] <= found <= PLAN["speed_maximum"]


@settings(max_examples=40, deadline=None)
@given(trucks, st.floats(-1e-3, 1e-4))
def test_the_speed_for_a_slope_that_steepens_is_that_of_the_twin(truck, rate):
    speed, falling = STEP.descent(truck, rate)
    assert speed == pytest.approx(plan_twin.descent_speed(PLAN, VEHICLE, truck, rate=rate), abs=0.02)
    assert speed <= STEP.descent(truck, 0.0)[0] and falling in (0.0, float(PLAN["descent_deceleration"]))


@pytest.mark.parametrize("curve_m", [150.0, 200.0, 400.0])
def test_a_descent_that_no_map_told_is_slowed_for_as_it_begins(curve_m):
    """Level, then ever steeper to 6 % within `curve_m`: the speed allowed falls no faster than the truck slows down."""
    step, v, acceleration, s, over, slowest = PlanStep(PLAN, VEHICLE), 80 / 3.6, 0.0, 0.0, 0.0, 30.0
    for k in range(3000):
        slope = -0.06 * min(max((s - 200.0) / curve_m, 0.0), 1.0)
        told = situation(speed=v, set_speed=80 / 3.6, now_ns=10**9 + k * 10_000_000)
        told[3] = known_truck(mass_high_kg=46e3, grade=slope, grade_sigma=0.001, retarder_cooled_w=2.4e5,
                              retarder_heat_left_j=4e6)  # fmt: skip
        plan = step.step(*told)
        acceleration += 0.01 / 0.5 * (float(plan["target_acceleration"]) - acceleration)
        v, s = v + 0.01 * acceleration, s + 0.01 * v
        over, slowest = max(over, v - float(plan["ceiling_speed"])), min(slowest, v)
    assert slowest < 76 / 3.6 and over < 2.0 / 3.6


@settings(max_examples=60, deadline=None)
@given(trucks, st.floats(5.0, 25.0))
def test_the_stop_is_never_harder_than_the_brakes_give(truck, speed):
    plan = planned(truck, speed=speed)
    assert plan["fallback_deceleration"] <= plan["braking_deceleration"] + 1e-9
    braking = plan_twin.braking(PLAN, VEHICLE, truck, speed)
    reach = 160.0
    twin = plan_twin.stop(PLAN, speed, reach, 200.0, braking)
    found = [plan[f"fallback_{name}"] for name in ("deceleration", "distance", "duration")]
    np.testing.assert_allclose(found, twin, rtol=1e-9)


@pytest.mark.parametrize(("told", "count"), [((), 0), (("CIRCUIT_1",), 1), (("CIRCUIT_1", "CIRCUIT_2"), 2), (("S_WEAK",), 1)])
def test_a_brake_circuit_that_is_told_lost_is_not_counted_on(told, count):
    faults = zeros("FaultState")
    for row, name in enumerate(told):
        faults["fault"][row] = WORDS[f"FAULT_BRAKE{'_' if name[0] == 'C' else ''}{name}"]
        faults["status"][row] = msg.constants("FaultState")["STATUS_TOLD"]
    truck = known_truck()
    np.testing.assert_allclose(STEP.braking(truck, 22.0, faults), plan_twin.braking(PLAN, VEHICLE, truck, 22.0, count), rtol=1e-9)
    given_situation = situation(speed=22.0)
    given_situation[3] = truck
    plan = PlanStep(PLAN, VEHICLE).step(*given_situation, faults)
    assert plan["fallback_deceleration"] <= plan["braking_deceleration"] + 1e-9
    if count:
        whole = PlanStep(PLAN, VEHICLE).step(*given_situation)
        assert plan["braking_deceleration"] < 0.7 * whole["braking_deceleration"]
        assert plan["desired_gap"] >= whole["desired_gap"]


def test_what_the_trailer_sweeps_is_kept_clear_of_the_line():
    """In a bend the stop is known less far for a longer trailer, and for one whose length is less known."""
    given_situation = situation(speed=20.0)
    lane = given_situation[4]
    lane["preview"], lane["valid_distance_m"], lane["sigma"][:2] = 1.0 / 250.0, 100.0, (0.02, 0.001)
    reached = []
    for wheelbase, sigma in ((6.0, 0.1), (8.0, 0.1), (8.0, 0.8)):
        given_situation[3] = known_truck(trailer_wheelbase_m=wheelbase, trailer_wheelbase_sigma_m=sigma,
                                         trailer_wheelbase_known=1)  # fmt: skip
        reached.append(float(PlanStep(PLAN, VEHICLE).step(*given_situation)["fallback_reach_m"]))
    assert reached[0] > reached[1] + 0.2 > reached[2] + 0.4


def test_wind_from_behind_slows_a_descent():
    speeds = [float(planned(known_truck(grade=-0.06, grade_sigma=0.0, headwind_mps=wind, headwind_sigma_mps=sigma,
                                        retarder_cooled_w=1.2e5, retarder_heat_left_j=0.0))["descent_speed"])
              for wind, sigma in ((0.0, 0.0), (-8.0, 0.0), (0.0, 8.0))]  # fmt: skip
    assert speeds[1] < speeds[0] - 0.3 and speeds[2] == pytest.approx(speeds[1], abs=0.05)


# A change of an estimate, or of its sigma alone, that must make the truck more careful
DOUBTS = {
    "heavier": {"mass_kg": 50_000.0, "mass_high_kg": 52_000.0}, "mass less known": {"mass_high_kg": 60_000.0},
    "downhill": {"grade": SLOPE - 0.01}, "grade less known": {"grade_sigma": 0.02},
    "slippery": {"friction": 0.3, "friction_known": 1}, "friction less known": {"friction_sigma": 0.5},
    "brakes hot": {"brake_temperature_c": 500.0, "brake_heat_left_j": 0.0},
    "brake temperature less known": {"brake_temperature_sigma_c": 250.0}, "no heat left for a stop": {"brake_heat_left_j": 2e6},
}  # fmt: skip


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_lowers_what_the_brakes_are_believed_to_give(doubt):
    """Gap and thresholds of the conflict law follow the deceleration."""
    base, worse = known_truck(grade=SLOPE), known_truck(**({"grade": SLOPE} | DOUBTS[doubt]))
    before, after = STEP.braking(base, 22.0), STEP.braking(worse, 22.0)
    assert after[0] < before[0] - 0.05 and after[2] <= before[2]
    assert STEP.gap(22.0, (after[0], 6.0)) >= STEP.gap(22.0, (before[0], 6.0))


@pytest.mark.parametrize("doubt", [{"friction": 0.3}, {"friction_sigma": 0.6}, {"mass_high_kg": 90_000.0},
                                   {"brake_temperature_c": 700.0, "brake_heat_left_j": 0.0}])  # fmt: skip
def test_the_gap_grows_where_the_brakes_would_not_do(doubt):
    truck = known_truck(**(doubt | {"friction_warning": 1}))
    sure, doubted = planned(known_truck(), speed=24.0), planned(truck, speed=24.0)
    assert doubted["desired_gap"] > sure["desired_gap"] + 3.0


def test_less_braking_is_begun_sooner_for_what_is_in_the_way():
    """A lead that requires 1.5 m/s2: nothing on a dry road, firm braking on ice."""

    def braked(truck):
        given_situation = situation(speed=20.0)
        given_situation[3] = truck
        tracks = given_situation[5]
        tracks["count"] = 1
        row = tracks["tracks"][0]
        row["x"], row["existence"], row["track_id"], row["entry_time_s"] = 145.0 + VEHICLE["front_overhang_m"], 1.0, 9, 0.0
        return PlanStep(PLAN, VEHICLE).step(*given_situation)

    sure, doubted = braked(known_truck()), braked(known_truck(friction=0.25, friction_sigma=0.05, friction_known=1))
    assert 1.4 < sure["required_deceleration"] < 1.8 and sure["emergency"] == 0
    assert doubted["emergency"] >= 1 and doubted["target_acceleration"] < sure["target_acceleration"]


@pytest.mark.parametrize("more", [{"mass_high_kg": 20_000.0}, {"mass_high_kg": 42_000.0}, {"friction_sigma": 0.6}])
def test_bends_are_driven_by_the_heaviest_that_the_truck_may_be(more):
    empty = {"mass_kg": 14_500.0, "mass_low_kg": 14_000.0, "mass_high_kg": 15_000.0}
    assert STEP.lateral_limit(known_truck(**(empty | more))) < STEP.lateral_limit(known_truck(**empty)) - 0.05


@pytest.mark.parametrize(
    "doubt",
    [{"mass_high_kg": 50_000.0}, {"grade": -0.07}, {"grade_sigma": 0.01}, {"retarder_cooled_w": 150e3},
     {"retarder_heat_left_j": 1e6}, {"brake_heat_left_j": 15e6}, {"friction": 0.25, "friction_low": 0.0}],
)  # fmt: skip
def test_a_descent_is_driven_more_slowly_the_less_its_heat_fits(doubt):
    sure = {"grade": SLOPE, "retarder_heat_left_j": 4e6, "brake_heat_left_j": 40e6}
    assert planned(known_truck(**(sure | doubt)))["descent_speed"] < planned(known_truck(**sure))["descent_speed"] - 0.2


def test_without_the_retarder_the_descent_is_slow_and_ends_while_the_brakes_can_stop():
    truck = known_truck(grade=SLOPE)
    whole, lost = planned(truck), planned(truck, unusable=WORDS["UNUSABLE_RETARDER"])
    assert lost["descent_speed"] < 0.8 * whole["descent_speed"] and lost["reason"] == 8 and lost["behaviour"] == 1
    needed = plan_twin.stop_heat(PLAN, truck, 20.0) * float(PLAN["stop_heat_reserve"])
    for left, stops in ((1.05 * needed, False), (0.95 * needed, True)):
        hot = known_truck(grade=SLOPE, brake_heat_left_j=left)
        plan = planned(hot, unusable=WORDS["UNUSABLE_RETARDER"])
        assert (plan["behaviour"] == 3) == stops
        assert planned(hot)["behaviour"] == 1  # with the retarder it goes on, more slowly
    level = known_truck(brake_heat_left_j=0.0)
    assert planned(level, unusable=WORDS["UNUSABLE_RETARDER"])["behaviour"] == 1


@pytest.mark.parametrize("mass", [7_000.0, 20_000.0, 40_000.0])
def test_bends_are_driven_as_high_as_the_load_lies(mass):
    """The tractor alone has nothing to roll over with; a trailer counts whatever its mass."""
    high, truck = VEHICLE.copy(), known_truck(mass_kg=mass, mass_high_kg=mass)
    high["trailer_cg_height_m"] = 4.0
    found = PlanStep(PLAN, high).lateral_limit(truck)
    assert found == pytest.approx(plan_twin.lateral_limit(PLAN, high, truck), rel=1e-9)
    assert (found < STEP.lateral_limit(truck) - 0.05) == (mass > VEHICLE["tractor_mass_kg"])
