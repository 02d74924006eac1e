"""What happened in a live drive, and when: what the stack says of itself in its log, and what the truck saw.

    events = events_of(Path("runs/hil/run.mcap"), account["events"])
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.log.reader import LogReader
from autonomy.msg.modes import ACTIVE, MINIMAL_RISK
from hil.loop.metrics import COLUMNS, RunMetrics

__all__ = ["DriveEvent", "TruckEvents", "as_json", "events_of"]

STACK, TRUCK = "stack", "truck"
MODES = {0: "hands over", ACTIVE: "takes over", MINIMAL_RISK: "minimal-risk manoeuvre"}
TOLD = msg.constants("FaultState")["STATUS_TOLD"]
MARGIN = COLUMNS.index("margin")  # m of the nearest corner to its line


class DriveEvent(NamedTuple):
    """`time_ns` of the log's clock; `after_s` from its first tick."""

    time_ns: int
    after_s: float
    told_by: str
    what: str


class TruckEvents:
    """Behind each tick that `metrics` has seen: collisions, corners over the line, a roll-over, each when it begins."""

    def __init__(self, metrics: RunMetrics):
        self.found: list[tuple[int, str]] = []
        self.first_ns: int | None = None  # when the first of those ticks was
        self._metrics, self._collisions, self._is_out, self._rolled = metrics, 0, False, False

    def look(self, now_ns: int) -> None:
        metrics = self._metrics
        self.first_ns = now_ns if self.first_ns is None else self.first_ns
        is_out = metrics.rows[-1][MARGIN] < 0.0
        for begins, what in ((metrics.collisions > self._collisions, "collision"),
                             (is_out and not self._is_out, "out of the lane"),
                             (metrics.rolled_over and not self._rolled, "rolled over")):  # fmt: skip
            if begins:
                self.found.append((now_ns, what))
        self._collisions, self._is_out, self._rolled = metrics.collisions, is_out, metrics.rolled_over


def events_of(log: Path, truck: Iterable[tuple[int, str]]) -> list[DriveEvent]:
    """In the order of time. Raises LogError."""
    with LogReader(log) as reader:
        actuation, faults = reader.read_topic("/out/actuation"), reader.read_topic("/out/faults")
    first_ns = int(actuation["time_ns"][0]) if len(actuation) else 0
    told = [(int(time_ns), STACK, MODES.get(mode, f"mode {mode}")) for time_ns, mode in _changes(actuation)]
    told += [(time_ns, STACK, f"fault: {name}") for time_ns, name in _faults(faults)]
    told += [(int(time_ns), TRUCK, what) for time_ns, what in truck]
    return [DriveEvent(time_ns, (time_ns - first_ns) / 1e9, by, what) for time_ns, by, what in sorted(told)]


def _changes(actuation: np.ndarray) -> list[tuple[int, int]]:
    """(time, mode) of each change of the mode, which is standby at first."""
    modes = actuation["mode"].astype(int)
    places = np.flatnonzero(np.diff(np.concatenate([[0], modes])))
    return [(int(actuation["time_ns"][place]), int(modes[place])) for place in places]


def _faults(states: np.ndarray) -> list[tuple[int, str]]:
    """(time, name) of each row of the fault table when it begins to be told."""
    names = msg.words("FaultRow", "FAULT_")
    if not len(states):
        return []
    told = states["status"] >= TOLD
    begins = told & ~np.concatenate([np.zeros_like(told[:1]), told[:-1]])
    return [(int(states["time_ns"][tick]), names.get(int(states["fault"][tick, row]), "unknown").replace("_", " "))
            for tick, row in zip(*np.nonzero(begins), strict=True)]  # fmt: skip


def as_json(events: Iterable[DriveEvent], cuts: Iterable[str | None]) -> list[dict[str, Any]]:
    return [event._asdict() | {"cut": cut} for event, cut in zip(events, cuts, strict=True)]
