"""A stored run, a second or so at a time: its output frames, and what went into their ticks that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.errors import BadInputError, UsageError
from autonomy.log.reader import Batch, LogReader, rows_of
from autonomy.playback import stored
from autonomy.playback.assembling import FrameAssembler
from autonomy.playback.recording import NOT_IN_A_TICK
from autonomy.viewers.moments import LISTS, Items, Moments, Sampler, Scan, items_of_lists, lane_paths_of
from autonomy.viewers.scan_messages import MEMORIES
from autonomy.viewers.standard.memory import USED

MOST_TICKS = 256  # handed on at once


class Stretch(NamedTuple):
    """Some ticks. `moments` is None until enough of them have come; outputs are views that the next stretch overwrites."""

    outputs: np.ndarray  # (n,) OutputFrame
    moments: Moments | None


class StoredRun:
    """A run's output log, opened for showing; a context manager. Raises BadInputError, LogError, UsageError."""

    def __init__(self, path: str | Path, start_s: float | None = None, end_s: float | None = None):
        self.path = stored.output_log(path)
        self.reader = LogReader(self.path)
        missing = [topic for topic in (*FrameAssembler.topics, "/parameters") if topic not in self.reader.topics]
        if missing:
            self.reader.close()
            raise BadInputError(
                f"{self.path}: has no topic {missing[0]}, so there is nothing to show; "
                f"run 'autonomy replay {path} -o DIR' and give that folder"
            )
        self.vehicle = self.reader.read_topic("/parameters")[0]["vehicle"]
        self.start_ns = int(self.reader.start_ns or 0)
        length_s = (int(self.reader.end_ns or 0) - self.start_ns) / 1e9
        for name, value in (("start", start_s), ("end", end_s)):
            if value is not None and not 0.0 <= value < float("inf"):
                raise UsageError(f"--{name} {value}: must be zero or more seconds from the first record")
        if start_s is not None and start_s >= (length_s if end_s is None else min(end_s, length_s)):
            raise UsageError(f"--start {start_s:g}: must lie before the end, {end_s if end_s is not None else length_s:g} s")
        self._from_ns = None if start_s is None else self.start_ns + round(start_s * 1e9)
        self._to_ns = None if end_s is None else self.start_ns + round(end_s * 1e9)

    def __enter__(self) -> StoredRun:
        return self

    def __exit__(self, *exception) -> None:
        self.reader.close()

    def stretches(self, watched: Callable[[Iterable[Batch]], Iterable[Batch]] = iter) -> Iterator[Stretch]:
        """The whole run in order; memory does not grow with its length. `watched` sees each batch of the log pass."""
        reader, assembler, sampler = self.reader, FrameAssembler(), Sampler()
        wanted = [*FrameAssembler.topics, *(f"/in/{kind}" for kind in LISTS), "/in/lane_path", "/ref/pose"]
        messages = {
            number: (channel.topic, msg.dtype(reader.message_name(channel.topic)))
            for number, channel in reader.channels.items()
            if channel.topic in wanted
        }
        # What no message of ours holds: scans are taken over as they were drawn
        drawn = {number: channel.topic for number, channel in reader.channels.items() if channel.topic in MEMORIES}
        wanted += drawn.values()
        for batch in watched(reader.batches(wanted, start_ns=self._from_ns, end_ns=self._to_ns, past_damage=True)):
            lists, lane_paths = {}, []
            for number in np.unique(batch.records["channel"]).tolist():
                records = batch.records[batch.records["channel"] == number]
                if number in drawn:
                    _add_scans(sampler, drawn[number], batch._replace(records=records))
                    continue
                topic, dtype = messages[number]
                rows, times = rows_of(batch._replace(records=records), dtype), records["log_time_ns"]
                if topic.startswith("/out/"):
                    assembler.add(topic, times, rows)
                elif topic == "/ref/pose":
                    sampler.add_references(rows)
                else:
                    rows = rows[rows["tick_index"] != NOT_IN_A_TICK]
                    if topic == "/in/lane_path":
                        lane_paths = lane_paths_of(rows["tick_time_ns"], rows)
                    else:
                        lists[topic.removeprefix("/in/")] = rows
            yield from _sampled(sampler, assembler.take(), items_of_lists(lists), lane_paths)
        yield Stretch(np.zeros(0, msg.dtype("OutputFrame")), sampler.take())


def _add_scans(sampler: Sampler, topic: str, batch: Batch) -> None:
    memory = MEMORIES[topic]
    rows = rows_of(batch, memory.dtype)
    if USED in memory.dtype.names:
        rows[USED] = batch.records["length"]
    for number, time_ns in enumerate(batch.records["log_time_ns"].tolist()):
        sampler.add_scan(Scan(topic, time_ns, rows[number : number + 1]))


def _sampled(sampler: Sampler, frames: np.ndarray, items: Items, lane_paths) -> Iterator[Stretch]:
    sampler.add(frames[:0], items, lane_paths)
    for first in range(0, len(frames), MOST_TICKS):
        outputs = frames[first : first + MOST_TICKS]
        sampler.add(outputs, {}, [])
        yield Stretch(outputs, sampler.take() if sampler.is_full else None)
