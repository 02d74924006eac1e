"""How steeply and how hard firm braking builds up."""

import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.planning import plan_twin
from tests.planning.test_plan import PLAN, VEHICLE, ahead

SPEED = 22.0  # of `ahead`


def plan_for(gap, other_speed, other_acceleration):
    return PlanStep(PLAN, VEHICLE).step(*ahead(gap, other_speed, acceleration=other_acceleration))


@settings(max_examples=200, deadline=None)
@given(st.floats(10.0, 150.0), st.floats(0.0, 28.0), st.floats(-6.0, 0.0))
def test_firm_braking_is_that_of_the_twin(gap, other_speed, other_acceleration):
    plan = plan_for(gap, other_speed, other_acceleration)
    required = float(plan["required_deceleration"])
    if plan["emergency"] == 1:
        assert plan["target_acceleration"] <= -plan_twin.firm_deceleration(PLAN, required) + 1e-9
    if plan["emergency"] == 0:
        assert plan["target_acceleration"] <= -plan_twin.early_deceleration(PLAN, required) + 1e-9
    if plan["braking_jerk"] > 0.0:
        braking = plan_twin.believed_acceleration(PLAN, other_acceleration)
        wait = float(PLAN["reaction_s"]) + 0.5 * required / float(PLAN["ramp_jerk"])
        gap_left = plan_twin.smallest_gap(gap, SPEED, 0.0, other_speed, braking, float(PLAN["ramp_unhurried"]), wait)
        if plan["braking_jerk"] == PLAN["ramp_jerk"]:  # a gentle ramp to what is unhurried is enough
            assert gap_left > 0.0
        assert PLAN["ramp_jerk"] <= plan["braking_jerk"] <= PLAN["ramp_jerk_steep"]
    else:
        assert plan["emergency"] == 0 and required <= PLAN["early_deceleration"]


def test_the_reserve_makes_no_hard_brake_where_less_is_enough_and_comes_back_beyond():
    required = np.linspace(1.8, 3.8, 400)
    demanded = np.array([plan_twin.firm_deceleration(PLAN, value) for value in required])
    assert (demanded >= required).all() and (np.diff(demanded) > -1e-9).all() and np.diff(demanded).max() < 0.02
    limit = float(PLAN["firm_limit"])
    assert demanded[required <= limit].max() <= limit + 1e-9
    hard = required >= 1.08 * limit
    np.testing.assert_allclose(demanded[hard], 1.1 * required[hard])


def test_the_nearer_the_other_the_steeper_the_ramp():
    jerks = [float(plan_for(gap, 20.0, -2.5)["braking_jerk"]) for gap in (90.0, 60.0, 40.0, 15.0)]
    assert jerks == sorted(jerks) and jerks[0] < 1.5 and jerks[-1] == PLAN["ramp_jerk_steep"]


@pytest.mark.parametrize("noise_only", [-0.29, 0.1, 0.29])
def test_noise_of_a_lead_is_not_believed_and_braking_is_in_full(noise_only):
    assert plan_twin.believed_acceleration(PLAN, noise_only) == 0.0
    assert plan_twin.believed_acceleration(PLAN, -4.0) == -4.0
    values = np.linspace(-1.0, 1.0, 2001)
    assert np.abs(np.diff([plan_twin.believed_acceleration(PLAN, value) for value in values])).max() < 0.0021


def test_a_short_gap_behind_one_who_brakes_is_opened_at_once():
    """A second behind a car that still is faster: from its braking on the truck lets off, before anything is required."""
    step = PlanStep(PLAN, VEHICLE)
    assert step.follow(SPEED, 25.0, 33.0, 0.0) > 0.0  # gone soon
    assert -PLAN["gap_recovery_short"] <= step.follow(SPEED, 25.0, SPEED + 2.0, 0.0) < -1.0  # a little faster: it may slow
    assert step.follow(SPEED, 25.0, 27.0, -2.0) < -0.3
    assert step.follow(SPEED, step.gap(SPEED), SPEED, -2.0) == pytest.approx(0.0, abs=0.02)  # at the wanted gap nothing changes
