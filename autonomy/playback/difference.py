"""Where two runs part: every field of every output held against the other run's, tick by tick, in bounded memory.

Ticks belong together that have the same time. Two values are the same when their bits are (NaN equals the same NaN);
a tolerance file may allow more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autonomy.errors import BadInputError
from autonomy.playback.json_values import without_nan
from autonomy.playback.output_log import OutputLog
from autonomy.playback.rows import OUTPUTS
from autonomy.playback.tolerance import Limit, Tolerances

if TYPE_CHECKING:
    from autonomy.playback.result import Result

Blocks = Iterable[tuple[np.ndarray, np.ndarray]]  # (log times (n,), rows (n,)) in the order of time
TICKS = "ticks"  # stands in a list of differences for ticks that only one run has
PADDING = "padding"  # fields whose name begins so carry nothing


@dataclass(frozen=True)
class FieldDifference:
    """One field that is not the same in both runs."""

    topic: str
    field: str
    first_tick: int  # row of run A
    a: Any
    b: Any
    ticks: int  # how many ticks differ
    largest: float  # absolute difference, NaN where it cannot be said
    rms: float = float("nan")  # of the difference over the ticks that differ in finite values
    first_time_ns: int | None = None
    beyond: int = 0  # how many of the ticks lie further apart than the tolerance
    tolerance: str = "exact"


@dataclass
class TopicComparison:
    """One topic of both runs; the ticks are counted by their times."""

    topic: str
    common: int = 0
    only_a: int = 0
    only_b: int = 0
    fields: int = 0
    ignored: int = 0
    missing: str = ""  # "a" or "b" when that run has no such topic
    fields_only_a: list[str] = field(default_factory=list)  # of another build's message
    fields_only_b: list[str] = field(default_factory=list)
    first_unpaired_ns: int | None = None
    differences: list[FieldDifference] = field(default_factory=list)

    @property
    def beyond(self) -> list[FieldDifference]:
        """The differences that a tolerance does not cover."""
        return [item for item in self.differences if item.beyond]

    @property
    def fields_differing(self) -> int:
        """How many of `fields` differ at all; the elements of a list of structs are one field, as they are in `fields`."""
        return len(firsts(self.differences))

    @property
    def fields_beyond(self) -> int:
        """How many of `fields` differ beyond their tolerance."""
        return len(firsts(self.beyond))

    @property
    def equal(self) -> bool:
        return not (self.beyond or self.only_a or self.only_b or self.missing)


def firsts(differences: Iterable[FieldDifference]) -> list[FieldDifference]:
    """Of each field the first of the differences given; the elements of a list of structs (`tracks[3].x`) are one field."""
    found: dict[tuple[str, str], FieldDifference] = {}
    for item in differences:
        found.setdefault((item.topic, re.sub(r"\[\d+\]", "[]", item.field)), item)
    return list(found.values())


def field_names(dtypes: dict[str, np.dtype]) -> list[str]:
    """`ego.position`, `tracks.tracks[0].x` ... of the messages of these topics, as a tolerance names them."""
    return [
        f"{topic.removeprefix('/out/')}.{name.replace('[]', '[0]')}"
        for topic, dtype in dtypes.items() for name, _ in _leaves(dtype)
    ]  # fmt: skip


def compare_logs(a: str | Path, b: str | Path, tolerances: Tolerances | None = None) -> list[FieldDifference]:
    """Every field of every /out topic that differs between two output logs, the earliest first. Raises BadInputError."""
    return listed(compare_topics(a, b, tolerances))


def compare_topics(a: str | Path, b: str | Path, tolerances: Tolerances | None = None) -> list[TopicComparison]:
    """The same, topic by topic, in the order of their names. Raises BadInputError."""
    with OutputLog(a) as left, OutputLog(b) as right:
        if tolerances is not None:
            tolerances.require_fields({name for log in (left, right) for name in field_names(log.dtypes())})
        found = []
        for topic in sorted({*left.topics, *right.topics}):
            if topic not in left.topics or topic not in right.topics:
                found.append(TopicComparison(topic, missing="a" if topic in right.topics else "b"))
            else:
                found.append(compare_blocks(topic, left.blocks(topic), right.blocks(topic), tolerances))
        return found


def compare_result(result: Result, log: str | Path, tolerances: Tolerances | None = None) -> list[FieldDifference]:
    """Every field of a result's outputs that differs from those in an output log. Raises BadInputError."""
    return listed(compare_result_topics(result, log, tolerances))


