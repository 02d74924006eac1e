"""What the captures put into their rings, into logs: one after the other in segments, and a snapshot around each event.

Runs in the recorder's process (autonomy/runtime/recorder.py). Whatever was taken is with the operating system after FLUSH_S at
the latest, so a killed recorder leaves files that can be read up to its last half second.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.log import layouts
from autonomy.log.writer import LogWriter
from drivers.can.frame_filter import FrameFilter
from drivers.ring import Ring
from hil.rig.capture import DATAGRAM_PART, SERIAL_PIECE, Tap

__all__ = ["RawJournal", "Segments", "Snapshots", "Taps"]

FLUSH_S = 0.5
MOST_ROWS = 1 << 13
NS = 1_000_000_000
ROWS = {
    "CanFrame": msg.dtype("CanFrame"),
    "CanFdFrame": msg.dtype("CanFdFrame"),
    "SerialBytes": SERIAL_PIECE,
    "UdpPacket": DATAGRAM_PART,
}
Streams = dict[str, tuple[np.ndarray, np.ndarray]]


class Segments:
    """Logs one after the other: `name.mcap`, or with `segment_s` `name_0000.mcap`, `name_0001.mcap` ...

    `keep` False: nothing is written (snapshots only). Raises EnvironmentFault.
    """

    def __init__(self, path: Path, metadata: dict[str, str], segment_s: float | None = None, durable: bool = False,
                 keep: bool = True):  # fmt: skip
        self.path, self.metadata, self.durable = path, metadata, durable
        self.paths: list[str] = []
        self._segment_ns = None if segment_s is None else round(segment_s * NS)
        self._begin_ns = 0
        self._log = self._next() if keep else None

    def write_merged(self, streams: Streams) -> None:
        if self._log is None:
            return
        first_ns = min(int(times.min()) for times, _ in streams.values())
        if self._segment_ns is not None:
            self._begin_ns = self._begin_ns or first_ns
            if first_ns - self._begin_ns >= self._segment_ns:
                self._log.close()
                self._log, self._begin_ns = self._next(), first_ns
        self._log.write_merged(streams)

    def flush(self) -> None:
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Segments:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def open_beside(self, name: str) -> LogWriter:
        """A log in the same folder."""
        path = self.path.with_name(name)
        self.paths.append(str(path))
        return LogWriter(path, self.metadata, durable=self.durable)

    def _next(self) -> LogWriter:
        number = "" if self._segment_ns is None else f"_{len(self.paths):04}"
        return self.open_beside(f"{self.path.stem}{number}.mcap")


class Snapshots:
    """Keeps the last `before_s` in memory; an event writes them and `after_s` more into a log of its own.

    An event: a CAN frame that passes `trigger`, or a mark. Events within a snapshot prolong it.
    """

    def __init__(self, segments: Segments, before_s: float, after_s: float, trigger: FrameFilter | None):
        self.segments, self.trigger = segments, trigger
        self.before_ns, self.after_ns = round(before_s * NS), round(after_s * NS)
        self.events = self.written = 0
        self._recent: deque[tuple[int, Streams]] = deque()
        self._log: LogWriter | None = None
        self._until_ns = 0

    def take(self, streams: Streams, marks: Sequence[int]) -> None:
        newest_ns = max((int(times.max()) for times, _ in streams.values()), default=0)
        happened = [*marks, *self._triggered(streams)]
        if streams:
            if self._log is not None:
                self._log.write_merged(streams)
            self._recent.append((newest_ns, streams))
            while self._recent and self._recent[0][0] < newest_ns - self.before_ns:
                self._recent.popleft()
        for time_ns in happened:
            self.events += 1
            self._until_ns = max(self._until_ns, time_ns + self.after_ns)
            if self._log is None:
                self._open(time_ns)
        if self._log is not None and newest_ns >= self._until_ns:
            self.close()

    def flush(self) -> None:
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
        self._log = None

    def _triggered(self, streams: Streams) -> list[int]:
        if self.trigger is None:
            return []
        found = []
        for topic, (times, rows) in streams.items():
            if topic.startswith("/raw/can"):
                found += times[self.trigger.mask(rows)].tolist()
        return sorted(found)

    def _open(self, time_ns: int) -> None:
        self._log = self.segments.open_beside(f"{self.segments.path.stem}_event_{self.written:04}.mcap")
        self._log.add_metadata("event", {"time_ns": time_ns})
        self.written += 1
        for _, streams in self._recent:
            kept = {topic: (times[fresh], rows[fresh]) for topic, (times, rows) in streams.items()
                    if (fresh := times >= time_ns - self.before_ns).any()}  # fmt: skip
            if kept:
                self._log.write_merged(kept)


@dataclass
class Taps:
    """All rings of a recording; `marks`: of int64 times, events told from outside."""

    taps: list[Tap]
    marks: Ring


class RawJournal:
    """The consumer of the rings, see Recorder. `counts`: written by topic, `events`, `files`."""

    def __init__(self, log: Segments, rings: Taps, lines: Sequence[str] = (), snapshots: Snapshots | None = None,
                 clock: Callable[[], float] = time.monotonic):  # fmt: skip
        self.log, self.taps, self.marks = log, rings.taps, rings.marks
        self.snapshots = snapshots
        self._clock, self._flushed_s = clock, clock()
        self._written: Counter[str] = Counter()
        self._rows = {kind: np.zeros(MOST_ROWS, dtype) for kind, dtype in ROWS.items()}
        self._parts: dict[str, np.ndarray] = {}  # of datagrams that are not whole yet

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
                taken = self._datagrams(tap.topic, taken)
            if len(taken):
                streams[tap.topic] = taken["time_ns"].copy(), taken
                self._written[tap.topic] += len(taken)
        marks = np.zeros(64, np.int64)
        marks = marks[: self.marks.pop_many(marks)]
        if streams:
            self.log.write_merged(streams)
        if self.snapshots is not None and (streams or len(marks)):
            self.snapshots.take(streams, marks.tolist())
        now_s = self._clock()
        if now_s - self._flushed_s >= FLUSH_S:  # also on a bus that fell silent
            self._flushed_s = now_s
            self.log.flush()
            if self.snapshots is not None:
                self.snapshots.flush()
        return sum(len(times) for times, _ in streams.values())

    def _datagrams(self, topic: str, parts: np.ndarray) -> np.ndarray:
        """Whole ones out of their parts, as UdpPacket rows; the last one's parts wait for the rest."""
        parts = np.concatenate([self._parts.pop(topic, parts[:0]), parts])
        starts = np.flatnonzero(parts["first"] == 0)
        if not len(starts):
            return parts
        ends = np.append(starts[1:], len(parts))
        whole = int(parts["count"][starts[-1] :].sum()) == int(parts["total"][starts[-1]])
        if not whole:
            self._parts[topic] = parts[starts[-1] :]
            starts, ends = starts[:-1], ends[:-1]
        rows = np.zeros(len(starts), layouts.short_dtype("UdpPacket", max(int(parts["total"].max(initial=1)), 1)))
        for name in ("time_ns", "source_address", "destination_address", "source_port", "destination_port"):
            rows[name] = parts[name][starts]
        rows["count"] = parts["total"][starts]
        for row, start, end in zip(rows, starts, ends, strict=True):
            content = np.concatenate([part["data"][: part["count"]] for part in parts[start:end]])
            row["data"][: len(content)] = content
        return rows
