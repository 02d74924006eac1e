"""The filter of offset and rate: drift, jitter, outliers, steps, holdover; whole nanoseconds however large the times are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.log import clocks
from autonomy.runtime.clock_follower import LOST_MARKS, ClockState, follow, sigma_s, to_source_ns

S = 1_000_000_000
GPS_NOW = 1_470_000_000 * S


def marks(count: int, *, rate_ppm: float = 0.0, jitter_s: float = 0.0, seed: int = 0, first_ns: int = 7 * S):
    """(monotonic, source) once a second; our clock fast by `rate_ppm`, messages scattered by `jitter_s`."""
    random = np.random.default_rng(seed)
    source = GPS_NOW + np.arange(count, dtype=np.int64) * S
    monotonic = first_ns + (np.arange(count) * S * (1 + rate_ppm * 1e-6)).astype(np.int64)
    monotonic += (random.normal(0.0, 1.0, count) * jitter_s * S).astype(np.int64)
    return list(zip(monotonic.tolist(), source.tolist(), strict=True))


def followed(pairs, sigma: float, state: ClockState | None = None) -> ClockState:
    for monotonic_ns, source_ns in pairs:
        state = follow(state, monotonic_ns, source_ns, sigma)
    return state


@pytest.mark.parametrize("rate_ppm", [-80.0, 0.0, 3.0, 150.0])
def test_a_rate_is_found_and_the_time_told_within_its_sigma(rate_ppm):
    pairs = marks(300, rate_ppm=rate_ppm, jitter_s=5e-3)
    state = followed(pairs, 5e-3)
    true_ns, true_source = marks(301, rate_ppm=rate_ppm)[300]
    assert abs(state.rate_ppm - rate_ppm) < 4.0 * 1e6 * state.variances[2] ** 0.5
    assert abs(to_source_ns(state, true_ns) - true_source) < 4.0 * S * sigma_s(state, true_ns) < 0.015 * S
    assert state.rejected < 5 and state.steps == 0


def test_its_innovations_are_as_large_as_it_expects():
    ratios, state = [], None
    for monotonic_ns, source_ns in marks(2000, rate_ppm=20.0, jitter_s=2e-3, seed=3):
        state = follow(state, monotonic_ns, source_ns, 2e-3)
        ratios.append(state.test_ratio)
    assert np.mean(ratios) * 10.83 == pytest.approx(1.0, abs=0.1)  # NIS of one degree of freedom
    assert state.rejected <= 8  # 0.1 %


def test_outliers_cost_nothing():
    pairs = marks(200, rate_ppm=30.0, jitter_s=1e-3)
    clean = followed(pairs, 1e-3)
    for place in range(20, 200, 7):
        pairs[place] = pairs[place][0] + 400_000_000, pairs[place][1]  # held back by a line
    state = followed(pairs, 1e-3)
    assert state.rejected >= 25 and state.steps == 0
    assert abs(to_source_ns(state, pairs[-1][0]) - to_source_ns(clean, pairs[-1][0])) < 2_000_000


@pytest.mark.parametrize("step_s", [-1.0, 0.05, 3600.0])
def test_a_clock_that_was_set_is_followed_after_a_few_marks_and_keeps_its_rate(step_s):
    pairs = marks(200, rate_ppm=50.0, jitter_s=1e-4)
    before = followed(pairs[:100], 1e-4)
    moved = [(monotonic, source - round(step_s * S)) for monotonic, source in pairs[100:]]
    state = followed(moved[:LOST_MARKS], 1e-4, before)
    assert state.steps == 1 and state.last_step_s == pytest.approx(step_s, abs=2e-3) and state.rejected == LOST_MARKS
    assert state.rate == before.rate
    state = followed(moved[LOST_MARKS:], 1e-4, state)
    assert state.steps == 1 and abs(to_source_ns(state, moved[-1][0]) - moved[-1][1]) < 500_000


def test_a_wrong_first_mark_is_overruled():
    pairs = marks(60, jitter_s=1e-3)
    pairs[0] = pairs[0][0], pairs[0][1] + 3600 * S
    state = followed(pairs, 1e-3)
    assert state.steps == 1 and abs(to_source_ns(state, pairs[-1][0]) - pairs[-1][1]) < 5_000_000


def test_holdover_grows_unsure_and_stays_honest():
    state = followed(marks(600, rate_ppm=40.0, jitter_s=1e-3, seed=1), 1e-3)
    later_ns, later_source = marks(1200, rate_ppm=40.0)[1199]
    sigmas = [sigma_s(state, state.time_ns + seconds * S) for seconds in (0, 10, 100, 600)]
    assert sigmas == sorted(sigmas) and sigmas[-1] < 0.02
    assert abs(to_source_ns(state, later_ns) - later_source) < 4.0 * S * sigmas[-1]


@given(st.integers(0, 1 << 61), st.integers(0, 1 << 60), st.floats(-150.0, 150.0))
@settings(max_examples=50, deadline=None)
def test_times_of_any_size_keep_their_nanoseconds(first_ns, source_ns, rate_ppm):
    """Offsets of decades beside jitter of nanoseconds: differences are taken in integers first."""
    state = None
    for second in range(40):
        state = follow(state, first_ns + round(second * S * (1 + rate_ppm * 1e-6)), source_ns + second * S, 1e-7)
    assert abs(to_source_ns(state, first_ns + round(39 * S * (1 + rate_ppm * 1e-6))) - (source_ns + 39 * S)) <= 200


def test_it_says_what_the_filter_over_whole_logs_says():
    pairs = marks(400, rate_ppm=60.0, jitter_s=3e-3, seed=5)
    whole = clocks.fit(*(np.array(column, np.int64) for column in zip(*pairs, strict=True)))
    state = followed(pairs, whole.jitter_s)
    assert abs((state.time_ns - to_source_ns(state, state.time_ns)) - whole.offset_ns) < 2_000_000
    assert state.rate_ppm == pytest.approx(whole.rate_ppm, abs=10.0)
