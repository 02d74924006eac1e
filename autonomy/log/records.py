"""MCAP records as bytes, from the specification (mcap.dev/spec): little endian, strings and maps with uint32 lengths."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

MAGIC = b"\x89MCAP0\r\n"
RECORD_HEADER = struct.Struct("<BQ")

HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
ATTACHMENT, ATTACHMENT_INDEX, STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = range(9, 16)

CHUNK_HEAD = struct.Struct("<QQQI")  # start time, end time, uncompressed size, uncompressed crc
FOOTER_BODY = struct.Struct("<QQI")  # summary start, summary offset start, summary crc
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time


def stamp(time_ns: int) -> int:
    """MCAP's times are unsigned; from 2262 on, or in a damaged log, they are below zero as int64."""
    return time_ns % 2**64


def record(opcode: int, *parts: bytes) -> bytes:
    return RECORD_HEADER.pack(opcode, sum(map(len, parts))) + b"".join(parts)


def string(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def string_map(values: Mapping[str, str]) -> bytes:
    data = b"".join(string(key) + string(value) for key, value in values.items())
    return struct.pack("<I", len(data)) + data


def header(profile: str, library: str) -> bytes:
    return record(HEADER, string(profile), string(library))


def schema(number: int, name: str, encoding: str, text: str) -> bytes:
    return record(SCHEMA, struct.pack("<H", number), string(name), string(encoding), string(text))


def channel(number: int, schema_number: int, topic: str, encoding: str, values: Mapping[str, str]) -> bytes:
    return record(CHANNEL, struct.pack("<HH", number, schema_number), string(topic), string(encoding), string_map(values))


def metadata(name: str, values: Mapping[str, str]) -> bytes:
    return record(METADATA, string(name), string_map(values))


def metadata_index(offset: int, length: int, name: str) -> bytes:
    return record(METADATA_INDEX, struct.pack("<QQ", offset, length), string(name))


def attachment(log_time_ns: int, name: str, media_type: str, data: bytes) -> bytes:
    content = struct.pack("<QQ", log_time_ns, 0) + string(name) + string(media_type) + struct.pack("<Q", len(data)) + data
    return record(ATTACHMENT, content, struct.pack("<I", zlib.crc32(content)))


def attachment_index(offset: int, length: int, log_time_ns: int, size: int, name: str, media_type: str) -> bytes:
    times = struct.pack("<QQQQQ", offset, length, log_time_ns, 0, size)
    return record(ATTACHMENT_INDEX, times, string(name), string(media_type))


def chunk(start_ns: int, end_ns: int, size: int, crc: int, compression: str, data: bytes) -> bytes:
    head = CHUNK_HEAD.pack(stamp(start_ns), stamp(end_ns), size, crc) + string(compression) + struct.pack("<Q", len(data))
    return RECORD_HEADER.pack(CHUNK, len(head) + len(data)) + head + data


def message_index(number: int, entries: bytes) -> bytes:
    return record(MESSAGE_INDEX, struct.pack("<HI", number, len(entries)), entries)


def chunk_index(start_ns: int, end_ns: int, offset: int, length: int, indexes: Mapping[int, int], index_length: int,
                compression: str, compressed_size: int, size: int) -> bytes:  # fmt: skip
    offsets = b"".join(struct.pack("<HQ", number, at) for number, at in indexes.items())
    return record(
        CHUNK_INDEX,
        struct.pack("<QQQQI", stamp(start_ns), stamp(end_ns), offset, length, len(offsets)),
        offsets,
        struct.pack("<Q", index_length),
        string(compression),
        struct.pack("<QQ", compressed_size, size),
    )


def statistics(schemas: int, channel_counts: Mapping[int, int], attachments: int, metadata_records: int, chunks: int,
               start_ns: int, end_ns: int) -> bytes:  # fmt: skip
    counts = b"".join(struct.pack("<HQ", number, count) for number, count in channel_counts.items())
    head = struct.pack("<QHIIIIQQI", sum(channel_counts.values()), schemas, len(channel_counts), attachments,
                       metadata_records, chunks, stamp(start_ns), stamp(end_ns), len(counts))  # fmt: skip
    return record(STATISTICS, head, counts)


def summary_offset(opcode: int, start: int, length: int) -> bytes:
    return record(SUMMARY_OFFSET, struct.pack("<BQQ", opcode, start, length))


def footer(summary_start: int, summary_offset_start: int, crc: int) -> bytes:
    return record(FOOTER, FOOTER_BODY.pack(summary_start, summary_offset_start, crc))


class Cursor:
    """Reads the content of one record from its front. Raises ValueError where the bytes do not suffice."""

    def __init__(self, data) -> None:
        self.data = memoryview(data)
        self.position = 0

    def take(self, length: int) -> memoryview:
        end = self.position + length
        if end > len(self.data):
            raise ValueError("record is shorter than its content")
        part = self.data[self.position : end]
        self.position = end
        return part

    def unpack(self, form: str) -> tuple:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def blob(self) -> bytes:
        return bytes(self.take(*self.unpack("I")))

    def string(self) -> str:
        return self.blob().decode()

    def string_map(self) -> dict[str, str]:
        inner = Cursor(self.take(*self.unpack("I")))
        values = {}
        while inner.position < len(inner.data):
            key = inner.string()
            values[key] = inner.string()
        return values
