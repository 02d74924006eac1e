"""Contents of many records at once: bodies out of a batch's buffer and back, list items and CAN frames as arrays."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.faults.fields import LIST_COUNT, LIST_FIRST
from autonomy.log.reader import Batch

FRAME = msg.dtype("CanFrame")


def spans(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """int64: every position of the ranges [start, start + length), one range after the other."""
    lengths = lengths.astype(np.int64)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts.astype(np.int64) - (ends - lengths), lengths)


def compact(data: np.ndarray, records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The records with the bytes they point to and no others."""
    records = records.copy()
    bodies = data[spans(records["offset"], records["length"])]
    lengths = records["length"].astype(np.uint64)
    records["offset"] = np.cumsum(lengths) - lengths
    return records, bodies


def joined(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of (records, data) as one."""
    moved = second[0].copy()
    moved["offset"] += np.uint64(len(first[1]))
    return np.concatenate([first[0], moved]), np.concatenate([first[1], second[1]])


def with_own_bytes(batch: Batch, rows: np.ndarray) -> Batch:
    """A batch in which the records at `rows` have bytes of their own, which may be written to."""
    own, bodies = compact(batch.data, batch.records[rows])
    records = batch.records.copy()
    records["offset"][rows] = own["offset"] + np.uint64(len(batch.data))
    return Batch(records, np.concatenate([batch.data, bodies]))


def load(data: np.ndarray, offsets: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Structs (n,) at the byte offsets."""
    places = offsets.astype(np.int64)[:, None] + np.arange(dtype.itemsize)
    return np.ascontiguousarray(data[places]).reshape(-1).view(dtype) if len(offsets) else np.zeros(0, dtype)


def store(data: np.ndarray, offsets: np.ndarray, values: np.ndarray) -> None:
    """Writes structs (n,) to the byte offsets."""
    size = values.dtype.itemsize
    data[offsets.astype(np.int64)[:, None] + np.arange(size)] = np.ascontiguousarray(values).view(np.uint8).reshape(-1, size)


def item_offsets(batch: Batch, rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(byte offset of every list item of the records at `rows`, which of `rows` it belongs to); none of a damaged list."""
    records = batch.records[rows]
    long_enough = records["length"] >= LIST_COUNT + 4
    counts = np.zeros(len(rows), np.int64)
    offsets = records["offset"].astype(np.int64)
    counts[long_enough] = load(batch.data, offsets[long_enough] + LIST_COUNT, np.dtype("<u4"))
    counts[LIST_FIRST + counts * size > records["length"]] = 0
    owner = np.repeat(np.arange(len(rows)), counts)
    return offsets[owner] + LIST_FIRST + item_numbers(owner) * size, owner


def item_numbers(owner: np.ndarray) -> np.ndarray:
    """Place of each item in its own list, from the (grouped, rising) owners."""
    return np.arange(len(owner)) - np.searchsorted(owner, owner)