def compare_result_topics(result: Result, log: str | Path, tolerances: Tolerances | None = None) -> list[TopicComparison]:
    """The same, topic by topic. Raises BadInputError."""
    if result.log_path is not None:
        return compare_topics(result.log_path, log, tolerances)
    with OutputLog(log) as other:
        found = []
        for name in OUTPUTS:
            topic = f"/out/{name}"
            if topic not in other.topics:
                raise BadInputError(f"{log}: has no topic {topic}; give the folder of an earlier 'autonomy replay -o'")
            rows = result.topic(name)
            found.append(compare_blocks(topic, [(rows["time_ns"], rows)], other.blocks(topic), tolerances))
        return sorted(found, key=lambda item: item.topic)


def compare_blocks(topic: str, a: Blocks, b: Blocks, tolerances: Tolerances | None = None) -> TopicComparison:
    """One topic of two runs, each given as blocks in the order of time."""
    found = TopicComparison(topic)
    fields = _Fields(topic, tolerances or Tolerances(), found)
    for pair in _paired(a, b):
        found.common += len(pair.rows_a)
        found.only_a += len(pair.alone_a)
        found.only_b += len(pair.alone_b)
        alone = np.concatenate([pair.alone_a, pair.alone_b])
        if found.first_unpaired_ns is None and len(alone):
            found.first_unpaired_ns = int(alone.min())
        if len(pair.rows_a):
            fields.add(pair)
    found.differences = sorted(fields.differences(), key=lambda item: (item.first_tick, item.field))
    return found


def listed(topics: list[TopicComparison]) -> list[FieldDifference]:
    """All differences of all topics, the earliest first; ticks and topics that only one run has are rows of their own."""
    found = [item for topic in topics for item in topic.beyond]
    for topic in topics:
        if topic.missing:
            here = topic.missing == "b"
            found.append(FieldDifference(topic.topic, "*", 0, here, not here, 0, float("nan")))
        elif topic.only_a or topic.only_b:
            count_a, count_b = topic.common + topic.only_a, topic.common + topic.only_b
            found.append(
                FieldDifference(topic.topic, TICKS, topic.common, count_a, count_b, topic.only_a + topic.only_b, float("nan"),
                                first_time_ns=topic.first_unpaired_ns)
            )  # fmt: skip
    return sorted(found, key=lambda item: (item.first_tick, item.topic, item.field))


def table(differences: list[FieldDifference], most: int = 200) -> list[dict[str, Any]]:
    """The differences as JSON rows, the earliest first."""
    return [without_nan(vars(item)) for item in differences[:most]]


def as_json(differences: list[FieldDifference]) -> dict[str, Any] | None:
    """The first difference as the command line prints it, None without one."""
    if not differences:
        return None
    first = differences[0]
    return {
        "tick": first.first_tick,
        "topic": first.topic,
        "field": first.field,
        "a": without_nan(first.a),
        "b": without_nan(first.b),
    }


@dataclass
class _Pair:
    times: np.ndarray
    rows_a: np.ndarray
    rows_b: np.ndarray
    ticks: np.ndarray  # number of each row in run A
    alone_a: np.ndarray  # times
    alone_b: np.ndarray


def _paired(a: Blocks, b: Blocks) -> Iterator[_Pair]:
    """Rows of both with equal times, as far as both are known; neither is held whole."""
    left, right = _Queue(a), _Queue(b)
    while True:
        left.fill()
        right.fill()
        if not len(left.times) and not len(right.times):
            return
        until = min(left.known_until, right.known_until)
        count_a, count_b = (int(np.searchsorted(queue.times, until, side="right")) for queue in (left, right))
        first_tick = left.given
        (times_a, rows_a), (times_b, rows_b) = left.take(count_a), right.take(count_b)
        if np.array_equal(times_a, times_b):
            index_a = index_b = np.arange(len(times_a))
        else:
            _, index_a, index_b = np.intersect1d(times_a, times_b, return_indices=True)
        yield _Pair(
            times_a[index_a], rows_a[index_a], rows_b[index_b], first_tick + index_a,
            np.delete(times_a, index_a), np.delete(times_b, index_b),
        )  # fmt: skip


