"""Faults into the records of a log before any codec sees them; the same records and timeline give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autonomy import msg
from autonomy.faults import chance, timeline
from autonomy.faults.can_values import CanValues
from autonomy.faults.corruption import Candidates, flip
from autonomy.faults.fields import SAMPLE_MESSAGES
from autonomy.faults.order import Waiting
from autonomy.faults.payload import FRAME, item_numbers, item_offsets, joined, load, store, with_own_bytes
from autonomy.faults.sample_values import SampleValues, shift_times
from autonomy.faults.target import Target, bind
from autonomy.faults.timeline import Fault, Timeline
from autonomy.log.reader import Batch

if TYPE_CHECKING:
    from autonomy.playback.source import LogSource

NOT_IN_A_TICK = msg.constants("ImuInput")["NOT_IN_A_TICK"]
NOT_MEASURED = sum(msg.constants("CanFrame")[name] for name in ("FLAG_TRANSMITTED", "FLAG_ERROR", "FLAG_REMOTE"))
COUNTS = ("matched", "touched", "dropped", "added", "limited", "late")
TIME = np.dtype("<i8")  # the first field of SerialBytes and UdpPacket
CHANCE, AMOUNT = 1, 2  # which draw of a record's random numbers serves what


class Injector:
    """A timeline bound to one log. Faults act one after the other, each on what the one before it gave out."""

    def __init__(self, faults: Timeline, source: LogSource):
        faults.refuse_rig_kinds()
        self._stages = [_Stage(fault, bind(fault, faults.where(fault), source), source) for fault in faults.faults]

    @classmethod
    def from_file(cls, path: str | Path, source: LogSource) -> Injector:
        """From a TOML file or the name of a packaged one. Raises UsageError."""
        return cls(timeline.load(path), source)

    def apply(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches with every fault in them. One pass for one injector: some faults remember what they saw."""
        for stage in self._stages:
            batches = stage.run(batches)
        return iter(batches)

    def step(self, batch: Batch, until_ns: int) -> Batch:
        """One batch of a source that is still running: what has arrived by `until_ns`, that moment included."""
        for stage in self._stages:
            batch = stage.step(batch, until_ns)
        return batch

    def as_json(self) -> list[dict[str, Any]]:
        """Each fault as it was read, and its counts of records, which grow while the batches pass:

        matched (in the window and of the source), touched (after probability), dropped, added, limited (a value met the
        limit of its signal), late (stamped earlier than what came before).
        """
        return [stage.report for stage in self._stages]


