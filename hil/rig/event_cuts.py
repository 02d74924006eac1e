"""Cuts of a run's log around what happened in it, as files beside the report, for the report to link to.

    events = [Event("1 bus_off of can0", 20_000_000_000, 25_000_000_000)]
    write_cuts(folder / "log.mcap", folder, events)     # ["cuts/1_bus_off_of_can0.mcap"]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from autonomy.log.cutting import cut
from autonomy.log.reader import LogReader
from autonomy.output_folder import prepare

__all__ = ["AFTER_S", "BEFORE_S", "Event", "write_cuts"]

FOLDER = "cuts"
BEFORE_S, AFTER_S = 5.0, 5.0  # [D]
MOST_CUTS = 64  # [D] of a run; later events have none
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")


class Event(NamedTuple):
    """Times of the log's clock; `end_ns` None: to the end of the log."""

    name: str
    start_ns: int
    end_ns: int | None


def write_cuts(log: Path, folder: Path, events: Sequence[Event], before_s: float = BEFORE_S,
               after_s: float = AFTER_S) -> list[str | None]:  # fmt: skip
    """The log from `before_s` ahead of each event to `after_s` behind it; paths below `folder`, None where the log has nothing of
    that time and of events beyond MOST_CUTS. Raises LogError, EnvironmentFault."""
    if not events:
        return []
    prepare(folder / FOLDER)
    found: list[str | None] = []
    with LogReader(log) as reader:
        for event in events[:MOST_CUTS]:
            start_ns = event.start_ns - round(before_s * 1e9)
            end_ns = None if event.end_ns is None else event.end_ns + round(after_s * 1e9)
            if reader.end_ns is None or start_ns > reader.end_ns or (end_ns is not None and end_ns <= reader.start_ns):
                found.append(None)
                continue
            place = f"{FOLDER}/{NOT_IN_A_NAME.sub('_', event.name).strip('_')}.mcap"
            cut(reader, folder / place, start_ns=max(start_ns, 0), end_ns=end_ns)
            found.append(place)
    return found + [None] * (len(events) - len(found))
