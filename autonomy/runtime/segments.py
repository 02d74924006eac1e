"""Logs one after the other, and a snapshot around each event: for recorders that run longer than one file should be.

    segments = Segments(Path("drive.mcap"), open_log, segment_s=600.0)     # drive_0000.mcap, drive_0001.mcap ...
    snapshots = Snapshots(segments, before_s=30.0, after_s=10.0)           # drive_event_0000.mcap ...
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from autonomy.log.writer import LogWriter

__all__ = ["AFTER_S", "Segments", "Snapshots", "Streams"]

NS = 1_000_000_000
AFTER_S = 10.0  # what a snapshot keeps behind an event unless told otherwise
Streams = dict[str, tuple[np.ndarray, np.ndarray]]  # topic: times, rows


class Segments:
    """`name.mcap`, or with `segment_s` `name_0000.mcap`, `name_0001.mcap` ...; cut between two calls of `write_merged`.

    `open_log(path, first_ns)` makes each, `first_ns` the time of what will be its first record (0: not known yet); `closing(log)`
    is called before one is closed. `keep` False: nothing is written (snapshots only). Raises EnvironmentFault.
    """

    def __init__(self, path: Path, open_log: Callable[[Path, int], LogWriter], segment_s: float | None = None, keep: bool = True,
                 closing: Callable[[LogWriter], None] = lambda log: None):  # fmt: skip
        self.path, self._closing = path, closing
        self.paths: list[str] = []
        self._open_log = open_log
        self._segment_ns = None if segment_s is None else round(segment_s * NS)
        self._begin_ns = self._segments = 0
        self._log = self._next(0) if keep else None

    def write_merged(self, streams: Streams) -> None:
        if self._log is None:
            return
        first_ns = min(int(times.min()) for times, _ in streams.values() if len(times))
        if self._segment_ns is not None:
            self._begin_ns = self._begin_ns or first_ns
            if first_ns - self._begin_ns >= self._segment_ns:
                self.finish(self._log)
                self._log, self._begin_ns = self._next(first_ns), first_ns
        self._log.write_merged(streams)

    def flush(self) -> None:
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        if self._log is not None:
            self.finish(self._log)
        self._log = None

    def finish(self, log: LogWriter) -> None:
        self._closing(log)
        log.close()

    def __enter__(self) -> Segments:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def open_beside(self, name: str, first_ns: int) -> LogWriter:
        """A log in the same folder."""
        path = self.path.with_name(name)
        self.paths.append(str(path))
        return self._open_log(path, first_ns)

    def _next(self, first_ns: int) -> LogWriter:
        number = "" if self._segment_ns is None else f"_{self._segments:04}"
        self._segments += 1
        return self.open_beside(f"{self.path.stem}{number}.mcap", first_ns)


class Snapshots:
    """Keeps the last `before_s` in memory; an event writes them and `after_s` more into a log of its own. Events within a
    snapshot prolong it. What it is given it keeps: give it arrays that nobody writes into again."""

    def __init__(self, segments: Segments, before_s: float, after_s: float):
        self.segments = segments
        self.before_ns, self.after_ns = round(before_s * NS), round(after_s * NS)
        self.events = self.written = 0
        self._recent: deque[tuple[int, Streams]] = deque()
        self._log: LogWriter | None = None
        self._until_ns = 0

    def take(self, streams: Streams, events: Sequence[int]) -> None:
        """What was recorded, and the times of what happened."""
        newest_ns = max((int(times.max()) for times, _ in streams.values() if len(times)), default=0)
        if streams:
            if self._log is not None:
                self._log.write_merged(streams)
            self._recent.append((newest_ns, streams))
            while self._recent and self._recent[0][0] < newest_ns - self.before_ns:
                self._recent.popleft()
        for time_ns in events:
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
            self.segments.finish(self._log)
        self._log = None

    def _open(self, time_ns: int) -> None:
        name = f"{self.segments.path.stem}_event_{self.written:04}.mcap"
        self._log = self.segments.open_beside(name, max(time_ns - self.before_ns, 0))
        self._log.add_metadata("event", {"time_ns": time_ns})
        self.written += 1
        for _, streams in self._recent:
            kept = {topic: (times[fresh], rows[fresh]) for topic, (times, rows) in streams.items()
                    if (fresh := times >= time_ns - self.before_ns).any()}  # fmt: skip
            if kept:
                self._log.write_merged(kept)
