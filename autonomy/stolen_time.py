"""Time that the host of a virtual machine takes from its processors: what looks like a stall of the loop, and is none."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["StolenTime", "because_stolen"]

STATISTICS = Path("/proc/stat")
STEAL = 8  # field of the line "cpu", proc(5): user nice system idle iowait irq softirq steal


class StolenTime:
    """Counts from when it is made, all processors together, to 10 ms."""

    def __init__(self, statistics: Path = STATISTICS) -> None:
        self.statistics = statistics
        self.before = self._ticks()

    def milliseconds(self) -> float | None:
        """None where the kernel does not tell it."""
        now = self._ticks()
        return None if now is None or self.before is None else 1e3 * (now - self.before) / os.sysconf("SC_CLK_TCK")

    def _ticks(self) -> int | None:
        try:
            fields = self.statistics.read_text().split("\n", 1)[0].split()
            return int(fields[STEAL])
        except (OSError, IndexError, ValueError):
            return None


def because_stolen(milliseconds: float | None) -> str:
    """What a reason for being late is followed by; nothing where nothing was taken."""
    return f" (the host took {milliseconds:.0f} ms from this machine's processors meanwhile)" if milliseconds else ""
