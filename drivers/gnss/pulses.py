"""Pulses a second as the kernel stamped their edges: /sys/class/pps/<name>/assert, "SECONDS.NANOSECONDS#SEQUENCE".

From the kernel's documentation, driver-api/pps.rst. The stamp is CLOCK_REALTIME; its age then tells the monotonic time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from autonomy.errors import EnvironmentFault

__all__ = ["FOLDER", "Pulses", "edge_of"]

FOLDER = Path("/sys/class/pps")
EDGE = re.compile(r"(\d+)\.(\d{9})#(\d+)")
OLDEST_NS = 5_000_000_000  # an edge that seems older: the wall clock was set, or pulses have ceased


class Pulses:
    """`missed`: edges that came between two looks. Look more often than once a second. Raises EnvironmentFault."""

    def __init__(self, name: str, folder: Path = FOLDER, monotonic_ns: Callable[[], int] = time.monotonic_ns,
                 realtime_ns: Callable[[], int] = time.time_ns):  # fmt: skip
        self.name, self.edges, self.missed = name, 0, 0
        self._path, self._monotonic_ns, self._realtime_ns = folder / name / "assert", monotonic_ns, realtime_ns
        if not self._path.exists():
            known = ", ".join(sorted(path.name for path in folder.glob("*"))) or "none"
            raise EnvironmentFault(f"no pulses '{name}': this machine has {known}; load pps-gpio or pps-ldisc for the receiver's")
        self._sequence = self._look()[1]

    def fresh(self) -> int | None:
        """CLOCK_MONOTONIC of an edge that came since the last look, None without one."""
        edge_ns, sequence = self._look()
        age_ns = self._realtime_ns() - edge_ns
        if sequence == self._sequence:
            return None
        self.missed += max(sequence - self._sequence - 1, 0)
        self._sequence = sequence
        if not 0 <= age_ns <= OLDEST_NS:
            return None
        self.edges += 1
        return self._monotonic_ns() - age_ns

    def _look(self) -> tuple[int, int]:
        try:
            return edge_of(self._path.read_text())
        except (OSError, ValueError) as error:
            raise EnvironmentFault(f"pulses '{self.name}' cannot be read: {error}") from None


def edge_of(text: str) -> tuple[int, int]:
    """(CLOCK_REALTIME in ns of the last edge, how many there were). Raises ValueError."""
    found = EDGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text.strip()[:40]}' is no SECONDS.NANOSECONDS#SEQUENCE")
    return int(found[1]) * 1_000_000_000 + int(found[2]), int(found[3])
