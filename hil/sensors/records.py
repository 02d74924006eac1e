"""What sensors give out: samples for an input frame, or records as a log holds them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class RawRecord(NamedTuple):
    """`data`: one CanFrame, or one SerialBytes as long as it is."""

    time_ns: int
    channel: str
    data: bytes


def put(frame: np.void, contents: dict[str, np.ndarray]) -> None:
    """Writes contents into a zeroed input frame; what finds no room is counted in `overflow`."""
    for kind, rows in contents.items():
        room = len(frame[kind]["items"])
        frame[kind]["items"][: min(len(rows), room)] = rows[:room]
        frame[kind]["count"] = min(len(rows), room)
        frame[kind]["overflow"] += max(0, len(rows) - room)
