"""How the plan step follows a plan of the predictive cruise control, and when it does not."""

import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.test_plan import situation
from tests.step_parameters import step_parameters, zeros

PARAMETERS = step_parameters(plan={"overspeed_mps": 1.4})
PLAN, VEHICLE = PARAMETERS["plan"], PARAMETERS["vehicle"]
NOW = 10**9
OVERRUN, FULL, ROLL = 1, 2, 3


def cruise_plan(speed=21.0, ceiling=23.4, drive=0, valid_ns=NOW, validity=0):
    found = zeros("CruisePlan")
    found["valid_time_ns"] = found["received_time_ns"] = valid_ns
    found["speed"], found["ceiling"], found["drive"], found["validity"] = speed, ceiling, drive, validity
    return found


def planned(sample, speed=21.0, ticks=1, **told):
    step = PlanStep(PLAN, VEHICLE)
    for tick in range(ticks):
        arguments = situation(speed=speed, set_speed=22.0, now_ns=NOW + tick * 10_000_000, **told)
        if tick == 0 and sample is not None:
            arguments[0]["cruise"]["items"][0], arguments[0]["cruise"]["count"] = sample, 1
        plan = step.step(*arguments)
    return plan


def test_the_speed_of_the_plan_is_kept():
    plan = planned(cruise_plan(speed=21.0))
    assert plan["cruise"] == 1 and plan["target_speed"] == pytest.approx(21.0)
    assert plan["target_acceleration"] == pytest.approx(0.0, abs=1e-9)
    assert plan["coast_margin"] == pytest.approx(0.4 * 2.4, abs=1e-9)  # up to the ceiling, and set speed + 1.4


def test_engine_gives_all_or_nothing_where_the_plan_says_so():
    bias = float(PLAN["cruise_bias"])
    assert planned(cruise_plan(drive=OVERRUN))["target_acceleration"] == pytest.approx(-bias)
    assert planned(cruise_plan(drive=FULL))["target_acceleration"] == pytest.approx(bias)
    assert planned(cruise_plan(drive=ROLL))["roll"] == 1 and planned(cruise_plan())["roll"] == 0


def test_a_ceiling_that_falls_is_braked_for():
    falling = cruise_plan(speed=21.0)
    falling["ceiling"] = np.sqrt(np.maximum(21.0**2 - 2.0 * 0.4 * 50.0 * np.arange(64), 100.0))
    plan = planned(falling)
    # ... a response ahead of it: what brakes late stays below all the same
    earlier = float(PLAN["speed_gain"]) * 0.4 * float(PLAN["ceiling_response_s"])
    assert earlier > 0.1 and plan["target_acceleration"] + plan["coast_margin"] == pytest.approx(-0.4 - earlier, abs=0.01)
    assert plan["ceiling_speed"] == pytest.approx(21.0)


@pytest.mark.parametrize("sample, ticks", [
    (None, 1), (cruise_plan(validity=1), 1), (cruise_plan(valid_ns=NOW - 2 * 10**9), 1), (cruise_plan(valid_ns=NOW + 1), 1),
    (cruise_plan(speed=np.nan), 1),
    (cruise_plan(ceiling=-1.0), 1), (cruise_plan(speed=1e9), 1), (cruise_plan(), 150)])  # fmt: skip
def test_without_a_fresh_and_sound_plan_the_own_speed_law_holds(sample, ticks):
    plan, own = planned(sample, ticks=ticks), planned(None, ticks=ticks)
    assert plan["cruise"] == 0 and plan.tobytes() == own.tobytes()


@settings(max_examples=200, deadline=None)
@given(st.floats(0.1, 59.0), st.floats(0.1, 59.0), st.integers(0, 3), st.floats(12.0, 27.0), st.floats(5.0, 150.0),
       st.floats(0.0, 28.0), st.floats(-6.0, 1.0), st.floats(-0.02, 0.02))  # fmt: skip
def test_whatever_a_plan_says_gap_curve_and_conflict_win(speed, ceiling, drive, own_speed, gap, lead_speed,
                                                         lead_acceleration, curvature):  # fmt: skip
    told = {"speed": own_speed, "lead": (gap, lead_speed, lead_acceleration), "curvature": curvature}
    with_plan, without = planned(cruise_plan(speed, ceiling, drive), **told), planned(None, **told)
    before_brakes = with_plan["target_acceleration"] + with_plan["coast_margin"]
    assert before_brakes <= without["target_acceleration"] + without["coast_margin"] + 1e-9
    assert with_plan["required_deceleration"] == without["required_deceleration"]
    assert with_plan["emergency"] == without["emergency"] and with_plan["coast_margin"] >= 0.0
    if with_plan["cruise"]:
        assert with_plan["target_speed"] <= 22.0 + 1.4 + 1e-9
    if with_plan["roll"]:
        assert with_plan["coast_margin"] > 0.0


def test_a_plan_far_below_the_set_speed_is_not_followed_there():
    plan = planned(cruise_plan(speed=5.0), speed=20.0)
    assert plan["target_speed"] == pytest.approx(22.0 - float(PLAN["cruise_band_mps"]))


def test_rolls_over_the_set_speed_before_it_brakes():
    rolling, held = planned(None, speed=23.0), planned(None, speed=23.6)
    assert rolling["target_acceleration"] < 0.0 < rolling["target_acceleration"] + rolling["coast_margin"]
    assert held["target_acceleration"] + held["coast_margin"] < 0.0
