"""Percentiles over all lanes, and a drift that is found where there is one and not where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from hil.rig.lateness import drift, summed

SECONDS = np.arange(300) + 0.5


def course(slope_ms_per_hour: float, offset_ns: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lateness is what the machine adds, never below zero: an exponential, the least of many a second."""
    noise_ns = np.random.default_rng(seed).exponential(2_000.0, len(SECONDS))
    return SECONDS, offset_ns + noise_ns + slope_ms_per_hour / 3600.0 * 1e6 * SECONDS


@pytest.mark.parametrize("slope", [0.0, 5.0, -20.0])
def test_the_slope_is_found_within_its_error(slope):
    found = drift([course(slope, 40_000.0, 1), course(slope, 90_000.0, 2)])
    assert abs(found["ms_per_hour"] - slope) <= 1.5 * found["two_sigma_ms_per_hour"] < 0.5 and found["span_s"] == 299.0


def test_python_cans_relative_waits_would_be_seen():
    """Sleeping the distances between frames adds 60 us a frame: at 100 frames/s 21 s an hour."""
    found = drift([course(21_600.0, 0.0)])
    assert found["ms_per_hour"] == pytest.approx(21_600.0, rel=1e-3)


def test_a_short_run_says_nothing_of_drift():
    assert drift([(SECONDS[:5], SECONDS[:5])])["ms_per_hour"] is None and drift([])["ms_per_hour"] is None


def test_percentiles_are_those_of_all_lanes_together():
    one, two = np.zeros(100, np.uint32), np.zeros(100, np.uint32)
    one[10], two[50] = 98, 2
    found = summed([(one, 10_500), (two, 50_999)])
    assert (found["p50"], found["p99"], found["max"]) == (11, 51, 50.999)
    assert summed([])["p50"] is None
