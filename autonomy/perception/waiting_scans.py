"""Scans that a stage has taken and that nobody has looked at yet, with the time of the packet that ended each."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Scan = TypeVar("Scan")


class WaitingScans(Generic[Scan]):
    """What lidar and radar stages have in common."""

    def __init__(self) -> None:
        self._scans: deque[tuple[Scan, int]] = deque()

    @property
    def waits(self) -> bool:
        """Whether a scan is there to be looked at."""
        return bool(self._scans)

    @property
    def ended_ns(self) -> int:
        """When the packet that ended the oldest scan that waits was received."""
        return self._scans[0][1]

    def skip(self) -> None:
        """Leaves out the oldest scan that waits."""
        self._scans.popleft()