class _Stage:
    """One fault on its way over the log."""

    def __init__(self, fault: Fault, target: Target, source: LogSource):
        self.fault, self.target = fault, target
        self.counts = dict.fromkeys(COUNTS, 0)
        self.report = {
            "source": fault.source, "message": fault.message, "signal": fault.signal, "kind": fault.kind,
            "start_s": fault.start_s, "end_s": fault.end_s, "value": fault.value, "probability": fault.probability,
            "seed": fault.seed, "records": self.counts,
        }  # fmt: skip
        origin = source.reader.start_ns or 0
        self._start_ns = origin + round(fault.start_s * 1e9)
        self._end_ns = np.iinfo(np.int64).max if fault.end_s is None else origin + round(fault.end_s * 1e9)
        self._from_frames = source.mode == "frames"
        self._step_ns = round(fault.value * 1e9)
        self._can = CanValues(fault, source.router.codec)
        self._samples = {
            kind: SampleValues(fault, kind) for kind in set(target.kinds) - {None}
            if fault.kind in timeline.VALUE_KINDS or fault.kind == "corrupt"
        }  # fmt: skip
        self._has_samples = np.array([kind is not None for kind in target.kinds], bool)
        self._has_fields = np.array([kind not in self._samples or bool(self._samples[kind].names) for kind in target.kinds], bool)
        self._waiting = Waiting()

    def run(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            changed = self._pass(batch)
            if changed is not None and len(changed.records):
                yield changed
        rest = self._waiting.rest()
        if rest is not None:
            yield rest

    def step(self, batch: Batch, until_ns: int) -> Batch:
        parts = [part for part in (self._pass(batch), self._waiting.due(until_ns)) if part is not None]
        return Batch(*joined(*parts)) if len(parts) == 2 else parts[0] if parts else Batch(batch.records[:0], batch.data)

    def _pass(self, batch: Batch) -> Batch | None:
        """The batch with the fault in it, and what has waited for it; None when nothing is due."""
        rows = self._chosen(batch) if len(batch.records) else np.zeros(0, np.int64)
        if len(rows):
            return getattr(self, f"_{self.fault.kind}", self._change_values)(batch, rows)
        if len(self._waiting):
            return self._waiting.put(batch)
        self._waiting.pass_by(batch.records)
        return batch

    def _chosen(self, batch: Batch) -> np.ndarray:
        """Positions of the records that the fault happens to."""
        records = batch.records
        times = records["log_time_ns"]
        channels = self.target.channels[np.minimum(records["channel"], len(self.target.channels) - 1)]
        rows = np.flatnonzero(channels & (times >= self._start_ns) & (times < self._end_ns))
        if not len(rows):
            return rows
        is_can = self.target.is_can[records["channel"][rows]]
        kept = np.ones(len(rows), bool)
        kept[is_can] = self._wanted_frames(batch, rows[is_can])
        kept[~is_can] = self._wanted_lists(batch, rows[~is_can])
        rows = rows[kept]
        self.counts["matched"] += len(rows)
        if self.fault.probability < 1.0:
            rows = rows[chance.uniform(self._keys(batch, rows), CHANCE) < self.fault.probability]
        self.counts["touched"] += len(rows)
        return rows

    def _wanted_frames(self, batch: Batch, rows: np.ndarray) -> np.ndarray:
        whole = batch.records["length"][rows] >= FRAME.itemsize
        wanted = np.full(len(rows), not self._from_frames)
        if self.target.plans is not None:
            frames = load(batch.data, batch.records["offset"][rows[whole]], FRAME)
            numbers, plans = self._plans(frames)
            usable = np.array([plan is not None for plan in plans], bool)[numbers] & (frames["flags"] & NOT_MEASURED == 0)
            wanted &= whole
            wanted[whole] &= usable
        return wanted

    def _plans(self, frames: np.ndarray) -> tuple[np.ndarray, list]:
        """(index (n,) into the list of plans, list of plans or None by identifier)."""
        identities = frames["bus"].astype(np.uint64) << np.uint64(32) | frames["id"].astype(np.uint64)
        different, numbers = np.unique(identities, return_inverse=True)
        return numbers.reshape(-1), [self.target.plans.of(item >> 32, item & 0xFFFFFFFF) for item in different.tolist()]

    def _wanted_lists(self, batch: Batch, rows: np.ndarray) -> np.ndarray:
        """Lists that were logged with a tick belong to a replay from frames, all others to one from raw bytes."""
        wanted = np.ones(len(rows), bool)
        channels = batch.records["channel"][rows]
        is_list = self._has_samples[channels] & (batch.records["length"][rows] >= 8)
        ticks = load(batch.data, batch.records["offset"][rows[is_list]], np.dtype("<u8"))
        wanted[is_list] = (ticks != np.uint64(NOT_IN_A_TICK)) == self._from_frames
        return wanted & self._has_fields[channels]

    def _keys(self, batch: Batch, rows: np.ndarray) -> np.ndarray:
        records = batch.records[rows]
        return chance.keys(self.fault.seed, self.fault.number, self.target.hashes[records["channel"]], records)

    def _drop(self, batch: Batch, rows: np.ndarray) -> Batch:
        self.counts["dropped"] += len(rows)
        return Batch(np.delete(batch.records, rows), batch.data)

    def _duplicate(self, batch: Batch, rows: np.ndarray) -> Batch:
        copies = np.ones(len(batch.records), np.int64)
        copies[rows] += int(self.fault.value)
        self.counts["added"] += int(copies.sum()) - len(copies)
        return Batch(np.repeat(batch.records, copies), batch.data)

    def _impersonate(self, batch: Batch, rows: np.ndarray) -> Batch:
        """Behind each frame the same one from another address."""
        rows = rows[self.target.is_can[batch.records["channel"][rows]]]
        copies = np.ones(len(batch.records), np.int64)
        copies[rows] += 1
        places = (np.cumsum(copies) - 1)[rows]  # of the copies, in the new batch
        self.counts["added"] += len(rows)
        changed = with_own_bytes(Batch(np.repeat(batch.records, copies), batch.data), places)
        frames = load(changed.data, changed.records["offset"][places], FRAME)
        frames["id"] = frames["id"] & np.uint32(0xFFFFFF00) | np.uint32(int(self.fault.value))
        store(changed.data, changed.records["offset"][places], frames)
        return changed

    def _delay(self, batch: Batch, rows: np.ndarray) -> Batch | None:
        return self._move(batch, rows, np.full(len(rows), self._step_ns, np.int64))

    def _reorder(self, batch: Batch, rows: np.ndarray) -> Batch | None:
        # Each record waits a time of its own, so later ones overtake it
        return self._move(batch, rows, (chance.uniform(self._keys(batch, rows), AMOUNT) * self._step_ns).astype(np.int64))

    def _clock_jump(self, batch: Batch, rows: np.ndarray) -> Batch | None:
        if self._step_ns >= 0:
            return self._move(batch, rows, np.full(len(rows), self._step_ns, np.int64))
        # A log cannot be written backwards: the stamps inside go back, the log time stays when the record came
        self.counts["late"] += len(rows)
        arrived_ns = batch.records["log_time_ns"][rows]
        batch = self._with_times(batch, rows, np.full(len(rows), self._step_ns, np.int64))
        batch.records["log_time_ns"][rows] = arrived_ns
        return batch

    def _move(self, batch: Batch, rows: np.ndarray, step_ns: np.ndarray) -> Batch | None:
        held = np.zeros(len(batch.records), bool)
        held[rows] = True
        return self._waiting.put(self._with_times(batch, rows, step_ns), held, batch.records["log_time_ns"])

    def _with_times(self, batch: Batch, rows: np.ndarray, step_ns: np.ndarray) -> Batch:
        """The batch with log time and reception times of the records at `rows` shifted."""
        batch = with_own_bytes(batch, rows)
        batch.records["log_time_ns"][rows] += step_ns
        is_can = self.target.is_can[batch.records["channel"][rows]] & (batch.records["length"][rows] >= FRAME.itemsize)
        offsets = batch.records["offset"][rows[is_can]]
        frames = load(batch.data, offsets, FRAME)
        frames["time_ns"] += step_ns[is_can]
        store(batch.data, offsets, frames)
        pieces = self._pieces(batch.records[rows])
        offsets = batch.records["offset"][rows[pieces]]
        store(batch.data, offsets, load(batch.data, offsets, TIME) + step_ns[pieces])
        for kind, places, owner in self._lists(batch, rows):
            samples = load(batch.data, places, msg.dtype(SAMPLE_MESSAGES[kind]))
            shift_times(samples, step_ns[owner], self.fault.kind)
            store(batch.data, places, samples)
        return batch

    def _pieces(self, records: np.ndarray) -> np.ndarray:
        """bool (n,): which records are SerialBytes or UdpPacket: a time, and bytes behind a count."""
        data_at = self.target.data_at[records["channel"]]
        return (data_at > 0) & (records["length"] >= data_at)

    def _lists(self, batch: Batch, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Per kind of sample: byte offset of each item and which of `rows` it is in."""
        channels = batch.records["channel"][rows]
        for number in np.unique(channels).tolist():
            kind = self.target.kinds[number]
            if kind is not None:
                of = np.flatnonzero(channels == number)
                places, owner = item_offsets(batch, rows[of], msg.dtype(SAMPLE_MESSAGES[kind]).itemsize)
                yield kind, places, of[owner]

    def _change_values(self, batch: Batch, rows: np.ndarray) -> Batch:
        batch = with_own_bytes(batch, rows)
        keys = self._keys(batch, rows)
        lost = np.zeros(len(batch.records), bool)
        is_can = np.flatnonzero(self.target.is_can[batch.records["channel"][rows]])
        if len(is_can):
            offsets = batch.records["offset"][rows[is_can]]
            frames = load(batch.data, offsets, FRAME)
            numbers, plans = self._plans(frames)
            for number, plan in enumerate(plans):
                of = np.flatnonzero(numbers == number)
                if self.fault.kind == "not_available" and not plan.is_j1939:
                    lost[rows[is_can[of]]] = True  # only J1939 can say so on the bus; others fall silent
                    continue
                group = np.ascontiguousarray(frames[of])
                _, limited = self._can.change(plan, group, keys[is_can[of]])
                self.counts["limited"] += limited
                frames[of] = group
            store(batch.data, offsets, frames)
        for kind, places, owner in self._lists(batch, rows):
            samples = load(batch.data, places, msg.dtype(SAMPLE_MESSAGES[kind]))
            self._samples[kind].change(samples, keys[owner] + item_numbers(owner).astype(np.uint64))
            store(batch.data, places, samples)
        self.counts["dropped"] += int(lost.sum())
        return Batch(batch.records[~lost], batch.data)

    def _corrupt(self, batch: Batch, rows: np.ndarray) -> Batch:
        batch = with_own_bytes(batch, rows)
        candidates = self._candidates(batch, rows)
        flip(batch.data, candidates, self._keys(batch, rows), int(self.fault.value))
        return batch

    def _candidates(self, batch: Batch, rows: np.ndarray) -> Candidates:
        """Which bits of each record may flip: the data of frames, lines and datagrams, the samples of lists, all of anything
        else."""
        records = batch.records[rows]
        found = Candidates(records["offset"].astype(np.int64) * 8, records["length"].astype(np.int64) * 8)
        pieces = self._pieces(records)
        before = 8 * self.target.data_at[records["channel"][pieces]]
        found.first[pieces] += before
        found.count[pieces] -= before
        is_can = np.flatnonzero(self.target.is_can[records["channel"]] & (records["length"] >= FRAME.itemsize))
        if len(is_can):
            frames = load(batch.data, records["offset"][is_can], FRAME)
            found.first[is_can] += FRAME.fields["data"][1] * 8
            found.count[is_can] = np.minimum(frames["length"], 8).astype(np.int64) * 8
            if self.fault.signal is not None:
                numbers, plans = self._plans(frames)
                inside = [self._can.bits(plan) for plan in plans]
                for row, number in zip(is_can.tolist(), numbers.tolist(), strict=True):
                    found.restrict(row, inside[number][inside[number] < found.count[row]])
        for kind, places, owner in self._lists(batch, rows):
            bits = self._samples[kind].bits()
            for row in np.unique(owner).tolist():
                starts = places[owner == row] * 8 - found.first[row]
                found.restrict(row, (starts[:, None] + bits).reshape(-1))
        return found
