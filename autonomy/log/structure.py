"""Finds its way through an MCAP file, whole, cut or without index: where the chunks lie and what the file declares.

The data section is walked record by record, over the chunks without opening them, so what a file holds does not hang
on its summary. The summary, when it is sound, only spares opening chunks to learn their channels and counts.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Container
from dataclasses import dataclass, field, replace

from autonomy.errors import LogError
from autonomy.log import records
from autonomy.log._mcap import count_messages, definitions
from autonomy.log.records import Cursor

LARGEST_CHUNK = 1 << 28  # a chunk that claims more is taken for garbage
_HEAD_BYTES = 128  # enough for the head of a chunk or message
_LOOSE_BYTES = 1 << 20  # messages outside chunks are read in pieces of about this size


@dataclass(frozen=True)
class Section:
    """Records that are read at once: a chunk, or a run of messages outside chunks."""

    start_ns: int
    end_ns: int
    offset: int  # of the (compressed) records in the file
    length: int
    compression: str | None  # None for records outside a chunk
    size: int  # uncompressed
    crc: int  # 0 = not given
    channels: frozenset[int] | None = None  # ids it has messages of, from its indexes; None = not known


@dataclass(frozen=True)
class Channel:
    id: int
    topic: str
    schema: str
    encoding: str
    schema_encoding: str
    schema_text: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attachment:
    name: str
    media_type: str
    log_time_ns: int
    offset: int  # of the record's content in the file
    length: int


@dataclass
class Structure:
    sections: list[Section] = field(default_factory=list)
    beyond: list[Section] = field(default_factory=list)  # sound ones behind a damaged one
    damaged: list[Section] = field(default_factory=list)
    end: int = 0  # the data section was followed up to this byte
    channels: dict[int, Channel] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    counts: dict[int, int] | None = None  # messages by channel id, from the summary
    library: str = ""
    problem: str | None = None  # why the file does not end as it should
    schemas: dict[int, tuple[str, str, str]] = field(default_factory=dict)


class Source:
    """The file, read at offsets; bounded memory."""

    def __init__(self, path: os.PathLike) -> None:
        self.path = path
        try:
            self.file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by the reader
            self.size = os.fstat(self.file.fileno()).st_size
            self.read(0, 1)
        except OSError as error:
            raise LogError(f"cannot read {path}: {error.strerror}") from error

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self.file.fileno(), length, offset)


def examine(source: Source) -> Structure:
    """What the file holds. Raises LogError when it is no MCAP file at all."""
    found = Structure()
    magic = source.read(0, len(records.MAGIC))
    if source.size == 0:
        raise LogError(f"{source.path} is empty")
    if magic != records.MAGIC:
        raise LogError(f"{source.path} is not an MCAP file: it does not begin with the MCAP signature")
    _walk(source, found)
    if found.problem is not None or not _read_summary(source, found):
        _open_sections(source, found)
    return found


def load(source: Source, section: Section) -> bytes:
    """The uncompressed records of a section. Raises ValueError with the reason when they are not sound."""
    data = source.read(section.offset, section.length)
    if len(data) != section.length:
        raise ValueError("the file ends within it")
    if section.compression is None:
        return data
    data = _decompress(data, section)
    if len(data) != section.size:
        raise ValueError(f"it unpacks to {len(data)} bytes where {section.size} were announced")
    if section.crc and zlib.crc32(data) != section.crc:
        raise ValueError("its checksum does not match")
    return data


def _decompress(data: bytes, section: Section) -> bytes:
    if section.compression == "lz4":
        from lz4.frame import LZ4FrameDecompressor

        try:
            # One byte more than announced is asked for, so that a lie about the size shows
            return LZ4FrameDecompressor().decompress(data, max_length=section.size + 1)
        except (RuntimeError, EOFError) as error:
            raise ValueError(f"it cannot be unpacked ({error})") from error
    if section.compression == "zstd":
        from zstandard import ZstdDecompressor, ZstdError

        try:
            return ZstdDecompressor().stream_reader(data, read_across_frames=True).read(section.size + 1)
        except ZstdError as error:
            raise ValueError(f"it cannot be unpacked ({error})") from error
    return data


def _walk(source: Source, found: Structure) -> None:
    position = len(records.MAGIC)
    loose: list[int] | None = None  # start, end, start_ns, end_ns of a run of messages outside chunks
    indexed: set[int] = set()  # channels of the message indexes behind the last chunk
    known: dict[frozenset[int], frozenset[int]] = {}  # one object for the many chunks with the same channels

    def end_run() -> None:
        nonlocal loose
        if loose is not None:
            start, end, start_ns, end_ns = loose
            found.sections.append(Section(start_ns, end_ns, start, end - start, None, end - start, 0))
            loose = None

    def end_indexes() -> None:
        if indexed:
            channels = frozenset(indexed)
            found.sections[-1] = replace(found.sections[-1], channels=known.setdefault(channels, channels))
            indexed.clear()

    while True:
        head = source.read(position, _HEAD_BYTES)
        if len(head) < records.RECORD_HEADER.size:
            found.problem = f"the file ends at byte {source.size}, before the data end record"
            break
        opcode, length = records.RECORD_HEADER.unpack_from(head)
        body = position + records.RECORD_HEADER.size
        if length > source.size - body:
            found.problem = f"the record at byte {position} ends beyond the file's {source.size} bytes"
            break
        if opcode == records.MESSAGE_INDEX and length >= 2 and loose is None and found.sections:
            indexed.add(int.from_bytes(head[records.RECORD_HEADER.size :][:2], "little"))
            position = body + length
            continue
        end_indexes()  # only now: those of a cut file may not be all
        if opcode == records.MESSAGE and length >= records.MESSAGE_HEAD.size:
            _, _, time_ns, _ = records.MESSAGE_HEAD.unpack_from(head, records.RECORD_HEADER.size)
            if loose is None or body + length - loose[0] > _LOOSE_BYTES:
                end_run()
                loose = [position, 0, time_ns, time_ns]
            loose[1:] = body + length, min(loose[2], time_ns), max(loose[3], time_ns)
            position = body + length
            continue
        end_run()
        try:
            if opcode == records.DATA_END:
                _check_end(source, found)
                break
            _take(source, found, opcode, body, length, head)
        except (ValueError, OSError) as error:
            found.problem = f"the record at byte {position} is damaged ({error})"
            break
        position = body + length
    end_run()
    found.end = position


def _check_end(source: Source, found: Structure) -> None:
    if source.read(source.size - len(records.MAGIC), len(records.MAGIC)) != records.MAGIC:
        found.problem = "the data is complete, the summary behind it is cut"


def _take(source: Source, found: Structure, opcode: int, body: int, length: int, head: bytes) -> None:
    if opcode == records.CHUNK:
        cursor = Cursor(head[records.RECORD_HEADER.size :])
        start_ns, end_ns, size, crc = cursor.unpack("QQQI")
        compression = cursor.string()
        (packed,) = cursor.unpack("Q")
        if cursor.position + packed != length:
            raise ValueError("the chunk's lengths disagree")
        if compression not in ("", "lz4", "zstd"):
            raise ValueError(f"compression '{compression}' is not known")
        if max(size, packed) > LARGEST_CHUNK or (not compression and size != packed):
            raise ValueError(f"the chunk claims {size} bytes")
        found.sections.append(Section(start_ns, end_ns, body + cursor.position, packed, compression, size, crc))
    elif opcode == records.ATTACHMENT:
        cursor = Cursor(source.read(body, min(length, 1 << 16)))
        log_time_ns, _ = cursor.unpack("QQ")
        name, media_type = cursor.string(), cursor.string()
        (size,) = cursor.unpack("Q")
        if cursor.position + size + 4 != length:
            raise ValueError("the attachment's lengths disagree")
        found.attachments.append(Attachment(name, media_type, log_time_ns, body, length))
    elif opcode in (records.HEADER, records.SCHEMA, records.CHANNEL, records.METADATA):
        if length > LARGEST_CHUNK:
            raise ValueError(f"it claims {length} bytes")
        _define(found, opcode, source.read(body, length))
    elif opcode == 0:
        raise ValueError("no record begins with zero")


def _define(found: Structure, opcode: int, content) -> None:
    cursor = Cursor(content)
    if opcode == records.HEADER:
        cursor.string()
        found.library = cursor.string()
    elif opcode == records.SCHEMA:
        (number,) = cursor.unpack("H")
        name, encoding, text = cursor.string(), cursor.string(), cursor.blob().decode(errors="replace")
        found.schemas[number] = name, encoding, text
    elif opcode == records.CHANNEL:
        number, schema = cursor.unpack("HH")
        topic, encoding = cursor.string(), cursor.string()
        name, schema_encoding, text = found.schemas.get(schema, ("", "", ""))
        found.channels[number] = Channel(number, topic, name, encoding, schema_encoding, text, cursor.string_map())
    elif opcode == records.METADATA:
        name, values = cursor.string(), cursor.string_map()
        if found.metadata.get(name) != values:
            found.metadata[unused(name, found.metadata)] = values


def unused(name: str, taken: Container[str]) -> str:
    """The name, or "name#2", "name#3" ... where it is taken: MCAP allows several records of one name."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    return candidate


