"""Figures of a replay: the quantiles of the ticks' durations."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy.playback.metrics import TickTimes


def test_slow_ticks_are_in_the_quantiles_too():
    """Of twenty in a hundred that take 4 to 8 ms the histogram of 2 ms told 2.0."""
    times = TickTimes()
    times.take(np.concatenate([np.full(80, 17_000), np.linspace(4e6, 8e6, 20)]).astype(np.int64))
    told = times.as_json()
    assert told["p50"] == pytest.approx(17.0, abs=0.2) and told["p99"] == pytest.approx(7790.0, abs=110.0)
    assert told["max"] == pytest.approx(8000.0)
    hour = TickTimes()
    hour.take(np.array([5_000_000_000]))
    assert hour.as_json()["p99"] <= hour.as_json()["max"] == 5e6


def test_quantiles_are_within_a_step():
    durations = np.random.default_rng(3).lognormal(10.0, 0.8, 5000).astype(np.int64)
    times = TickTimes()
    times.take(durations[:2000])
    times.take(durations[2000:])
    assert times.percentile_us(0.5) == pytest.approx(np.quantile(durations, 0.5) / 1e3, abs=0.15)
    assert times.percentile_us(0.99) == pytest.approx(np.quantile(durations, 0.99) / 1e3, rel=0.01)
