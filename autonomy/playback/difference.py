"""Where two runs part: the first differing tick, topic and field, and a table of every field that differs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autonomy.errors import BadInputError
from autonomy.log.reader import LogReader
from autonomy.playback.json_values import without_nan
from autonomy.playback.recording import OUTPUTS

if TYPE_CHECKING:
    from autonomy.playback.result import Result


@dataclass(frozen=True)
class FieldDifference:
    topic: str
    field: str
    first_tick: int
    a: Any
    b: Any
    ticks: int  # how many ticks differ
    largest: float  # absolute difference, NaN where it cannot be said


def compare_logs(a: str | Path, b: str | Path) -> list[FieldDifference]:
    """Every field of every /out topic that differs between two output logs, the earliest first. Raises BadInputError."""
    left, right = LogReader(a), LogReader(b)
    topics = {*left.topics, *right.topics}
    found: list[FieldDifference] = []
    for topic in sorted(name for name in topics if name.startswith("/out/")):
        rows_a, rows_b = _rows(left, topic), _rows(right, topic)
        if rows_a is None or rows_b is None:
            found.append(FieldDifference(topic, "*", 0, rows_a is not None, rows_b is not None, 0, float("nan")))
            continue
        if rows_a.dtype != rows_b.dtype:
            raise BadInputError(f"{a} and {b}: {topic} has different layouts; compare runs of the same message version")
        found += compare_rows(topic, rows_a, rows_b)
    return sorted(found, key=lambda item: (item.first_tick, item.topic, item.field))


def compare_rows(topic: str, a: np.ndarray, b: np.ndarray) -> list[FieldDifference]:
    """Differences of two arrays of one message, field by field, bit by bit (NaN equals the same NaN)."""
    common = min(len(a), len(b))
    found = []
    if len(a) != len(b):
        found.append(FieldDifference(topic, "ticks", common, len(a), len(b), abs(len(a) - len(b)), float("nan")))
    for name, left, right in _leaves(a[:common], b[:common]):
        same = _bits(left) == _bits(right)
        rows = np.flatnonzero(~same.all(axis=1)) if same.ndim == 2 else np.flatnonzero(~same)
        if rows.size:
            first = int(rows[0])
            with np.errstate(invalid="ignore"):
                gaps = np.abs(left[rows].astype(float) - right[rows].astype(float))
            largest = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else float("nan")
            found.append(
                FieldDifference(topic, name, first, left[first].tolist(), right[first].tolist(), int(rows.size), largest)
            )
    return found


def _rows(reader: LogReader, topic: str) -> np.ndarray | None:
    return reader.read_topic(topic) if topic in reader.topics else None


def _leaves(a: np.ndarray, b: np.ndarray, prefix: str = ""):
    for name in a.dtype.names:
        left, right = a[name], b[name]
        if left.dtype.names:
            if left.ndim == 1:
                yield from _leaves(left, right, f"{prefix}{name}.")
            else:
                for index in range(left.shape[1]):
                    yield from _leaves(left[:, index], right[:, index], f"{prefix}{name}[{index}].")
        else:
            yield f"{prefix}{name}", left.reshape(len(left), -1), right.reshape(len(right), -1)


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def compare_result(result: Result, log: str | Path) -> list[FieldDifference]:
    """Every field of a result's outputs that differs from those in an output log. Raises BadInputError."""
    reader = LogReader(log)
    found: list[FieldDifference] = []
    for name in OUTPUTS:
        rows = _rows(reader, f"/out/{name}")
        if rows is None:
            raise BadInputError(f"{log}: has no topic /out/{name}; give the folder of an earlier 'autonomy replay -o'")
        found += compare_rows(f"/out/{name}", result.topic(name), rows)
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
