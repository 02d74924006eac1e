"""The least a tick costs: called from Python on an empty frame. On recorded frames it stands in the rows of `replay`."""

from __future__ import annotations

import time

import numpy as np

from autonomy.tick_period import TICK_NS

AIM_US = 18.0
REPEATS = 2000


def rows() -> list[dict]:
    """Rows of the bench table."""
    from autonomy import Stack

    stack = Stack.from_config("vehicles/demo_truck")
    frame, out = stack.new_input(), np.zeros(1, stack.tick(stack.new_input()).dtype)
    snapshot = stack.snapshot()
    durations = []
    for index in range(REPEATS):
        frame["tick_index"], frame["tick_time_ns"] = index, (index + 1) * TICK_NS
        begun = time.perf_counter_ns()
        stack.tick(frame, out=out)
        durations.append(time.perf_counter_ns() - begun)
    begun = time.perf_counter_ns()
    for _ in range(100):
        stack.restore(snapshot)
    restored = (time.perf_counter_ns() - begun) / 100
    common = {"peer": "", "peer_version": None, "peer_ns": None, "ratio": None}
    median = float(np.median(durations))
    return [
        common | {"kernel": "tick called from Python, empty frame", "ours_ns": median, "aim": f"<= {AIM_US:.0f} us",
                  "met": median <= AIM_US * 1e3},
        common | {"kernel": f"restore a snapshot of {len(snapshot) / 1024:.0f} kB", "ours_ns": restored, "aim": "", "met": None},
    ]  # fmt: skip
