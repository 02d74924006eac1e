"""The clock of a log against that of a source: what is put in is found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.log import clocks

UTC_NS = 1_627_274_564_000_000_000


def drive(offset_ns: int = 5_000_000_000, rate_ppm: float = 78.0, jitter_s: float = 0.005, count: int = 1200, seed: int = 0):
    """(log, source) times of a source at 1 Hz whose records come through a way that scatters to one side."""
    random = np.random.default_rng(seed)
    source_ns = UTC_NS + np.arange(count, dtype=np.int64) * 1_000_000_000
    way_ns = np.rint(random.gamma(2.0, jitter_s, count) * 1e9).astype(np.int64)
    ahead_ns = np.rint(np.arange(count) * rate_ppm * 1e3).astype(np.int64)
    return source_ns + offset_ns + ahead_ns + way_ns, source_ns


@settings(max_examples=20, deadline=None)
@given(st.floats(-200.0, 200.0), st.integers(-(10**18), 10**12), st.floats(1e-4, 0.02))
def test_offset_and_rate(rate_ppm, offset_ns, jitter_s):
    log_ns, source_ns = drive(offset_ns, rate_ppm, jitter_s)
    found = clocks.fit(log_ns, source_ns)
    assert abs(found.rate_ppm - rate_ppm) < max(5.0 * found.rate_sigma_ppm, 0.05)
    expected_ns = offset_ns + round(1199 * rate_ppm * 1e3) + round(2.0 * jitter_s * 1e9)  # the mean of the way included
    assert abs(found.offset_ns - expected_ns) < 1.5e9 * jitter_s
    assert not found.jumps


def test_the_table_brings_log_times_to_the_source():
    log_ns, source_ns = drive(rate_ppm=80.0, jitter_s=0.002)
    found = clocks.fit(log_ns, source_ns)
    error_s = (found.table.to_source_ns(log_ns) - source_ns) / 1e9
    assert np.sqrt(np.mean((error_s - error_s.mean()) ** 2)) < 0.004
    beyond = found.table.to_source_ns(np.array([log_ns[-1] + 60_000_000_000]))[0] - source_ns[-1]
    assert abs(beyond - 60_000_000_000 * (1 - 80e-6)) < 5e6
    assert found.table.to_source_ns(log_ns).dtype == np.int64


@pytest.mark.parametrize("step_s", [-2.0, -0.1, 0.1, 1.0, 3600.0])
def test_a_jump_is_found_where_it_is_and_does_not_bend_the_rate(step_s):
    log_ns, source_ns = drive(rate_ppm=50.0)
    log_ns[500:] += round(step_s * 1e9)
    found = clocks.fit(log_ns, source_ns)
    (jump,) = found.jumps
    assert abs(jump.step_s - step_s) < 0.02
    assert abs(jump.log_ns - log_ns[500]) < 3_000_000_000 or step_s < 0
    assert abs(found.rate_ppm - 50.0) < 5.0
    error_s = (found.table.to_source_ns(log_ns) - source_ns) / 1e9
    assert abs(np.median(error_s[:490])) < 0.02 and abs(np.median(error_s[510:])) < 0.02 or step_s < 0


def test_a_rate_that_wanders_is_followed():
    log_ns, source_ns = drive(rate_ppm=60.0)
    log_ns = log_ns + np.rint(1e9 * np.cumsum(20e-6 * np.sin(np.arange(1200) / 150.0))).astype(np.int64)
    found = clocks.fit(log_ns, source_ns)
    assert found.residual_s < 0.010 and found.following_s < 0.012


def test_few_or_equal_times_are_no_clock():
    log_ns, source_ns = drive(count=9)
    assert clocks.fit(log_ns, source_ns) is None
    assert clocks.fit(np.zeros(0, np.int64), np.zeros(0, np.int64)) is None
