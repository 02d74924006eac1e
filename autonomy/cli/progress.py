"""How far long work is: one line that moves on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator

TERMINAL_STEP_S = 0.2
PLAIN_STEP_S = 10.0  # work shorter than this says nothing where no one watches


def watching(label: str, start_ns: int | None, end_ns: int | None) -> Callable[[Iterable], Iterator]:
    """A function that hands batches through and tells on stderr how far in log time they are."""

    def watch(batches: Iterable) -> Iterator:
        began = told = time.monotonic()
        is_terminal = sys.stderr.isatty()
        step = TERMINAL_STEP_S if is_terminal else PLAIN_STEP_S
        for batch in batches:
            yield batch
            now = time.monotonic()
            if now - told >= step and start_ns is not None and end_ns is not None and len(batch.records):
                told = now
                passed = int(batch.records["log_time_ns"][-1]) - start_ns
                share = min(max(passed / max(end_ns - start_ns, 1), 0.0), 1.0)
                line = f"{label}: {share:4.0%}, {passed / 1e9:.0f} s of the log in {now - began:.0f} s"
                print(f"\r{line}\x1b[K" if is_terminal else line, end="" if is_terminal else "\n", file=sys.stderr, flush=True)
        if is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return watch
