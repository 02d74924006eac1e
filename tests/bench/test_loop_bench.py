"""How `autonomy bench loop` judges its pairs."""

from __future__ import annotations

import pytest

from autonomy.bench import loop


def figures(lateness, page_faults=0, missed=0):
    return {"lateness_us": lateness, "work_us": {"p99.9": 200}, "response_us": {"p50": 5_000, "p99": 11_000},
            "counts": {"ticks": 100, "page_faults": page_faults, "missed": missed, "arrivals_lost": 0, "ticks_unrecorded": 0,
                       "send_failed": 0}}  # fmt: skip


@pytest.fixture
def pairs(monkeypatch):
    """Runs that said these figures, bare and driving in turns."""

    def say(bare, driven):
        bare, driven = iter(bare), iter(driven)
        monkeypatch.setattr(loop, "_bare_elsewhere", lambda seconds, cpu: next(bare))
        monkeypatch.setattr(loop, "_driven", lambda seconds, cpu: next(driven))
        return {row["kernel"]: row for row in loop.rows(10.0)}

    return say


def test_the_median_of_the_pairs_ratios_counts_so_one_bad_pair_does_not(pairs):
    calm, busy = {"p50": 40, "p99": 80, "p99.9": 200}, {"p50": 90, "p99": 900, "p99.9": 5_000}
    rows = pairs([calm, busy, calm], [figures(calm), figures(busy), figures(busy)])
    assert rows["loop, wake-up p50"]["met"] and rows["loop, wake-up p50"]["ratio"] == 1.0
    rows = pairs([calm, calm, calm], [figures(calm), figures(busy), figures(busy)])
    assert not rows["loop, wake-up p99"]["met"] and rows["loop, wake-up p99"]["ratio"] == pytest.approx(80 / 900)


def test_a_page_fault_or_a_missed_tick_misses_the_aim(pairs):
    calm = {"p50": 40, "p99": 80, "p99.9": 200}
    for change in ({"page_faults": 1}, {"missed": 1}):
        rows = pairs([calm] * 3, [figures(calm), figures(calm, **change), figures(calm)])
        assert [row["met"] for row in rows.values()].count(False) == 1
