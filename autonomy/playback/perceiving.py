"""Replay from packets: what scan processing told in the log is taken out, and what it makes of the log's packets now is put in.

Results go where the log has those of the same scan; in a log without results, where they come a sensor's `delay_s` later. The ego
state that a scan is processed with is that of the last tick before the packet which ended it, as in the truck.

Where a log's ticks end before its packets do, as in one that was cut or broken off, later scans lack that ego state. No tick of
the log saw their results, so they are told apart (`after_last_tick`) and not held against the log's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from autonomy import msg
from autonomy.faults.fields import SAMPLE_MESSAGES
from autonomy.log.ordered import RECORD_DTYPE, Batch
from autonomy.log.sample_lists import LIST_HEAD, NOT_IN_A_TICK, sample_list
from autonomy.perception.perceived import Perceived
from autonomy.perception.recorded_topics import recorded_topics
from autonomy.perception.stages import stages_of
from autonomy.playback.engine import Block
from autonomy.playback.source import LogSource
from drivers.udp.message import HEAD_BYTES

__all__ = ["FromPackets"]


class FromPackets:
    """`batches(...)` stands before the engine, the object itself is one of its sinks. `source`: opened with mode "packets"."""

    def __init__(self, source: LogSource):
        numbers = {channel.topic: number for number, channel in source.reader.channels.items()}
        stages = {stage.sensor.name: stage for stage in stages_of(source.config).values()}
        topics = recorded_topics([stage.sensor for stage in stages.values()], numbers, str(source.reader.path))
        self._stages = {numbers[topic]: stages[name] for name, topic in topics.items()}
        self._given = {(kind, stage.sensor.source) for stage in self._stages.values() for kind in stage.sensor.gives}
        self._numbers = {kind: numbers[f"/in/{kind}"] for kind, _ in self._given}
        self._kinds = {number: kind for kind, number in self._numbers.items()}
        self._inserts = not self._has_results(source.reader)
        self._ego = np.zeros(1, msg.dtype("EgoState"))
        self._made: dict[tuple[str, int, int], tuple[int, np.ndarray]] = {}  # kind, source, valid time: time received, samples
        self.shown: Callable[[Perceived, int], None] | None = None  # told a lidar's scans and its source, for recordings
        self.scans = 0
        self._found = dict.fromkeys(("equal", "different", "without_partner"), 0)
        self._last_tick_ns = -1
        self._untold: list[tuple[int, str]] = []  # time in the log, what it is: results that no tick has come after yet

    def __call__(self, block: Block) -> None:
        self._ego[0] = block.outputs["ego"][-1]
        self._last_tick_ns = int(block.outputs["tick_time_ns"][-1])
        for time_ns, what in self._untold:
            self._found[what] += time_ns <= self._last_tick_ns
        self._untold = [result for result in self._untold if result[0] > self._last_tick_ns]

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The records with our results instead of those logged."""
        for batch in batches:
            yield from self._one(batch)

    def as_json(self) -> dict[str, Any]:
        seen = sum(received_ns <= self._last_tick_ns for received_ns, _ in self._made.values())
        return {"scans": self.scans, **self._found, "without_partner": self._found["without_partner"] + seen,
                "after_last_tick": len(self._untold) + len(self._made) - seen}  # fmt: skip

    def _one(self, batch: Batch) -> Iterator[Batch]:
        """The batch in pieces: up to a packet that ends a scan, so that the engine is at the tick before when it is processed; up
        to a result of ours, and that."""
        runs = [_Run(stage, batch, channel) for channel, stage in self._stages.items()]
        logged = [] if self._inserts else np.flatnonzero(np.isin(batch.records["channel"], list(self._kinds))).tolist()
        done, end = 0, len(batch.records)
        while True:
            run = min(runs, key=lambda run: run.place)
            due = self._due_place(batch) if self._inserts else (logged[0] if logged else end)
            place = min(run.place, due)
            if place == end:
                break
            if due <= run.place:
                ours = self._due() if self._inserts else self._replaced(batch, logged.pop(0))
                if ours is not None:
                    yield batch._replace(records=batch.records[done:place])
                    done = place if self._inserts else place + 1
                    yield ours
                continue
            yield batch._replace(records=batch.records[done:place])
            done = place
            self._perceive(run.stage)
            run.go_on()
        yield batch._replace(records=batch.records[done:])

    def _perceive(self, stage) -> None:
        while stage.waits:
            perceived = stage.perceive(self._ego[0])
            self.scans += 1
            if self.shown is not None and perceived.found is not None:
                self.shown(perceived, stage.sensor.source)
            for kind, rows in perceived.samples.items():
                self._made[kind, stage.sensor.source, perceived.valid_time_ns] = perceived.received_time_ns, rows

    def _replaced(self, batch: Batch, place: int) -> Batch | None:
        """Our results in the place of logged ones; None for a record that is none of a scan's results."""
        kind, body = self._kinds[int(batch.records["channel"][place])], _body(batch, place)
        if not self._is_result(kind, body):
            return None
        logged = _samples(kind, body)
        made = self._made.pop((kind, int(logged["source"][0]), int(logged["valid_time_ns"][0])), None)
        time_ns = int(batch.records["log_time_ns"][place])
        if made is None:
            self._untold.append((time_ns, "without_partner"))
            return None
        rows = made[1]
        rows["received_time_ns"] = logged["received_time_ns"][0]
        ours = sample_list(rows)
        self._untold.append((time_ns, "equal" if ours == body else "different"))
        return self._batch(kind, time_ns, ours)

    def _due_place(self, batch: Batch) -> int:
        """Before which record the next result comes that the log has none of; behind the last when it is not in this batch."""
        if not self._made:
            return len(batch.records)
        first_ns = min(received_ns for received_ns, _ in self._made.values())
        return int(np.searchsorted(batch.records["log_time_ns"], first_ns))

    def _due(self) -> Batch:
        """The first result that has come by a record's time."""
        received_ns, key = min((received_ns, key) for key, (received_ns, _) in self._made.items())
        return self._batch(key[0], received_ns, sample_list(self._made.pop(key)[1]))

    def _batch(self, kind: str, time_ns: int, body: bytes) -> Batch:
        """One record."""
        record = np.zeros(1, RECORD_DTYPE)
        record["log_time_ns"], record["length"], record["channel"] = time_ns, len(body), self._numbers[kind]
        return Batch(record, np.frombuffer(body, np.uint8))

    def _is_result(self, kind: str, body: bytes) -> bool:
        """Whether a logged record is what a scan of one of our sensors gave."""
        if len(body) < LIST_HEAD.size or LIST_HEAD.unpack_from(body)[0] != NOT_IN_A_TICK:  # an empty list ends with its count
            return False
        logged = _samples(kind, body)
        return len(logged) > 0 and (kind, int(logged["source"][0])) in self._given

    def _has_results(self, reader) -> bool:
        for batch in reader.batches([f"/in/{kind}" for kind in self._numbers]):
            for place, record in enumerate(batch.records):
                if self._is_result(self._kinds[int(record["channel"])], _body(batch, place)):
                    return True
        return False