def _read_summary(source: Source, found: Structure) -> bool:
    """Takes channels and counts from the summary; False when it is absent, damaged or silent about them."""
    tail = len(records.MAGIC) + records.RECORD_HEADER.size + records.FOOTER_BODY.size
    if source.size < len(records.MAGIC) + tail:
        return False
    footer = source.read(source.size - tail, tail)
    opcode, length = records.RECORD_HEADER.unpack_from(footer)
    start, _, crc = records.FOOTER_BODY.unpack_from(footer, records.RECORD_HEADER.size)
    if opcode != records.FOOTER or length != records.FOOTER_BODY.size or not 0 < start <= source.size - tail:
        return False
    if source.size - tail - start > LARGEST_CHUNK:
        return False
    summary = source.read(start, source.size - tail - start)
    if crc and zlib.crc32(footer[: -len(records.MAGIC) - 4], zlib.crc32(summary)) != crc:
        return False
    told = Structure(schemas=dict(found.schemas), channels=dict(found.channels))
    channel_count = None
    position = 0
    try:
        while position < len(summary):
            opcode, length = records.RECORD_HEADER.unpack_from(summary, position)
            position += records.RECORD_HEADER.size
            content = memoryview(summary)[position : position + length]
            if opcode in (records.SCHEMA, records.CHANNEL):
                _define(told, opcode, content)
            elif opcode == records.STATISTICS:
                cursor = Cursor(content)
                _, _, channel_count, *_ = cursor.unpack("QHIIIIQQ")
                pairs = Cursor(cursor.blob())
                told.counts = dict(pairs.unpack("HQ") for _ in range(len(pairs.data) // 10))
            position += length
    except (ValueError, OSError, KeyError):
        return False
    except records.struct.error:
        return False
    if channel_count is None or channel_count != len(told.channels):
        return False
    found.schemas, found.channels, found.counts = told.schemas, told.channels, told.counts
    return True


def _open_sections(source: Source, found: Structure) -> None:
    """Learns the channels from the chunks themselves, and which of them are damaged."""
    sound: list[Section] = []
    for section in found.sections:
        try:
            if section.compression is not None:
                data = load(source, section)
                if count_messages(data)[1] != len(data):
                    raise ValueError("its records do not fill it")
                for opcode, offset, length in definitions(data):
                    _define(found, opcode, memoryview(data)[offset : offset + length])
        except ValueError as error:
            if not found.damaged:
                found.problem = f"the chunk at byte {section.offset} is damaged: {error}"
            found.damaged.append(section)
        else:
            (found.beyond if found.damaged else sound).append(section)
    found.sections = sound
