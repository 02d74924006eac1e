"""Compares two recordings message by message and field by field, as streams.

Messages of one topic belong together when their log times are equal (the first of that time with the first, and so on);
the others are in one recording only. Values are compared bit by bit, the same NaN is equal, unless a tolerance is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from autonomy.log import fields, layouts
from autonomy.log.reader import Batch, LogReader, list_capacity, short_rows

PAYLOAD = "payload"  # the one field of a message nobody here can read
_INDEX = re.compile(r"\[\d+\]")


@dataclass
class FieldDifference:
    """One field, all elements of a list together. `place`, `time_ns`, `a`, `b` are those of the first difference."""

    name: str
    place: str
    time_ns: int
    a: Any
    b: Any
    messages: int = 0
    largest: float | None = None  # absolute; None where it cannot be said


@dataclass
class TopicDifference:
    """What two recordings have of one topic."""

    topic: str
    a: int = 0
    b: int = 0
    only_a: int = 0
    only_b: int = 0
    first_only_a_ns: int | None = None
    first_only_b_ns: int | None = None
    differing: int = 0
    fields: dict[str, FieldDifference] = field(default_factory=dict)
    note: str = ""

    @property
    def equal(self) -> bool:
        return not (self.only_a or self.only_b or self.differing)

    @property
    def first(self) -> FieldDifference | None:
        """The first difference in time."""
        return min(self.fields.values(), key=lambda item: item.time_ns, default=None)


@dataclass(frozen=True)
class Rules:
    """What may differ: fields to ignore (patterns), and (pattern, largest absolute difference) of others."""

    ignored: tuple[str, ...] = ()
    tolerances: tuple[tuple[str, float], ...] = ()

    def ignores(self, topic: str, path: str) -> bool:
        return any(_means(pattern, topic, path) for pattern in self.ignored)

    def tolerance(self, topic: str, path: str) -> float | None:
        return next((limit for pattern, limit in self.tolerances if _means(pattern, topic, path)), None)


def compare(a: LogReader, b: LogReader, topics: list[str] | None = None, rules: Rules | None = None,
            watch=iter) -> dict[str, TopicDifference]:  # fmt: skip
    """Every wanted topic of the two, by name. Memory holds one batch of each. Raises LogError."""
    rules = rules or Rules()
    sides = (_Side(a, topics), _Side(b, topics))
    found = {topic: TopicDifference(topic) for topic in sorted(sides[0].wanted | sides[1].wanted)}
    for pair in watch(_steps(*sides)):
        for topic in sorted({*pair.a, *pair.b}):
            _compare_topic(found[topic], pair.a.get(topic), pair.b.get(topic), rules)
    return found


@dataclass
class _Stretch:
    """The records of both sides in one stretch of time, by topic. `records` serves the progress shown."""

    a: dict[str, _Messages]
    b: dict[str, _Messages]
    records: np.ndarray


@dataclass
class _Messages:
    message: str | None  # ours, None for a foreign one
    schema: str
    parts: list[Batch]

    @property
    def times(self) -> np.ndarray:
        return np.concatenate([part.records["log_time_ns"] for part in self.parts])

    @property
    def capacity(self) -> int | None:
        """Most list elements any of the messages has; None for messages that end in no list."""
        if fields.list_field(self.message) is None:
            return None
        return max(list_capacity(part, self.message) for part in self.parts)

    def rows(self, chosen: np.ndarray, capacity: int | None) -> np.ndarray:
        """Structured rows of the chosen messages, with room for `capacity` list elements."""
        return np.concatenate([short_rows(part, self.message, capacity) for part in self.parts])[chosen]

    def payloads(self, chosen: np.ndarray) -> list[bytes]:
        found = [
            part.data[int(record["offset"]) : int(record["offset"]) + int(record["length"])].tobytes()
            for part in self.parts
            for record in part.records
        ]
        return [found[index] for index in chosen]


class _Side:
    """One recording, of which everything before a time can be taken."""

    def __init__(self, reader: LogReader, topics: list[str] | None):
        from autonomy.log.topics import matches

        self._reader = reader
        unreadable = {channel.id for channel in reader.misfits()}
        self._messages = {
            number: None if number in unreadable else layouts.message_name(channel.schema)
            for number, channel in reader.channels.items()
        }
        self.wanted = {topic for topic in reader.topics if topics is None or any(matches(topic, item) for item in topics)}
        self._batches = reader.batches(topics, as_bytes=reader.misfits())
        self._held: list[Batch] = []
        self.last_ns: int | None = -1  # None = at its end

    def advance(self) -> None:
        batch = next(self._batches, None)
        if batch is None:
            self.last_ns = None
        else:
            self._held.append(batch)
            self.last_ns = max(self.last_ns, int(batch.records["log_time_ns"].max()))

    def take(self, before_ns: int | None) -> dict[str, _Messages]:
        """What is held and earlier than `before_ns`, by topic; None = all."""
        found: dict[str, _Messages] = {}
        rest = []
        for batch in self._held:
            ready = np.ones(len(batch.records), bool) if before_ns is None else batch.records["log_time_ns"] < before_ns
            records = batch.records[ready]
            for number in np.unique(records["channel"]).tolist():
                channel = self._reader.channels[number]
                kept = found.setdefault(channel.topic, _Messages(self._messages[number], channel.schema, []))
                kept.parts.append(Batch(records[records["channel"] == number], batch.data))
            if not ready.all():
                rest.append(Batch(batch.records[~ready], batch.data))
        self._held = rest
        return found


def _steps(a: _Side, b: _Side) -> Iterator[_Stretch]:
    a.advance(), b.advance()
    while True:
        ends = [side.last_ns for side in (a, b) if side.last_ns is not None]
        horizon_ns = min(ends, default=None)
        taken = _Stretch(a.take(horizon_ns), b.take(horizon_ns), np.zeros(0))
        if taken.a or taken.b:
            taken.records = next(iter({**taken.a, **taken.b}.values())).parts[-1].records
            yield taken
        if horizon_ns is None:
            return
        for side in (a, b):
            if side.last_ns == horizon_ns:
                side.advance()


def _compare_topic(found: TopicDifference, a: _Messages | None, b: _Messages | None, rules: Rules) -> None:
    times_a, times_b = (np.zeros(0, np.int64) if side is None else side.times for side in (a, b))
    found.a += len(times_a)
    found.b += len(times_b)
    rows_a, rows_b = _pairs(times_a, times_b)
    for name, times, rows in (("a", times_a, rows_a), ("b", times_b, rows_b)):
        alone = np.delete(times, rows)
        if len(alone):
            setattr(found, f"only_{name}", getattr(found, f"only_{name}") + len(alone))
            if getattr(found, f"first_only_{name}_ns") is None:
                setattr(found, f"first_only_{name}_ns", int(alone[0]))
    if not len(rows_a):
        return
    if a.message is not None and a.message == b.message:
        capacity = a.capacity and max(a.capacity, b.capacity)
        _compare_rows(found, a.message, times_a[rows_a], a.rows(rows_a, capacity), b.rows(rows_b, capacity), rules)
    else:
        if a.schema != b.schema:
            found.note = f"carries {a.schema} and {b.schema}"
        _compare_payloads(found, times_a[rows_a], a.payloads(rows_a), b.payloads(rows_b), rules)


def _pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the messages that belong together, in the order of `a`."""
    if len(a) == len(b) and np.array_equal(a, b):
        return np.arange(len(a)), np.arange(len(b))
    known = np.unique(np.concatenate([a, b]))
    key_a, key_b = (_occurrence(times, known, max(len(a), len(b))) for times in (a, b))
    _, rows_a, rows_b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    order = np.argsort(rows_a)
    return rows_a[order], rows_b[order]


