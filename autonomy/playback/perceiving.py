"""Replay from packets: what scan processing told in the log is taken out, and what it makes of the log's packets now is put in.

Results go where the log has those of the same scan; in a log without results, where they come a sensor's `delay_s` later. The ego
state that a scan is processed with is that of the last tick before the packet which ended it, as in the truck.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autonomy import msg
from autonomy.log.ordered import RECORD_DTYPE, Batch
from autonomy.log.sample_lists import LIST_HEAD, NOT_IN_A_TICK, sample_list
from autonomy.perception.stage import stages_of
from autonomy.playback.engine import Block
from autonomy.playback.source import LogSource
from drivers.udp.message import data_of

__all__ = ["FromPackets"]


class FromPackets:
    """`batches(...)` stands before the engine, the object itself is one of its sinks. `source`: opened with mode "packets"."""

    def __init__(self, source: LogSource):
        numbers = {channel.topic: number for number, channel in source.reader.channels.items()}
        stages = stages_of(source.config)
        self._stages = {numbers[topic]: stage for topic, stage in stages.items() if topic in numbers}
        self._given = {(kind, stage.sensor.source) for stage in self._stages.values() for kind in stage.sensor.gives}
        self._numbers = {kind: numbers[f"/in/{kind}"] for kind, _ in self._given}
        self._kinds = {number: kind for kind, number in self._numbers.items()}
        self._inserts = not self._has_results(source.reader)
        self._ego = np.zeros(1, msg.dtype("EgoState"))
        self._made: dict[tuple[str, int, int], tuple[int, np.ndarray]] = {}  # kind, source, valid time: time received, samples
        self.scans = self.equal = self.different = self.without_partner = 0

    def __call__(self, block: Block) -> None:
        self._ego[0] = block.outputs["ego"][-1]

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The records with our results instead of those logged."""
        for batch in batches:
            yield from self._one(batch)

    def as_json(self) -> dict[str, Any]:
        return {"scans": self.scans, "equal": self.equal, "different": self.different,
                "without_partner": self.without_partner + len(self._made)}  # fmt: skip

    def _one(self, batch: Batch) -> Iterator[Batch]:
        channels = batch.records["channel"]
        done = 0
        for place in np.flatnonzero(np.isin(channels, [*self._stages, *self._kinds])).tolist():
            record, channel = batch.records[place], int(channels[place])
            body = batch.data[int(record["offset"]) : int(record["offset"]) + int(record["length"])].tobytes()
            if self._inserts:
                for waiting in self._due(int(record["log_time_ns"])):
                    yield batch._replace(records=batch.records[done:place])
                    done = place
                    yield waiting
            if channel in self._stages:
                stage = self._stages[channel]
                stage.take(data_of(body), int(record["log_time_ns"]))
                if stage.waits:
                    yield batch._replace(records=batch.records[done:place])  # the engine is at the tick before when we go on
                    done = place
                    self._perceive(stage)
            elif not self._inserts and (replaced := self._replaced(self._kinds[channel], batch, place, body)) is not None:
                yield batch._replace(records=batch.records[done:place])
                done = place + 1
                yield replaced
        yield batch._replace(records=batch.records[done:])

    def _perceive(self, stage) -> None:
        while stage.waits:
            perceived = stage.perceive(self._ego[0])
            self.scans += 1
            for kind, rows in perceived.samples.items():
                self._made[kind, stage.sensor.source, perceived.valid_time_ns] = perceived.received_time_ns, rows

    def _replaced(self, kind: str, batch: Batch, place: int, body: bytes) -> Batch | None:
        """Our results in the place of logged ones; None for a record that is none of a scan's results."""
        if not self._is_result(kind, body):
            return None
        logged = _samples(kind, body)
        made = self._made.pop((kind, int(logged["source"][0]), int(logged["valid_time_ns"][0])), None)
        if made is None:
            self.without_partner += 1
            return None
        rows = made[1]
        rows["received_time_ns"] = logged["received_time_ns"][0]
        ours = sample_list(rows)
        self.equal, self.different = self.equal + (ours == body), self.different + (ours != body)
        return self._batch(kind, int(batch.records["log_time_ns"][place]), ours)

    def _due(self, now_ns: int) -> list[Batch]:
        """What has come by then, in order."""
        due = sorted((received_ns, key) for key, (received_ns, _) in self._made.items() if received_ns <= now_ns)
        return [self._batch(key[0], received_ns, sample_list(self._made.pop(key)[1])) for received_ns, key in due]

    def _batch(self, kind: str, time_ns: int, body: bytes) -> Batch:
        """One record."""
        record = np.zeros(1, RECORD_DTYPE)
        record["log_time_ns"], record["length"], record["channel"] = time_ns, len(body), self._numbers[kind]
        return Batch(record, np.frombuffer(body, np.uint8))

    def _is_result(self, kind: str, body: bytes) -> bool:
        """Whether a logged record is what a scan of one of our lidars gave."""
        if len(body) < LIST_HEAD.size or LIST_HEAD.unpack_from(body)[0] != NOT_IN_A_TICK:  # an empty list ends with its count
            return False
        logged = _samples(kind, body)
        return len(logged) > 0 and (kind, int(logged["source"][0])) in self._given

    def _has_results(self, reader) -> bool:
        for batch in reader.batches([f"/in/{kind}" for kind in self._numbers]):
            for record in batch.records:
                begin = int(record["offset"])
                body = batch.data[begin : begin + int(record["length"])].tobytes()
                if self._is_result(self._kinds[int(record["channel"])], body):
                    return True
        return False


def _samples(kind: str, body: bytes) -> np.ndarray:
    return np.frombuffer(body, msg.dtype(f"{kind.capitalize()}Sample"), LIST_HEAD.unpack_from(body)[4], LIST_HEAD.size)
