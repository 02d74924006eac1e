"""A lead that brakes to a stop is stopped behind where the standing gap is, early and evenly, however it brakes."""

from __future__ import annotations

import numpy as np
import pytest
from autonomy.planning._plan import PlanStep
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.planning.test_plan import FRONT, PLAN, VEHICLE, situation

TICK_S = 0.01
BRAKE_LAG_S = 0.3
STANDING_GAP_M = float(PLAN["gap_minimum_m"])


def approach(speed: float, braking: float, noise_mps: float = 0.0, seed: int = 0):
    """(gap m, hardest braking m/s2, did it speed up again) of a truck with lagging brakes behind a lead that stops."""
    step, noise = PlanStep(PLAN, VEHICLE), np.random.default_rng(seed)
    step_arguments = situation(speed)
    frame, vehicle, ego, _, _, tracks = step_arguments
    gap, lead, own, acceleration = step.gap(speed), speed, speed, 0.0
    asked, hardest, slowest, sped_up, seen = 0.0, 0.0, speed, False, speed
    tracks["count"], tracks["lead_track_id"], track = 1, 7, tracks["tracks"][0]
    track["track_id"], track["existence"], track["status"] = 7, 1.0, 2
    for tick in range(round((speed / braking + 40.0) / TICK_S)):
        if tick % 5 == 0:
            seen = lead + noise_mps * noise.standard_normal()
        frame["tick_time_ns"] += round(TICK_S * 1e9)
        vehicle["time_ns"], vehicle["speed"] = frame["tick_time_ns"], own
        ego["velocity"][0] = ego["speed"] = own
        ego["acceleration"][0] = acceleration
        tracks["lead_distance"], tracks["lead_speed"] = gap + FRONT, seen
        tracks["lead_acceleration"] = -braking if lead > 0.0 else 0.0
        track["x"], track["velocity_x"], track["acceleration_x"] = gap + FRONT, seen, tracks["lead_acceleration"]
        plan = step.step(*step_arguments)
        asked += float(np.clip(plan["target_acceleration"] - asked, -2.0 * TICK_S, 2.0 * TICK_S))  # jerk, m/s3
        acceleration += TICK_S / BRAKE_LAG_S * (asked - acceleration)
        own = max(own + acceleration * TICK_S, 0.0)
        lead = max(lead - braking * TICK_S, 0.0)
        gap += (lead - own) * TICK_S
        hardest, slowest = min(hardest, acceleration), min(slowest, own)
        sped_up |= own > slowest + 0.3
        if own == 0.0 and lead == 0.0:
            break
    return gap, -hardest, sped_up


@settings(max_examples=25, deadline=None)
@example(speed=22.0, braking=0.5, seed=0)
@example(speed=22.0, braking=0.7, seed=1)
@given(speed=st.floats(8.0, 24.0), braking=st.floats(0.5, 1.5), seed=st.integers(0, 99))
def test_the_truck_stops_where_it_wants_to_stand(speed, braking, seed):
    gap, hardest, sped_up = approach(speed, braking, 0.1, seed)
    assert abs(gap - STANDING_GAP_M) < 0.6
    assert hardest < float(PLAN["deceleration_maximum"]) + 0.05
    assert not sped_up


def test_a_harder_stop_is_braked_for_at_once_and_ends_clear():
    gap, hardest, _ = approach(22.0, 3.0)
    assert 2.4 < gap < STANDING_GAP_M + 1.0
    assert hardest < 4.0


def test_a_lead_that_brakes_and_drives_on_is_not_stopped_behind():
    """Gentle braking far away asks for no more than the law of the gap."""
    step = PlanStep(PLAN, VEHICLE)
    gap = step.gap(20.0)
    assert step.follow(20.0, gap, 20.0, 0.0, 0.5) == pytest.approx(step.follow(20.0, gap, 20.0, 0.0))
    assert step.follow(12.0, step.gap(12.0), 8.0, -1.0, 1.0) < step.follow(12.0, step.gap(12.0), 8.0, -1.0) - 0.01