class _Queue:
    """Blocks as they come, and what of them has not been given out."""

    def __init__(self, blocks: Blocks):
        self._blocks = iter(blocks)
        self.times, self.rows = np.zeros(0, np.int64), None
        self.given = 0
        self._ended = False

    @property
    def known_until(self) -> int:
        return np.iinfo(np.int64).max if self._ended else int(self.times[-1])

    def fill(self) -> None:
        while not self._ended and not len(self.times):
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            else:
                self.times, self.rows = block

    def take(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        if self.rows is None:
            return self.times, np.zeros(0)
        times, rows = self.times[:count], self.rows[:count]
        self.times, self.rows = self.times[count:], self.rows[count:]
        self.given += count
        return times, rows


@dataclass
class _Seen:
    """What has been found of one field so far."""

    limit: Limit
    first_tick: int
    first_time_ns: int
    a: Any
    b: Any
    ticks: int = 0
    beyond: int = 0
    largest: float = float("nan")
    squares: float = 0.0
    finite: int = 0


class _Fields:
    """Runs through the fields of two arrays of rows, skipping in one step what is the same byte by byte."""

    def __init__(self, topic: str, tolerances: Tolerances, found: TopicComparison):
        self.topic, self.tolerances, self.found = topic, tolerances, found
        self._seen: dict[str, _Seen] = {}
        self._limits: dict[str, Limit] = {}
        self._counted = False

    def add(self, pair: _Pair) -> None:
        if not self._counted:
            self._count(pair.rows_a.dtype, pair.rows_b.dtype)
            self._counted = True
        self._walk(pair.rows_a, pair.rows_b, pair, "")

    def differences(self) -> list[FieldDifference]:
        return [
            FieldDifference(
                self.topic, name, seen.first_tick, seen.a, seen.b, seen.ticks, seen.largest,
                float(np.sqrt(seen.squares / seen.finite)) if seen.finite else float("nan"),
                seen.first_time_ns, seen.beyond, seen.limit.words(),
            )
            for name, seen in self._seen.items()
        ]  # fmt: skip

    def _count(self, a: np.dtype, b: np.dtype) -> None:
        left, right = dict(_leaves(a)), dict(_leaves(b))
        for name in left.keys() & right.keys():
            self.found.fields += 1
            self.found.ignored += self.tolerances.of_field(self.topic, name).ignore
        self.found.fields_only_a = sorted(left.keys() - right.keys())
        self.found.fields_only_b = sorted(right.keys() - left.keys())

    def _walk(self, a: np.ndarray, b: np.ndarray, pair: _Pair, prefix: str) -> None:
        """`a` and `b` (n,) or (n, m) structured, of the same rows."""
        if a.dtype == b.dtype and np.array_equal(_bytes(a), _bytes(b)):
            return
        for name in a.dtype.names:
            if name not in b.dtype.names or name.startswith(PADDING):
                continue
            left, right = a[name], b[name]
            if left.shape != right.shape or (left.dtype.names is None) != (right.dtype.names is None):
                continue  # of another build: named by _count
            if left.dtype.names is None:
                self._compare(prefix + name, left, right, pair)
            elif left.ndim == 1:
                self._walk(left, right, pair, f"{prefix}{name}.")
            else:
                for index in range(left.shape[1]):
                    self._walk(left[:, index], right[:, index], pair, f"{prefix}{name}[{index}].")

    def _compare(self, name: str, a: np.ndarray, b: np.ndarray, pair: _Pair) -> None:
        differs = _bits(a) != _bits(b) if a.dtype == b.dtype else (a != b) & ~((a != a) & (b != b))
        rows = np.flatnonzero(differs.any(axis=1) if differs.ndim == 2 else differs)
        if not rows.size:
            return
        limit = self._limits.setdefault(name, self.tolerances.of_field(self.topic, name))
        if limit.ignore:
            return
        gaps = limit.gaps(a[rows], b[rows])
        beyond = limit.exceeded(a[rows], b[rows], gaps) & differs[rows]
        far = rows[beyond.any(axis=1) if beyond.ndim == 2 else beyond]
        first = int(far[0] if far.size else rows[0])
        seen = self._seen.get(name)
        if seen is None or (not seen.beyond and far.size):  # the first tick told is the first beyond, where there is one
            fresh = _Seen(limit, int(pair.ticks[first]), int(pair.times[first]), a[first].tolist(), b[first].tolist())
            if seen is not None:
                fresh.ticks, fresh.largest, fresh.squares, fresh.finite = seen.ticks, seen.largest, seen.squares, seen.finite
            seen = self._seen[name] = fresh
        usable = gaps[np.isfinite(gaps) & differs[rows]]
        seen.ticks += int(rows.size)
        seen.beyond += int(far.size)
        if usable.size:
            seen.largest = float(np.fmax(seen.largest, usable.max()))
            seen.squares += float((usable**2).sum())
            seen.finite += int(usable.size)


def _leaves(dtype: np.dtype, prefix: str = "") -> Iterator[tuple[str, tuple]]:
    """(name, kind and shape) of every field that holds numbers; elements of a list of structs count as one."""
    for name in dtype.names:
        if name.startswith(PADDING):
            continue
        inner = dtype[name]
        if inner.base.names:
            yield from _leaves(inner.base, f"{prefix}{name}{'[]' if inner.shape else ''}.")
        else:
            yield prefix + name, (inner.base.str, inner.shape)


def _bytes(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows).view(np.uint8)


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
