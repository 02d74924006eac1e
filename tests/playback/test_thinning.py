"""The ticks a long run's report shows: few, real, and with every peak and change among them."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import msg
from autonomy.playback import spool as spool_module
from autonomy.playback import thinning
from autonomy.playback.spool import OutputSpool

TICKS = 5000


@pytest.fixture
def outputs():
    generator = np.random.default_rng(3)
    rows = np.zeros(TICKS, msg.dtype("OutputFrame"))
    rows["tick_index"] = np.arange(TICKS)
    rows["ego"]["speed"] = 20.0 + generator.normal(0.0, 0.1, TICKS)
    rows["tracks"]["count"] = generator.integers(0, 4, TICKS)
    rows["tracks"]["tracks"]["x"] = rows["tracks"]["count"][:, None]
    rows["tracks"]["lead_distance"] = np.nan
    return rows


def spooled(outputs) -> OutputSpool:
    spool = OutputSpool()
    for first in range(0, len(outputs), 64):
        block = outputs[first : first + 64]
        spool.append(block, len(block))
    return spool


def cut_lists(rows):
    used = np.arange(rows["tracks"]["tracks"].shape[1]) < rows["tracks"]["count"][:, None]
    rows["tracks"]["tracks"][~used] = 0
    return rows


def test_the_spool_gives_back_what_it_got(outputs, monkeypatch):
    monkeypatch.setattr(spool_module, "_BLOCK_TICKS", 700)
    spool = spooled(outputs)
    expected = cut_lists(outputs[:TICKS])
    assert spool.outputs().tobytes() == expected.tobytes()
    assert spool.topic("tracks").tobytes() == expected["tracks"].tobytes()
    chosen = np.array([0, 5, 699, 700, 4999])
    np.testing.assert_array_equal(spool.head("tracks", chosen)["time_ns"], expected["tracks"]["time_ns"][chosen])
    assert spool.head("ego", chosen).tobytes() == expected["ego"][chosen].tobytes()
    assert len(spool.head("ego", np.zeros(0, np.int64))) == 0


def test_an_empty_spool_gives_empty_arrays():
    spool = OutputSpool()
    assert len(spool.topic("ego")) == 0 and len(spool.outputs()) == 0 and thinning.kept_ticks(spool) is None


def test_a_short_run_is_kept_whole(outputs):
    assert thinning.kept_ticks(spooled(outputs)) is None


def test_peaks_and_changes_of_a_long_run_are_kept(outputs, monkeypatch):
    monkeypatch.setattr(thinning, "WHOLE_TICKS", 1000)
    monkeypatch.setattr(thinning, "REGULAR_TICKS", 50)
    monkeypatch.setattr(thinning, "STRETCHES", 10)
    monkeypatch.setattr(spool_module, "_BLOCK_TICKS", 333)
    outputs["ego"]["speed"][1234] = 99.0
    outputs["health"]["faults"][3000] = 4
    outputs["ego"]["aids"]["test_ratio"][777, 3] = 7.0
    outputs["lane"]["status"][2500:] = 1
    kept = thinning.kept_ticks(spooled(outputs))
    assert {0, 1234, 2999, 3000, 3001, 777, 2499, 2500, TICKS - 1} <= set(kept.tolist())
    assert len(kept) < 1200 and (np.diff(kept) > 0).all()
    for stretch in range(10):
        part = slice(stretch * 500, stretch * 500 + 500)
        speeds = outputs["ego"]["speed"][part]
        inside = outputs["ego"]["speed"][kept[(kept >= part.start) & (kept < part.stop)]]
        assert inside.min() == speeds.min() and inside.max() == speeds.max()


def test_what_changes_all_the_time_does_not_keep_every_tick(outputs, monkeypatch):
    monkeypatch.setattr(thinning, "WHOLE_TICKS", 1000)
    monkeypatch.setattr(thinning, "MOST_CHANGES", 20)
    monkeypatch.setattr(thinning, "REGULAR_TICKS", 50)
    monkeypatch.setattr(thinning, "STRETCHES", 4)
    outputs["actuation"]["mode"] = np.arange(TICKS) % 2
    assert len(thinning.kept_ticks(spooled(outputs))) < 600
