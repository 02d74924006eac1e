"""The outputs of a run, hashed as they come and kept on disk until somebody asks for them."""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from autonomy import msg
from autonomy.log._mcap import copy_rows
from autonomy.log.ordered import RECORD_DTYPE
from autonomy.playback._compact import compact

_BLOCK_TICKS = 1024
_, _HEAD_BYTES, _TRACK_BYTES = msg.list_layout("OutputFrame")


class OutputSpool:
    """Takes arrays of OutputFrame; memory stays bounded however long the log is."""

    def __init__(self):
        self._file = tempfile.TemporaryFile(prefix="autonomy-outputs-")  # noqa: SIM115 - lives as long as the spool
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._sizes = array("I")  # bytes of each tick's record
        self.ticks = 0

    def append(self, outputs: np.ndarray, count: int) -> None:
        self._buffer.clear()
        compact(outputs, count, self._buffer)
        self._hash.update(self._buffer)
        self._file.write(self._buffer)
        self._sizes.frombytes(
            (_HEAD_BYTES + outputs["tracks"]["count"][:count].astype(np.uint32) * np.uint32(_TRACK_BYTES)).tobytes()
        )
        self.ticks += count

    @property
    def sha256(self) -> str:
        """Hash over every output frame, each cut after its last track."""
        return self._hash.hexdigest()

    def outputs(self) -> np.ndarray:
        """All output frames, array of dtype("OutputFrame"): about 14 kB a tick, so ask for a topic where that will do."""
        return self._read(0, msg.dtype("OutputFrame"))

    def topic(self, name: str, ticks: np.ndarray | None = None) -> np.ndarray:
        """One message of all output frames, or of those of the ticks given, rising; of that message's dtype. Raises KeyError."""
        frame = msg.dtype("OutputFrame")
        dtype, offset = frame.fields[name][:2]
        return self._read(offset, dtype, ticks)

    def head(self, name: str, ticks: np.ndarray | None = None) -> np.ndarray:
        """The same, cut before the list that the message may end in; of all ticks or of those given, rising. Raises KeyError."""
        return self._read(*self._head(name), ticks)

    def head_blocks(self, names: Iterable[str]) -> Iterator[dict[str, np.ndarray]]:
        """The heads of several messages, a block of ticks at a time."""
        heads = {name: self._head(name) for name in names}
        for first, starts, data in self._blocks():
            every = np.arange(first, first + len(starts) - 1)
            yield {name: _rows(data, starts, every - first, *head) for name, head in heads.items()}

    def _head(self, name: str) -> tuple[int, np.dtype]:
        dtype, offset = msg.dtype("OutputFrame").fields[name][:2]
        if "count" not in dtype.names:
            return offset, dtype
        size = dtype.fields["count"][1]
        names = [field for field in dtype.names if dtype.fields[field][1] < size]
        formats, offsets = zip(*(dtype.fields[field][:2] for field in names), strict=True)
        return offset, np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})

    def _read(self, offset: int, dtype: np.dtype, ticks: np.ndarray | None = None) -> np.ndarray:
        result = np.zeros(self.ticks if ticks is None else len(ticks), dtype)
        done = 0
        for first, starts, data in self._blocks():
            count = len(starts) - 1
            wanted = np.arange(count)
            if ticks is not None:
                low, high = np.searchsorted(ticks, [first, first + count])
                wanted = ticks[low:high] - first
            result[done : done + len(wanted)] = _rows(data, starts, wanted, offset, dtype)
            done += len(wanted)
        return result

    def _blocks(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """(first tick, where each record starts and the last one ends, their bytes) of a few ticks at a time."""
        self._file.flush()
        sizes = np.frombuffer(self._sizes, np.uint32)
        position = 0
        for first in range(0, self.ticks, _BLOCK_TICKS):
            starts = np.concatenate([[0], np.cumsum(sizes[first : first + _BLOCK_TICKS], dtype=np.int64)])
            self._file.seek(position)
            data = np.frombuffer(self._file.read(int(starts[-1])), np.uint8)
            position += int(starts[-1])
            yield first, starts, data


def _rows(data: np.ndarray, starts: np.ndarray, wanted: np.ndarray, offset: int, dtype: np.dtype) -> np.ndarray:
    """A part of the wanted records; tracks that were cut off are zero."""
    records = np.zeros(len(wanted), RECORD_DTYPE)
    records["offset"] = starts[wanted] + offset
    records["length"] = np.minimum(dtype.itemsize, starts[wanted + 1] - starts[wanted] - offset)
    rows = np.zeros(len(wanted), dtype)
    copy_rows(data, records, rows.view(np.uint8).reshape(len(rows), dtype.itemsize))
    return rows
