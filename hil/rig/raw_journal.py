"""What the captures put into their rings, into logs: one after the other in segments, and a snapshot around each event.

Runs in the recorder's process (autonomy/runtime/recorder.py). Whatever was taken is with the operating system after FLUSH_S at
the latest, so a killed recorder leaves files that can be read up to its last half second.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from autonomy import msg
from autonomy.runtime.datagrams import DATAGRAM_PART, Joiner
from autonomy.runtime.segments import Segments, Snapshots, Streams
from drivers.can.frame_filter import FrameFilter
from drivers.ring import Ring
from hil.rig.capture import SERIAL_PIECE, Tap

__all__ = ["RawJournal", "Taps"]

FLUSH_S = 0.5
MOST_ROWS = 1 << 13
ROWS = {
    "CanFrame": msg.dtype("CanFrame"),
    "CanFdFrame": msg.dtype("CanFdFrame"),
    "SerialBytes": SERIAL_PIECE,
    "UdpPacket": DATAGRAM_PART,
}


@dataclass
class Taps:
    """All rings of a recording; `marks`: of int64 times, events told from outside."""

    taps: list[Tap]
    marks: Ring


class RawJournal:
    """The consumer of the rings, see Recorder. `counts`: written by topic, `events`, `files`.

    An event for `snapshots`: a CAN frame that passes `trigger`, or a mark.
    """

    def __init__(self, log: Segments, rings: Taps, lines: Sequence[str] = (), snapshots: Snapshots | None = None,
                 trigger: FrameFilter | None = None, clock: Callable[[], float] = time.monotonic):  # fmt: skip
        self.log, self.taps, self.marks = log, rings.taps, rings.marks
        self.snapshots, self.trigger = snapshots, trigger
        self._clock, self._flushed_s = clock, clock()
        self._written: Counter[str] = Counter()
        self._rows = {kind: np.zeros(MOST_ROWS, dtype) for kind, dtype in ROWS.items()}
        self._joiners = {tap.topic: Joiner() for tap in rings.taps if tap.kind == "UdpPacket"}

    @property
    def counts(self) -> dict[str, object]:
        events = 0 if self.snapshots is None else self.snapshots.events
        return {"written": dict(self._written), "events": events, "files": self.log.paths}

    def drain(self) -> int:
        """Records written; 0 when there was none."""
        streams: Streams = {}
        for tap in self.taps:
            rows = self._rows[tap.kind]
            taken = rows[: tap.ring.pop_many(rows)].copy()
            if tap.kind == "UdpPacket":
                taken = self._joiners[tap.topic].join(taken)[0]
            if len(taken):
                streams[tap.topic] = taken["time_ns"].copy(), taken
                self._written[tap.topic] += len(taken)
        marks = np.zeros(64, np.int64)
        marks = marks[: self.marks.pop_many(marks)]
        if streams:
            self.log.write_merged(streams)
        if self.snapshots is not None and (streams or len(marks)):
            self.snapshots.take(streams, [*marks.tolist(), *self._triggered(streams)])
        now_s = self._clock()
        if now_s - self._flushed_s >= FLUSH_S:  # also on a bus that fell silent
            self._flushed_s = now_s
            self.log.flush()
            if self.snapshots is not None:
                self.snapshots.flush()
        return sum(len(times) for times, _ in streams.values())

    def close(self) -> None:
        """Ends a snapshot under way; the log is its owner's."""
        if self.snapshots is not None:
            self.snapshots.close()

    def _triggered(self, streams: Streams) -> list[int]:
        if self.trigger is None:
            return []
        found = []
        for topic, (times, rows) in streams.items():
            if topic.startswith("/raw/can"):
                found += times[self.trigger.mask(rows)].tolist()
        return sorted(found)
