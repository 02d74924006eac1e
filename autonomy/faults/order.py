"""Puts records that have to wait back into a stream of batches, in an order that does not hang on where batches end."""

from __future__ import annotations

import numpy as np

from autonomy.faults.payload import compact, joined
from autonomy.log.ordered import RECORD_DTYPE, Batch

KEY = np.dtype([("time_ns", "<i8"), ("rank", "<u4"), ("arrival", "<i8")])


class Waiting:
    """Records in the order of (time, rank of the topic, arrival).

    A record that comes late (its log time lies before one already seen) keeps its place behind its forerunner. Memory
    holds what waits and one batch.
    """

    def __init__(self):
        self._records, self._data = np.zeros(0, RECORD_DTYPE), np.zeros(0, np.uint8)
        self._keys = np.zeros(0, KEY)
        self._now = (np.iinfo(np.int64).min, 0)  # time and rank of the last record that was not late
        self._arrived = 0

    def __len__(self) -> int:
        return len(self._records)

    def pass_by(self, records: np.ndarray) -> None:
        """Notes records that were given on without this stage."""
        self._keys_of(records)

    def put(self, batch: Batch, held: np.ndarray | None = None, arrived_ns: np.ndarray | None = None) -> Batch | None:
        """Takes a batch, returns what is due. Records at `held` (bool) already bear the time they wait for as log time;
        `arrived_ns` is the log time that every record came with."""
        keys = self._keys_of(batch.records, held, arrived_ns)
        records, data = joined((self._records, self._data), (batch.records, batch.data))
        keys = np.concatenate([self._keys, keys])
        order = np.lexsort((keys["arrival"], keys["rank"], keys["time_ns"]))
        due = int(np.searchsorted(keys["time_ns"][order], self._now[0]))  # ties at the last time may still get company
        self._records, self._data = compact(data, records[order[due:]])
        self._keys = keys[order[due:]]
        return Batch(records[order[:due]], data) if due else None

    def due(self, until_ns: int) -> Batch | None:
        """What waits no longer than `until_ns`, for a source of which nothing earlier is to come."""
        count = int(np.searchsorted(self._keys["time_ns"], until_ns, side="right"))  # what waits is kept in order
        if not count:
            return None
        batch = Batch(self._records[:count], self._data)
        self._records, self._data = compact(self._data, self._records[count:])
        self._keys = self._keys[count:]
        return batch

    def rest(self) -> Batch | None:
        """What still waits at the end of the log."""
        batch = Batch(self._records, self._data) if len(self) else None
        self._records, self._data, self._keys = self._records[:0], self._data[:0], self._keys[:0]
        return batch

    def _keys_of(self, records: np.ndarray, held: np.ndarray | None = None, arrived_ns: np.ndarray | None = None) -> np.ndarray:
        count = len(records)
        keys = np.zeros(count, KEY)
        keys["arrival"] = self._arrived + np.arange(count)
        self._arrived += count
        times = np.concatenate([[self._now[0]], records["log_time_ns"] if arrived_ns is None else arrived_ns])
        ranks = np.concatenate([[self._now[1]], records["rank"]])
        highest = np.maximum.accumulate(times)
        # The record each one stands behind: itself, or for a late one the last that was in time
        leader = np.maximum.accumulate(np.where(times >= highest, np.arange(count + 1), 0))
        keys["time_ns"], keys["rank"] = highest[1:], ranks[leader][1:]
        if held is not None:
            waits = held & (records["log_time_ns"] > keys["time_ns"])
            keys["time_ns"][waits], keys["rank"][waits] = records["log_time_ns"][waits], records["rank"][waits]
        self._now = (int(highest[-1]), int(ranks[leader[-1]]))
        return keys
