"""The speed for bends that are known with an error."""

import numpy as np
import pytest
from autonomy.planning._plan import PlanStep

from tests.planning.test_plan import PLAN, VEHICLE, situation
from tests.step_parameters import known_truck

STEP_M = 5.0
LIMIT = float(PlanStep(PLAN, VEHICLE).lateral_limit(known_truck()))
SIGMA = (8e-5, 8.5e-6)  # of curvature and its rate, as the lane step tells on a motorway [C]


def plan_for(preview, speed, sigma=SIGMA, set_speed=None):
    given = situation(speed=speed, set_speed=speed if set_speed is None else set_speed)
    given[4]["preview"], given[4]["sigma"][2:4], given[4]["valid_distance_m"] = preview, sigma, 155.0
    return PlanStep(PLAN, VEHICLE).step(*given)


def test_the_end_of_a_transition_is_not_braked_for():
    """R 500 m at 80 km/h, by a camera alone: 2 % too tight 40 m ahead, 13 % from 80 m on [C]."""
    seen = 1 / 500 * (1.0 + np.interp(STEP_M * np.arange(32), [0.0, 40.0, 80.0], [0.0, 0.02, 0.13]))
    assert plan_for(seen, 80 / 3.6)["target_acceleration"] > -0.05


@pytest.mark.parametrize("seed", range(5))
def test_noise_on_the_preview_is_not_braked_for(seed):
    """Points of 5 m wrong by a tenth each way, on the same bend."""
    seen = 1 / 500 * (1.0 + 0.1 * np.random.default_rng(seed).standard_normal(32).clip(-2.0, 2.0))
    assert plan_for(seen, 80 / 3.6)["target_acceleration"] > -0.05


def driven(radius, transition_m, speed, begin=200.0):
    """(m/s, m/s2 along the way, 1/m) every 10 ms into a bend; jerk of 0.8 to 2 m/s3 and half a second of lag."""
    v, wanted, acceleration, s, rows = speed, 0.0, 0.0, 0.0, []
    step = PlanStep(PLAN, VEHICLE)
    while s < begin + transition_m + 100.0:
        ahead = np.clip((s + STEP_M * np.arange(32) - begin) / transition_m, 0.0, 1.0) / radius
        given = situation(speed=v, set_speed=speed, now_ns=10**9 + len(rows) * 10_000_000)
        given[4]["preview"], given[4]["sigma"][2:4], given[4]["valid_distance_m"] = ahead, SIGMA, 155.0
        plan = step.step(*given)
        jerk = max(0.8, float(plan["braking_jerk"])) if plan["target_acceleration"] < wanted else 0.8
        wanted += float(np.clip(plan["target_acceleration"] - wanted, -jerk * 0.01, jerk * 0.01))
        acceleration += (wanted - acceleration) * 0.01 / 0.5
        v += 0.01 * acceleration
        s += 0.01 * v
        rows.append((v, acceleration, float(ahead[0])))
    return np.array(rows).T


def test_braking_is_over_as_the_bend_comes():
    """Braking in a transition makes a truck turn in: what is left of it fades with what the bend takes."""
    speed, acceleration, curvature = driven(350.0, 100.0, 80 / 3.6)
    share = speed**2 * curvature / LIMIT
    assert acceleration.min() < -0.25  # 80 km/h are too fast for it
    assert np.all(acceleration[share > 0.97] > -0.35)  # 0.5 were it not faded


def test_a_bend_at_the_vehicle_is_driven_at_its_own_speed_however_it_is_doubted():
    """Even an uncertainty of everything takes off no more than its bound."""
    plan = plan_for(np.full(32, 1 / 250), 25.0, sigma=(1.0, 1.0))
    most = LIMIT / (1.0 - float(PLAN["curve_doubt_maximum"]))
    assert float(plan["curve_speed"]) ** 2 / 250.0 <= most + 1e-6
    sure = plan_for(np.full(32, 1 / 250), 25.0, sigma=(0.0, 0.0))
    assert float(sure["curve_speed"]) ** 2 / 250.0 == pytest.approx(LIMIT, rel=1e-4)


@pytest.mark.parametrize("radius, speed_kmh", [(150.0, 80.0), (250.0, 80.0), (120.0, 60.0)])
def test_a_tight_bend_that_is_seen_is_slowed_for_in_time(radius, speed_kmh):
    """A clothoid of 60 m into the bend, known 155 m ahead but not exactly."""
    speed, _, curvature = driven(radius, 60.0, speed_kmh / 3.6)
    worst, v = np.max(speed**2 * curvature), speed[-1]
    assert worst < 1.1 * LIMIT
    assert v * v / radius > 0.9 * LIMIT  # and not slower than needed