class _Run:
    """The packets of one sensor in a batch. `place`: of the record that ends the scan that waits; the batch's length for none."""

    def __init__(self, stage, batch: Batch, channel: int):
        self.stage = stage
        self._places = np.flatnonzero(batch.records["channel"] == channel)
        records = batch.records[self._places]
        self._data = batch.data
        self._offsets = records["offset"].astype(np.int64) + HEAD_BYTES
        self._lengths = records["length"].astype(np.int64) - HEAD_BYTES
        self._times = records["log_time_ns"].astype(np.int64)
        self._next, self._end = 0, len(batch.records)
        self.go_on()

    def go_on(self) -> None:
        self.place = self._end
        while self._next < len(self._places):
            self._next = self.stage.take_run(self._data, self._offsets, self._lengths, self._times, self._next)
            if self.stage.waits:
                self.place = int(self._places[self._next - 1])
                return


def _body(batch: Batch, place: int) -> bytes:
    begin = int(batch.records["offset"][place])
    return batch.data[begin : begin + int(batch.records["length"][place])].tobytes()


def _samples(kind: str, body: bytes) -> np.ndarray:
    return np.frombuffer(body, msg.dtype(SAMPLE_MESSAGES[kind]), LIST_HEAD.unpack_from(body)[4], LIST_HEAD.size)
