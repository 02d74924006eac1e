"""The real-time loop beside a bare one: how late each wakes on the same deadlines, with the same scheduling.

The loop is that of `autonomy hil live`: it drives a truck in another process over three buses, its recorder writes the log. The
bare one sleeps until the same deadlines and does nothing (Cython without the GIL). Where there are two processors, each has the
last one for itself (`--cpu`). Interleaved pairs - bare, then the loop, each of the same length - of whose ratios the median
counts; a burst of other work meets both or none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from autonomy.bench.measuring import measure

PAIRS = 3
SECONDS, QUICK_S = 120.0, 10.0
RATIO_AIMS = {"p50": 1.3, "p99": 1.3, "p99.9": 1.5}
TICK_P999_AIM_US = 1_000.0
LOSSES = ("missed", "arrivals_lost", "ticks_unrecorded", "send_failed")
RESPONSE_AIMS_US = {"p50": 6_000.0, "p99": 12_000.0}
TRUCK_CLOCK_PPM = 2_000.0  # its frames walk through the loop's period once in five seconds


def rows(seconds: float = QUICK_S) -> list[dict]:
    """One row a figure: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}; times are medians of the pairs."""
    bare, loops, cpu = [], [], own_processor()
    for _ in range(PAIRS):
        bare.append(_bare_elsewhere(seconds, cpu))
        loops.append(_driven(seconds, cpu))
    lateness = [run["lateness_us"] for run in loops]
    found = []
    for q, aim in RATIO_AIMS.items():
        ratio = _median(run[q] / beside[q] for run, beside in zip(lateness, bare, strict=True))
        found.append(_row(f"loop, wake-up {q}", _median(run[q] for run in lateness), ratio <= aim, f"<= {aim:g}x bare",
                          _median(beside[q] for beside in bare), ratio))  # fmt: skip
    tick_us = _median(run["work_us"]["p99.9"] for run in loops)
    found.append(_row("loop, tick p99.9", tick_us, tick_us <= TICK_P999_AIM_US, f"<= {TICK_P999_AIM_US / 1e3:g} ms"))
    for q, aim_us in RESPONSE_AIMS_US.items():
        response_us = _median(run["response_us"][q] for run in loops)
        found.append(_row(f"byte in to command out {q}", response_us, response_us <= aim_us, f"<= {aim_us / 1e3:g} ms"))
    ticks, faults = (sum(run["counts"][name] for run in loops) for name in ("ticks", "page_faults"))
    lost = {name: sum(run["counts"][name] for run in loops) for name in LOSSES}
    named = ", ".join(f"{name} {number}" for name, number in lost.items() if number) or "nothing"
    return [
        *found,
        _row(f"loop, {ticks} ticks: page faults {faults}", None, faults == 0, "none"),
        _row(f"loop, {ticks} ticks: missed or lost {named}", None, not any(lost.values()), "none"),
    ]


def own_processor() -> int | None:
    """That which the loop gets for itself; none where there is only one."""
    known = sorted(os.sched_getaffinity(0))
    return known[-1] if len(known) > 1 else None


def _driven(seconds: float, cpu: int | None) -> dict:
    """The figures of `autonomy run` against a truck in another process. Raises RuntimeError when it never drove."""
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        words = ["hil", "live", "-o", Path(folder, "hil"), "--duration", seconds, "--truck-clock-ppm", TRUCK_CLOCK_PPM, "--json",
                 *([] if cpu is None else ["--cpu", cpu])]  # fmt: skip
        said = measure(words).output
    if not said.strip():
        raise RuntimeError("autonomy hil live said nothing: run it by itself to see why")
    run = json.loads(said)["run"]
    if run["response_us"]["p50"] is None:
        why = [*run["reasons"], *([run["standby"]] if run["standby"] else [])]
        raise RuntimeError(f"the stack sent no command within {seconds:g} s: {'; '.join(why) or 'it did not engage'}")
    return run


def _bare_elsewhere(seconds: float, cpu: int | None) -> dict:
    """Percentiles in microseconds of the bare loop, in a process of its own."""
    words = [sys.executable, "-m", "autonomy.bench.loop", str(seconds), *([] if cpu is None else [str(cpu)])]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return json.loads(done.stdout)


def bare(seconds: float, cpu: int | None = None) -> dict:
    """The same scheduling, memory and timers as the loop's, then nothing but sleeping until each deadline."""
    from autonomy.runtime import realtime
    from autonomy.runtime._bare_loop import bare_lateness
    from autonomy.runtime._loop import HISTOGRAM_US
    from autonomy.runtime.figures import percentiles_us
    from autonomy.tick_period import TICK_NS, TICK_S

    realtime.enter(cpu=cpu)
    late_ns = bare_lateness((time.monotonic_ns() // TICK_NS + 2) * TICK_NS, round(seconds / TICK_S))
    counts = np.bincount(np.clip(late_ns // 1000, 0, HISTOGRAM_US), minlength=HISTOGRAM_US + 1)
    return percentiles_us(counts, int(late_ns.max()))


def _median(values) -> float:
    return float(np.median(list(values)))


def _row(kernel: str, ours_us: float | None, met: bool, aim: str, bare_us: float | None = None,
         ratio: float | None = None) -> dict:  # fmt: skip
    return {"kernel": kernel, "ours_ns": None if ours_us is None else 1e3 * ours_us,
            "peer": "bare loop" if bare_us is not None else None, "peer_version": None,
            "peer_ns": None if bare_us is None else 1e3 * bare_us, "ratio": None if ratio is None else 1.0 / ratio, "aim": aim,
            "met": met}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(bare(float(sys.argv[1]), *map(int, sys.argv[2:]))))
