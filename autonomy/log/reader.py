"""MCAP logs: whole, without index, cut anywhere or with a bad chunk; read in order and bounded memory (see ordered.py)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from autonomy.errors import LogError
from autonomy.log import records, structure
from autonomy.log._mcap import count_messages, find_messages
from autonomy.log.ordered import (
    FLAG_LATE,
    FLAG_PLAIN,
    FLAG_WHOLE,
    RECORD_DTYPE,
    Batch,
    Channel,
    OrderedReader,
    between,
    list_capacity,
    rows_of,
    short_rows,
)

__all__ = [
    "FLAG_LATE", "FLAG_PLAIN", "FLAG_WHOLE", "RECORD_DTYPE", "Batch", "Channel", "LogReader", "OrderedReader", "between",
    "list_capacity", "rows_of", "sha256", "short_rows",
]  # fmt: skip


class LogReader(OrderedReader):
    """One MCAP file.

    Of several metadata records or attachments of one name, the later are "name#2", "name#3" ... Raises LogError when the
    file cannot be read at all.
    """

    def __init__(self, path: str | os.PathLike):
        self._source = structure.Source(Path(path))
        try:
            found = structure.examine(self._source)
        except LogError:
            self._source.file.close()
            raise
        super().__init__(Path(path), found.channels, found.sections, found.problem)
        self._beyond = found.beyond
        self.damaged = list(found.damaged)
        self.unread_bytes = self._source.size - found.end if found.problem is not None else 0
        self._attachments: dict[str, structure.Attachment] = {}
        for item in found.attachments:
            self._attachments[structure.unused(item.name, self._attachments)] = item
        self.metadata = found.metadata
        self.attachments = list(self._attachments)
        self.library = found.library
        if found.counts is not None:
            self.counts = {}
            for number, count in found.counts.items():
                if number in found.channels:
                    topic = found.channels[number].topic
                    self.counts[topic] = self.counts.get(topic, 0) + count

    def close(self) -> None:
        self._source.file.close()

    def describe_attachment(self, name: str) -> structure.Attachment:
        """Media type, time and place of an attachment of this log."""
        return self._attachments[name]

    def attachment(self, name: str) -> bytes:
        """The content of an attachment. Raises LogError when it is absent or damaged."""
        if name not in self._attachments:
            raise LogError(f"{self.path} has no attachment '{name}'; it has {', '.join(self.attachments) or 'none'}")
        item = self._attachments[name]
        content = self._source.read(item.offset, item.length)
        crc = int.from_bytes(content[-4:], "little")
        if crc and structure.zlib.crc32(content[:-4]) != crc:
            raise LogError(f"{self.path}: the attachment '{name}' is damaged, its checksum does not match")
        cursor = records.Cursor(content)
        cursor.unpack("QQ"), cursor.string(), cursor.string()
        return bytes(cursor.take(*cursor.unpack("Q")))

    def other_names(self) -> dict[str, list[str]]:
        from autonomy.log.formats.ros import names_as_ours

        return names_as_ours(self.channels.values())

    def _read_section(self, section, table: np.ndarray, malformed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        data = np.frombuffer(structure.load(self._source, section), np.uint8)
        most, end = count_messages(data) if len(data) else (0, 0)
        if end != len(data):
            raise ValueError("its records do not fill it")
        found = np.empty(most, RECORD_DTYPE)
        count, unknown = find_messages(data, table, found, malformed, end)
        self.unknown_channel += unknown
        return found[:count], data

    def _where(self, section: structure.Section) -> str:
        return f"the chunk at byte {section.offset}"


def sha256(path: str | os.PathLike) -> str:
    """Hash of a recording, hexadecimal, read in pieces; of a folder that of its files' hashes, by name. Raises LogError."""
    path = Path(path)
    if path.is_dir():
        hashes = "".join(sha256(file) for file in sorted(path.iterdir()) if file.is_file())
        return hashlib.sha256(hashes.encode()).hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from error
