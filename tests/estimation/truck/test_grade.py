"""The grade is held where nobody tells it: what is surest of all is that a descent does not end with the sensors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy import Stack, msg
from autonomy.estimation.truck.grade_twin import ANY_ROAD_SIGMA, Grade
from tests.fuzz.targets.tick import driving

VELOCITY_VALID = msg.constants("EgoState")["STATUS_VELOCITY_VALID"]


@given(st.lists(st.tuples(st.none() | st.floats(-0.1, 0.1), st.floats(0.0, 30.0) | st.just(math.nan)), min_size=1, max_size=40))
def test_it_is_the_last_one_told_and_never_surer_than_then(steps):
    grade, last, sigma = Grade(0.004), 0.0, ANY_ROAD_SIGMA
    for told, speed in steps:
        found, found_sigma = grade.step(told, 0.05, 0.5, 20.0 if math.isnan(speed) and told is not None else speed, 0.01)
        if told is not None:
            last, sigma = told - 0.002, found_sigma
        assert found == pytest.approx(last, abs=1e-12) and sigma - 1e-12 <= found_sigma <= max(ANY_ROAD_SIGMA, sigma) + 1e-12


def test_without_motion_sensors_the_slope_stays_and_brakes_are_believed_no_better():
    """It was told as 0 +- 0: on 6 % the brakes were believed to give 0.6 m/s2 more than they did."""
    stack, state, frames = driving()
    stack.restore(state)
    last = stack.tick(frames[0])
    frame, found = frames[1].copy(), []
    for kind in ("imu", "wheel", "gnss", "odometry", "shaft", "lane"):
        frame[kind]["count"] = 0
    for _ in range(600):
        frame["tick_time_ns"] += 10_000_000
        frame["tick_index"] += 1
        out = stack.tick(frame)
        if out["ego"]["status"] & VELOCITY_VALID:
            last = out
        else:
            found.append((out["truck"]["grade"], out["truck"]["grade_sigma"], out["plan"]["braking_deceleration"]))
    grades, sigmas, braking = np.array(found).T
    assert len(found) > 100 and (grades == last["truck"]["grade"]).all()
    assert sigmas[0] >= last["truck"]["grade_sigma"] > 0.0 and (np.diff(sigmas) >= 0.0).all()
    twin = Grade(0.0)
    twin.grade, twin.variance = float(last["truck"]["grade"]), float(last["truck"]["grade_sigma"]) ** 2
    for sigma in sigmas:
        assert sigma == pytest.approx(twin.step(None, 0.0, 0.0, math.nan, 0.01)[1], abs=1e-4)
    assert (braking <= last["plan"]["braking_deceleration"] + 1e-9).all()


def test_before_anything_is_known_it_may_be_that_of_any_road():
    stack = Stack.from_config("vehicles/demo_truck")
    out = stack.tick(stack.new_input())
    assert out["truck"]["grade"] == 0.0 and out["truck"]["grade_sigma"] == pytest.approx(ANY_ROAD_SIGMA)
