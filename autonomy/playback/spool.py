"""The outputs of a run, hashed as they come and kept on disk until somebody asks for them."""

from __future__ import annotations

import hashlib
import tempfile

import numpy as np

from autonomy import msg
from autonomy.playback._compact import compact


class OutputSpool:
    """Takes arrays of OutputFrame; memory stays bounded however long the log is."""

    def __init__(self):
        self._file = tempfile.TemporaryFile(prefix="autonomy-outputs-")  # noqa: SIM115 - lives as long as the spool
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self.ticks = 0

    def append(self, outputs: np.ndarray, count: int) -> None:
        self._buffer.clear()
        compact(outputs, count, self._buffer)
        self._hash.update(self._buffer)
        self._file.write(self._buffer)
        self.ticks += count

    @property
    def sha256(self) -> str:
        """Hash over every output frame, each cut after its last track."""
        return self._hash.hexdigest()

    def outputs(self) -> np.ndarray:
        """All output frames, array of dtype("OutputFrame"): about 14 kB a tick, so ask for a topic where that will do."""
        return self._read(0, msg.dtype("OutputFrame"))

    def topic(self, name: str) -> np.ndarray:
        """One message of every output frame, array of that message's dtype. Raises KeyError."""
        frame = msg.dtype("OutputFrame")
        dtype, offset = frame.fields[name][:2]
        return self._read(offset, dtype)

    def head(self, name: str) -> np.ndarray:
        """The same, cut before the list that the message may end in. Raises KeyError."""
        dtype, offset = msg.dtype("OutputFrame").fields[name][:2]
        if "count" not in dtype.names:
            return self._read(offset, dtype)
        size = dtype.fields["count"][1]
        names = [field for field in dtype.names if dtype.fields[field][1] < size]
        formats, offsets = zip(*(dtype.fields[field][:2] for field in names), strict=True)
        return self._read(offset, np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size}))

    def sampled(self, name: str, every: int) -> np.ndarray:
        """The message of every so-manyth output frame, its list included. Raises KeyError."""
        dtype, offset = msg.dtype("OutputFrame").fields[name][:2]
        return self._read(offset, dtype, every)

    def _read(self, offset: int, dtype: np.dtype, every: int = 1) -> np.ndarray:
        count_at, first, element = msg.list_layout("OutputFrame")
        kept = -(-self.ticks // every)
        result = np.zeros(kept, dtype)
        rows = result.view(np.uint8).reshape(kept, dtype.itemsize) if kept else result
        self._file.flush()
        self._file.seek(0)
        for tick in range(self.ticks):
            head = self._file.read(first)
            if tick % every:
                self._file.seek(int.from_bytes(head[count_at : count_at + 4], "little") * element, 1)
                continue
            row = rows[tick // every]
            tracks = int.from_bytes(head[count_at : count_at + 4], "little") * element
            record = head + self._file.read(tracks)
            part = record[offset : offset + dtype.itemsize]
            row[: len(part)] = np.frombuffer(part, np.uint8)
        return result
