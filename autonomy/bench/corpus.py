"""A corpus of recorded minutes on one core and on two: how much of the second core is used.

AUTONOMY_BENCH_CLIPS sets how many clips (100; the figure to reach is for 1000).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

from autonomy.bench.replay import recorded_drive

QUICK = 100
AIM = 1.8


def rows() -> list[dict]:
    """Rows of the bench table; none where the recorded drive is absent."""
    from autonomy.log.importers.comma2k19 import convert

    segment = recorded_drive()
    if segment is None:
        print("corpus: the recorded drive is not here (set AUTONOMY_DATA); left out", file=sys.stderr)
        return []
    count = int(os.environ.get("AUTONOMY_BENCH_CLIPS", QUICK))
    with tempfile.TemporaryDirectory(prefix="autonomy-bench-") as directory:
        folder = Path(directory)
        convert([segment], folder / "minute.mcap")
        clips = folder / "clips"
        clips.mkdir()
        for number in range(count):
            os.link(folder / "minute.mcap", clips / f"clip-{number:04d}.mcap")
        one, two = _seconds(clips, folder / "one", 1), _seconds(clips, folder / "two", 2)
        if (folder / "one" / "summary.json").read_bytes() != (folder / "two" / "summary.json").read_bytes():
            raise RuntimeError("one and two workers gave different summaries")
    alone, together = _arithmetic(1), _arithmetic(2)
    common = {"peer_version": None}
    return [
        common | {"kernel": f"corpus, {count} recorded minutes, 2 workers", "ours_ns": two * 1e9, "peer": "1 worker",
                  "peer_ns": one * 1e9, "ratio": one / two, "aim": f">= {AIM}x on 2 cores", "met": one / two >= AIM},
        common | {"kernel": "plain arithmetic, 2 processes: what the machine gives", "ours_ns": together * 1e9,
                  "peer": "1 process", "peer_ns": alone * 1e9, "ratio": alone / together, "aim": "", "met": None},
        common | {"kernel": "corpus, one minute, workers' start shared out", "ours_ns": one / count * 1e9, "peer": "",
                  "peer_ns": None, "ratio": None, "aim": "", "met": None},
    ]  # fmt: skip


def _arithmetic(processes: int) -> float:
    """The same work by one process or by two: on a busy machine, two get no more of it than one."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(_sum_of_squares, [1] * processes)
        began = time.perf_counter()
        pool.map(_sum_of_squares, [2_000_000] * 16, chunksize=1)
        return time.perf_counter() - began


def _sum_of_squares(count: int) -> int:
    return sum(number * number for number in range(count))


def _seconds(clips: Path, output: Path, jobs: int) -> float:
    from autonomy.corpus.run import Options, run

    began = time.perf_counter()
    told = run(Options(str(clips), str(output), keep="nothing", jobs=jobs))
    if told["exit_code"]:
        raise RuntimeError(f"the corpus run ended with {told['exit_code']}")
    return time.perf_counter() - began
