"""Histograms that another process sees, and that are in every log it closes."""

from __future__ import annotations

import json
import multiprocessing

import numpy as np
from autonomy.runtime._loop import HISTOGRAM_US

from autonomy.log.writer import LogWriter
from autonomy.msg import dtype
from autonomy.runtime.segments import Segments, Snapshots
from autonomy.runtime.shared_histograms import SharedHistograms


def counts(*at: int) -> np.ndarray:
    return np.bincount(at, minlength=HISTOGRAM_US + 1)


def test_what_was_put_is_there_by_the_microsecond_and_nothing_else():
    shared = SharedHistograms()
    assert shared.as_json() == b""
    shared.put({"work": counts(70, 70, HISTOGRAM_US), "response": counts()})
    assert json.loads(shared.as_json()) == {"work_us": [[70, 2], [HISTOGRAM_US, 1]], "response_us": []}
    shared.put({"work": counts(71)})
    assert json.loads(shared.as_json())["work_us"] == [[71, 1]]


def test_another_process_sees_what_is_put_after_it_began():
    shared, fork = SharedHistograms(), multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()

    def answer():
        theirs.recv()
        theirs.send(shared.as_json())

    process = fork.Process(target=answer)
    process.start()
    shared.put({"latency": counts(500)})
    ours.send(None)
    assert json.loads(ours.recv()) == {"latency_us": [[500, 1]]}
    process.join()


def test_every_segment_and_snapshot_is_closed_with_them(tmp_path):
    closing = []
    with Segments(tmp_path / "run.mcap", lambda path, first_ns: LogWriter(path), 1.0, closing=closing.append) as log:
        snapshots = Snapshots(log, before_s=1.0, after_s=0.0)
        for second in (1, 2, 3):
            streams = {"/timing": (np.array([second * 10**9]), np.zeros(1, dtype("Timing")))}
            log.write_merged(streams)
            snapshots.take(streams, [second * 10**9] if second == 2 else [])
    assert len(closing) == len(log.paths) == 4  # three segments and a snapshot