def _occurrence(times: np.ndarray, known: np.ndarray, most: int) -> np.ndarray:
    """A number for (time, how many of that time came before), the same on both sides."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    keys = np.empty(len(times), np.int64)
    keys[order] = np.searchsorted(known, ordered) * (most + 1) + np.arange(len(times)) - np.searchsorted(ordered, ordered)
    return keys


def _compare_rows(found: TopicDifference, message: str, times: np.ndarray, a: np.ndarray, b: np.ndarray, rules: Rules) -> None:
    size = a.dtype.itemsize
    bytes_a, bytes_b = (np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), size) for rows in (a, b))
    unequal = np.flatnonzero((bytes_a != bytes_b).any(axis=1))
    if not len(unequal):
        return
    a, b, times = a[unequal], b[unequal], times[unequal]
    differing = np.zeros(len(unequal), bool)
    for path, left, right, usable in _compared(message, a, b):
        if rules.ignores(found.topic, path):
            continue
        differs = usable & ~_same(left, right, rules.tolerance(found.topic, path))
        if differs.any():
            differing |= differs
            _note(found, _common_name(path, fields.list_field(message)), path, times, left, right, differs)
    found.differing += int(differing.sum())


def _compared(message: str, a: np.ndarray, b: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """(path, values of a, of b, where both have them) of every field; list elements only as far as both lists go."""
    listed = fields.list_field(message)
    everywhere = np.ones(len(a), bool)
    for (path, left), (_, right) in zip(fields.columns(a, listed), fields.columns(b, listed), strict=True):
        yield path, left, right, everywhere
    if listed is not None:
        common = np.minimum(a["count"], b["count"])
        for index in range(int(common.max())):
            usable = index < common
            sides = (fields.column(rows[listed][:, index], f"{listed}[{index}]") for rows in (a, b))
            for (path, left), (_, right) in zip(*sides, strict=True):
                yield path, left, right, usable


def _same(a: np.ndarray, b: np.ndarray, tolerance: float | None) -> np.ndarray:
    kind = f"u{a.dtype.itemsize}"
    same = np.ascontiguousarray(a).view(kind) == np.ascontiguousarray(b).view(kind)
    if tolerance is not None:
        with np.errstate(invalid="ignore"):
            same |= np.abs(_distance(a, b)) <= tolerance
    return same


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return a.astype(float) - b.astype(float)
    # Exact for the times of two logs, which floats are not
    return (a.astype(np.uint64) - b.astype(np.uint64)).astype(np.int64).astype(float)


def _common_name(path: str, listed: str | None) -> str:
    """One name for a field of all elements of a list or of an array of structs."""
    return _INDEX.sub("[]", path) if "]." in path or path.startswith(f"{listed}[") else path


def _note(found: TopicDifference, name: str, path: str, times: np.ndarray, a: np.ndarray, b: np.ndarray,
          differs: np.ndarray) -> None:  # fmt: skip
    rows = np.flatnonzero(differs)
    first = rows[0]
    with np.errstate(invalid="ignore"):
        gaps = np.abs(_distance(a[rows], b[rows]))
    largest = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else None
    item = found.fields.get(name)
    if item is None or int(times[first]) < item.time_ns:
        old = item
        item = FieldDifference(name, path, int(times[first]), a[first].item(), b[first].item())
        item.messages, item.largest = (old.messages, old.largest) if old else (0, None)
        found.fields[name] = item
    item.messages += len(rows)
    if largest is not None:
        item.largest = max(largest, item.largest or 0.0)


def _compare_payloads(found: TopicDifference, times: np.ndarray, a: list[bytes], b: list[bytes], rules: Rules) -> None:
    if rules.ignores(found.topic, PAYLOAD):
        return
    for time_ns, left, right in zip(times.tolist(), a, b, strict=True):
        if left != right:
            found.differing += 1
            place = next((i for i, (x, y) in enumerate(zip(left, right, strict=False)) if x != y), min(len(left), len(right)))
            values = (part[place : place + 8].hex() for part in (left, right))
            item = found.fields.setdefault(PAYLOAD, FieldDifference(PAYLOAD, f"{PAYLOAD}[{place}]", time_ns, *values))
            item.messages += 1


def _means(pattern: str, topic: str, path: str) -> bool:
    """Whether a pattern means a field: its path, its path without indices, its last name, or any of them after the topic."""
    bare = _INDEX.sub("", path)
    names: Iterable[str] = (path, bare, bare.rpartition(".")[2])
    return any(name == pattern or fnmatchcase(name, pattern) or f"{topic}.{name}" == pattern for name in names)
