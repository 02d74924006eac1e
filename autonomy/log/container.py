"""The frame of an MCAP file being written: definitions, chunks with their indexes, attachments, metadata, and the summary.

Schemas and channels stand outside the chunks: a bad chunk takes no definition with it. What has been put is with the
operating system at once, so a killed program leaves a file that can be read up to its last chunk; a durable one is on
the disk as well, so that the same holds when the power is cut.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import autonomy
from autonomy.errors import EnvironmentFault, LogError
from autonomy.log import records
from autonomy.log.spilled import Spilled

COMPRESSIONS = ("lz4", "zstd", "")
MOST_CHANNELS = 0xFFFF


class Container:
    """One file. Raises EnvironmentFault when it cannot be written, LogError once it is closed."""

    def __init__(self, path: str | os.PathLike, compression: str = "lz4", durable: bool = False):
        if compression not in COMPRESSIONS:
            raise LogError(f"compression '{compression}' is not known; use 'lz4', 'zstd' or ''")
        self.path = Path(path)
        self.start_ns: int | None = None
        self.end_ns: int | None = None
        self._durable = durable
        self._compression = compression
        self._compress = _compressor(compression)
        self._schemas = 0
        self._counts = np.zeros(1, np.int64)  # messages by channel id
        self._definitions: list[tuple[int, bytes]] = []
        self._metadata_indexes: list[bytes] = []
        self._attachment_indexes: list[bytes] = []
        self._position = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
            self._chunk_indexes = Spilled(self.path.parent)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {self.path}: {error.strerror}") from error
        self._put(records.MAGIC + records.header("", f"autonomy {autonomy.__version__}"))

    @property
    def closed(self) -> bool:
        return self._file.closed

    def add_schema(self, name: str, encoding: str, text: str) -> int:
        """Defines a schema and returns its id."""
        self._schemas += 1
        self._define(records.SCHEMA, records.schema(self._schemas, name, encoding, text))
        return self._schemas

    def add_channel(self, schema: int, topic: str, encoding: str, metadata: Mapping[str, str] | None = None) -> int:
        """Defines a channel and returns its id; schema 0 = none."""
        number = len(self._counts)
        if number > MOST_CHANNELS:
            raise LogError(f"{self.path}: MCAP has room for {MOST_CHANNELS} channels, topic {topic} is one more")
        self._counts = np.append(self._counts, 0)
        self._define(records.CHANNEL, records.channel(number, schema, topic, encoding, metadata or {}))
        return number

    def add_chunk(self, raw, times: np.ndarray, offsets: np.ndarray, channels: np.ndarray) -> None:
        """Writes message records `raw`: one log time (ns), place in `raw` and channel id per message, in file order."""
        packed = self._compress(raw)
        start, size = self._position, len(raw)
        first, last = int(times.min()), int(times.max())
        chunk = records.chunk(first, last, size, zlib.crc32(raw), self._compression, packed)
        order = np.argsort(channels, kind="stable")
        entries = np.empty((len(order), 2), np.int64)
        entries[:, 0], entries[:, 1] = times[order], offsets[order]
        numbers, begins, counts = np.unique(channels[order], return_index=True, return_counts=True)
        self._counts[numbers] += counts
        places, indexes = {}, []
        position = start + len(chunk)
        for number, begin, count in zip(numbers.tolist(), begins.tolist(), counts.tolist(), strict=True):
            index = records.message_index(number, entries[begin : begin + count].tobytes())
            places[number] = position
            position += len(index)
            indexes.append(index)
        self._put(b"".join([chunk, *indexes]))
        self._spill(records.chunk_index(
            first, last, start, len(chunk), places, sum(map(len, indexes)), self._compression, len(packed), size))  # fmt: skip
        self.start_ns = first if self.start_ns is None else min(first, self.start_ns)
        self.end_ns = last if self.end_ns is None else max(last, self.end_ns)

    def add_metadata(self, name: str, values: Mapping[str, object]) -> None:
        """Adds a metadata record; values become strings."""
        data = records.metadata(name, {key: str(value) for key, value in values.items()})
        self._metadata_indexes.append(records.metadata_index(self._position, len(data), name))
        self._put(data)

    def attach(self, name: str, data: bytes, media_type: str, log_time_ns: int = 0) -> None:
        """Attaches a file."""
        blob = records.attachment(log_time_ns, name, media_type, data)
        self._attachment_indexes.append(
            records.attachment_index(self._position, len(blob), log_time_ns, len(data), name, media_type)
        )
        self._put(blob)

    def close(self) -> None:
        """Writes the summary: definitions, statistics, indexes."""
        if self.closed:
            return
        self._put(records.record(records.DATA_END, b"\0\0\0\0"))
        groups = [
            (opcode, [data for kind, data in self._definitions if kind == opcode]) for opcode in (records.SCHEMA, records.CHANNEL)
        ]
        counts = dict(enumerate(self._counts.tolist()))
        del counts[0]
        groups.append((records.STATISTICS, [records.statistics(
            self._schemas, counts, len(self._attachment_indexes), len(self._metadata_indexes),
            self._chunk_indexes.count, self.start_ns or 0, self.end_ns or 0)]))  # fmt: skip
        groups += [
            (records.CHUNK_INDEX, self._chunk_indexes.blocks()),
            (records.ATTACHMENT_INDEX, self._attachment_indexes),
            (records.METADATA_INDEX, self._metadata_indexes),
        ]
        offsets, start, crc = b"", self._position, 0
        for opcode, parts in groups:
            began = self._position
            for part in parts:
                crc = zlib.crc32(part, crc)
                self._put(part)
            if self._position > began:
                offsets += records.summary_offset(opcode, began, self._position - began)
        body = offsets + records.footer(start, self._position, 0)[:-4]
        self._put(body + zlib.crc32(body, crc).to_bytes(4, "little") + records.MAGIC)
        self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is, without summary: for a command that failed half-way."""
        self._chunk_indexes.close()
        self._file.close()

    def _spill(self, index: bytes) -> None:
        try:
            self._chunk_indexes.append(index)
        except OSError as error:
            raise EnvironmentFault(f"cannot write beside {self.path}: {error.strerror}") from error

    def _define(self, opcode: int, data: bytes) -> None:
        self._definitions.append((opcode, data))
        self._put(data)

    def _put(self, data: bytes) -> None:
        if self.closed:
            raise LogError(f"{self.path}: the log is closed")
        try:
            self._file.write(data)
            self._file.flush()
            if self._durable:
                os.fdatasync(self._file.fileno())
        except OSError as error:
            raise EnvironmentFault(f"cannot write {self.path}: {error.strerror}") from error
        self._position += len(data)


def is_closed(path: Path) -> bool:
    """Whether a log ends as one that was closed does; one that was cut off ends with its last chunk."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(records.MAGIC), 0))
        return file.read() == records.MAGIC


def _compressor(compression: str):
    if compression == "lz4":
        from lz4.frame import BLOCKSIZE_MAX1MB, compress

        return lambda data: compress(data, block_size=BLOCKSIZE_MAX1MB)
    if compression == "zstd":
        from zstandard import ZstdCompressor

        return ZstdCompressor(level=1).compress
    return bytes
