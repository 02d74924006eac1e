"""Copies records of any recording into an MCAP log without touching a payload: what cut, merge, sort and recover share.

Payload bytes, sequence numbers and publish times stay; only the channel ids are those of the new file.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autonomy.errors import LogError
from autonomy.log._copy import pack, record_lengths
from autonomy.log.container import Container
from autonomy.log.reader import Batch
from autonomy.log.structure import unused
from autonomy.log.writer import CHUNK_BYTES, CHUNK_NS

if TYPE_CHECKING:
    from autonomy.log.reader import Channel, LogReader


class RecordWriter:
    """One MCAP file that takes whole batches of other recordings. Raises EnvironmentFault, LogError."""

    def __init__(self, path: str | os.PathLike, *, compression: str = "lz4", chunk_bytes: int = CHUNK_BYTES):
        self._container = Container(path, compression)
        self._chunk_bytes = chunk_bytes
        self._schemas: dict[tuple[str, str, str], int] = {}
        self._channels: dict[tuple, int] = {}
        self._metadata: dict[str, dict[str, str]] = {}
        self._attachments: dict[str, bytes] = {}  # their hashes
        self._topics: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        # Of the open chunk: packed records, and times, lengths, channel ids of its messages
        self._packed: list[np.ndarray] = []
        self._times: list[np.ndarray] = []
        self._lengths: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []
        self._bytes = 0
        self._first_ns = self._last_ns = 0

    @property
    def path(self) -> Path:
        return self._container.path

    @property
    def topics(self) -> dict[int, str]:
        """The topics by channel id."""
        return dict(self._topics)

    @property
    def counts(self) -> dict[str, int]:
        """Messages written so far by topic."""
        return dict(self._counts)

    @property
    def start_ns(self) -> int | None:
        return self._container.start_ns

    @property
    def end_ns(self) -> int | None:
        return self._container.end_ns

    def channel(self, channel: Channel) -> int:
        """The id that a channel of another log has in this one; equal channels share one."""
        key = (channel.topic, channel.schema, channel.encoding, channel.schema_encoding, channel.schema_text,
               tuple(sorted(channel.metadata.items())))  # fmt: skip
        if key not in self._channels:
            self.flush()
            schema = (channel.schema, channel.schema_encoding, channel.schema_text)
            if any(schema) and schema not in self._schemas:
                self._schemas[schema] = self._container.add_schema(*schema)
            number = self._container.add_channel(self._schemas.get(schema, 0), channel.topic, channel.encoding, channel.metadata)
            self._channels[key] = number
            self._topics[number] = channel.topic
            self._counts.setdefault(channel.topic, 0)
        return self._channels[key]

    def channel_table(self, reader: LogReader, wanted=None) -> np.ndarray:
        """uint16 by channel id of `reader`: the id here. `wanted` tells which topics to define, all by default."""
        table = np.zeros(max(reader.channels, default=0) + 1, np.uint16)
        for number, channel in reader.channels.items():
            if wanted is None or wanted(channel.topic):
                table[number] = self.channel(channel)
        return table

    def describe(self, name: str, values: Mapping[str, str]) -> None:
        """Adds a metadata record."""
        self.flush()
        self._metadata[name] = dict(values)
        self._container.add_metadata(name, values)

    def attach(self, name: str, content: bytes, media_type: str) -> None:
        """Attaches a file; behind a name that is taken comes "#2"."""
        self.flush()
        kept = unused(name, self._attachments)
        self._attachments[kept] = sha256(content).digest()
        self._container.attach(kept, content, media_type)

    def copy_descriptions(self, reader: LogReader, origin: str = "", but: Collection[str] = ()) -> list[str]:
        """Copies metadata and attachments; returns a sentence for each attachment that is damaged.

        A name that stands for something else already gets "@origin" behind it. What is named in `but` is left.
        """
        self.flush()
        problems = []
        for name, values in reader.metadata.items():
            if name in but:
                continue
            kept = self._free(name, origin, self._metadata, values)
            if kept is not None:
                self._container.add_metadata(kept, values)
        for name in reader.attachments:
            if name in but:
                continue
            try:
                content = reader.attachment(name)
            except LogError as error:
                problems.append(f"{error}; it is left out")
                continue
            kept = self._free(name, origin, self._attachments, sha256(content).digest())
            if kept is not None:
                described = reader.describe_attachment(name)
                self._container.attach(kept, content, described.media_type, described.log_time_ns)
        return problems

    def write(self, batch: Batch, table: np.ndarray) -> None:
        """Appends a batch in its order; `table` as `channel_table` gives it."""
        records, done = batch.records, 0
        if not len(records):
            return
        lengths = np.empty(len(records), np.int64)
        record_lengths(records, lengths)
        ends = np.cumsum(lengths)
        while done < len(records):
            taken = self._room(records["log_time_ns"][done:], ends[done:] - (ends[done - 1] if done else 0))
            if not taken:
                self.flush()
                continue
            self._take(Batch(records[done : done + taken], batch.data), table, lengths[done : done + taken])
            done += taken

    def flush(self) -> None:
        """Closes the open chunk."""
        if not self._packed:
            return
        lengths, numbers = np.concatenate(self._lengths), np.concatenate(self._numbers)
        offsets = np.cumsum(lengths) - lengths
        self._container.add_chunk(np.concatenate(self._packed).data, np.concatenate(self._times), offsets, numbers)
        for number, count in enumerate(np.bincount(numbers).tolist()):
            if count:
                self._counts[self._topics[number]] += count
        for parts in (self._packed, self._times, self._lengths, self._numbers):
            parts.clear()
        self._bytes = 0

    def close(self) -> None:
        """Closes the last chunk and writes the summary."""
        if not self._container.closed:
            self.flush()
            self._container.close()

    def abandon(self) -> None:
        """Closes the file without summary: for a command that failed half-way."""
        self._container.abandon()

    def _room(self, times: np.ndarray, ends: np.ndarray) -> int:
        """How many of the next messages the open chunk still takes; at least one into an empty one."""
        first, last = np.minimum.accumulate(times), np.maximum.accumulate(times)
        if self._packed:
            first, last = np.minimum(first, self._first_ns), np.maximum(last, self._last_ns)
        full = (last - first >= CHUNK_NS) | (self._bytes + ends > self._chunk_bytes)
        taken = int(np.argmax(full)) if full.any() else len(full)
        return taken if taken or self._packed else 1

    def _take(self, batch: Batch, table: np.ndarray, lengths: np.ndarray) -> None:
        times = batch.records["log_time_ns"].copy()
        low, high = int(times.min()), int(times.max())
        self._first_ns = min(self._first_ns, low) if self._packed else low
        self._last_ns = max(self._last_ns, high) if self._packed else high
        out = np.empty(int(lengths.sum()), np.uint8)
        pack(batch.records, batch.data, table, out)
        self._packed.append(out)
        self._times.append(times)
        self._lengths.append(lengths)
        self._numbers.append(table[batch.records["channel"]])
        self._bytes += len(out)

    @staticmethod
    def _free(name: str, origin: str, taken: dict, content) -> str | None:
        """The name to keep something under, None when it is there already."""
        for candidate in (name, f"{name}@{origin}" if origin else name):
            if taken.setdefault(candidate, content) is content:
                return candidate
            if taken[candidate] == content:
                return None
        kept = unused(candidate, taken)
        taken[kept] = content
        return kept
