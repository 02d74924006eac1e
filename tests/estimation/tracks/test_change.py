"""The sequential test for a lane change (_change) beside its twin, and what it tells of wanderers and of changes."""

import numpy as np
import pytest
from autonomy.estimation.tracks._probe import ChangeTest

from autonomy.estimation.tracks.tracks_twin import change_evidence, change_profile

LANE_M = 3.75
ONSET_S = 0.2
PERIOD_S = 0.05
START_S = 100.0


def offsets(seed, seconds, change_s=None, duration_s=5.0, wander_m=0.0):
    """(time, measured offset) of a vehicle in the lane to the left, that begins to change after `change_s`."""
    rng = np.random.default_rng(seed)
    t = START_S + PERIOD_S * np.arange(round(seconds / PERIOD_S))
    y = LANE_M + wander_m * np.sin(2.0 * np.pi * t / 10.0) + rng.normal(0.0, 0.1, len(t))
    if change_s is not None:
        y -= change_profile((t - START_S - change_s) * 5.0 / duration_s)
    return t, y


def run(t, y):
    test = ChangeTest()
    for time_s, offset in zip(t.tolist(), y.tolist(), strict=True):
        test.measure(offset, 0.01, round(time_s * 1e9))
    return test


@pytest.mark.parametrize("seed", range(5))
def test_evidence_is_that_of_the_twin(seed):
    t, y = offsets(seed, 2.5, change_s=1.0)
    found = run(t, y).evidence
    newest = int(round(t[-1] * 1e9) // 200_000_000)
    for k in range(10):
        expected = change_evidence(t, y, np.full(len(t), 0.01), (newest - k) * ONSET_S)
        assert found[k] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("duration_s", (3.0, 4.0, 6.0))
def test_a_change_is_told_before_a_third_of_it_is_over(duration_s):
    t, y = offsets(1, 2.0 + 0.4 * duration_s, change_s=2.0, duration_s=duration_s)
    assert run(t, y).probability(LANE_M, round(t[-1] * 1e9)) > 0.5


def test_who_wanders_is_seldom_taken_for_one_who_changes():
    flags = []
    for seed in range(20):
        t, y = offsets(seed, 20.0, wander_m=0.1)
        test = ChangeTest()
        for time_s, offset in zip(t.tolist(), y.tolist(), strict=True):
            test.measure(offset, 0.01, round(time_s * 1e9))
            flags.append(test.probability(LANE_M, round(time_s * 1e9)) > 0.5)
    assert np.mean(flags) < 0.01


def test_who_comes_into_the_next_lane_from_beyond_is_no_cut_in():
    t, y = offsets(2, 9.0, change_s=1.0)
    test = ChangeTest()
    for time_s, offset in zip(t.tolist(), (y + LANE_M).tolist(), strict=True):
        test.measure(offset, 0.01, round(time_s * 1e9))
        assert test.probability(LANE_M, round(time_s * 1e9)) < 0.5


def test_what_is_old_tells_nothing():
    t, y = offsets(1, 4.0, change_s=2.0)
    test = run(t, y)
    assert test.probability(LANE_M, round((t[-1] + 0.4) * 1e9)) > 0.5
    assert test.probability(LANE_M, round((t[-1] + 0.6) * 1e9)) == 0.0
