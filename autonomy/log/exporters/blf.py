"""Raw CAN as Vector binary log: times to the nanosecond after a start time in milliseconds."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from autonomy.log.exporters import raw_can
from autonomy.log.formats import blf
from autonomy.log.formats import frames as can
from autonomy.log.reader import LogReader

CONTAINER_BYTES = 128 << 10
HEADER_BYTES = 144
_HEAD = struct.Struct("<4sHHLLLHHQ")  # object and its version 1 header: flags (2 = ns), client, version, time
_CAN = struct.Struct("<HBBL8s")  # channel, flags, length code, identifier, data
_CAN_FD = struct.Struct("<HBBLLBBB5x64s")  # ..., frame length, bits, CAN FD flags, bytes, data
_ERROR = struct.Struct("<HHLBBBxLLH2x8s")  # channel, length, flags, code, position, length code, frame length, identifier
_CAN_MESSAGE, _CAN_ERROR_EXT, _CAN_FD_MESSAGE = 1, 73, 100
_NANOSECONDS, _SENT, _REMOTE, _EXTENDED = 2, 1, 0x80, 1 << 31


class Blf(raw_can.Exporter):
    def __init__(self, path: Path, reader: LogReader) -> None:
        super().__init__(path, reader)
        self._file = path.open("wb")
        self._pending: list[bytes] = []
        self._pending_bytes = self._objects = 0
        self._unpacked = HEADER_BYTES
        self._start_ns = self._last_ns = 0

    def begin(self, start_ns: int) -> None:
        self._start_ns = raw_can.start_of(start_ns, self.is_utc)
        self._file.write(self._header(0))

    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        for time_ns, identifier, extended, bus, length, flags, data, fd in raw_can.columns(rows, is_fd):
            number = identifier | (_EXTENDED if extended else 0)
            marks = (_SENT if flags & can.TRANSMITTED else 0) | (_REMOTE if flags & can.REMOTE else 0)
            if flags & can.ERROR:
                if fd or flags & can.TRANSMITTED:
                    self.notes["error frames whose kind or direction was not kept"] += 1
                kind = _CAN_ERROR_EXT
                body = _ERROR.pack(bus + 1, 0, 0, 0, 0, min(length, 8), 0, number, 0, data[:8])
            elif fd:
                code = raw_can.length_code(length)
                if code is None:
                    self.left_out["CAN FD frames of a length that has no code"] += 1
                    continue
                bits = 1 | (2 if flags & can.BIT_RATE_SWITCH else 0) | (4 if flags & can.ERROR_STATE_INDICATOR else 0)
                kind = _CAN_FD_MESSAGE
                body = _CAN_FD.pack(bus + 1, marks, code, number, 0, 0, bits, length, data)
            else:
                kind = _CAN_MESSAGE
                body = _CAN.pack(bus + 1, marks, length, number, b"" if flags & can.REMOTE else data)
            self._add(kind, time_ns, body)

    def close(self) -> None:
        self._flush()
        size = self._file.tell()
        self._file.seek(0)
        self._file.write(self._header(size))
        self._file.close()

    def abandon(self) -> None:
        self._file.close()

    def _add(self, kind: int, time_ns: int, body: bytes) -> None:
        size = _HEAD.size + len(body)
        head = _HEAD.pack(b"LOBJ", _HEAD.size, 1, size, kind, _NANOSECONDS, 0, 0, time_ns - self._start_ns)
        self._pending.append(head + body + b"\0" * (size % 4))
        self._pending_bytes += size + size % 4
        self._objects += 1
        self._last_ns = max(self._last_ns, time_ns)
        if self._pending_bytes >= CONTAINER_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        content = b"".join(self._pending)
        packed = zlib.compress(content, 6)
        size = blf.OBJECT.size + blf.CONTAINER.size + len(packed)
        self._file.write(blf.OBJECT.pack(b"LOBJ", blf.OBJECT.size, 1, size, blf.LOG_CONTAINER))
        self._file.write(blf.CONTAINER.pack(blf.DEFLATED, len(content)) + packed + b"\0" * (size % 4))
        self._unpacked += blf.OBJECT.size + blf.CONTAINER.size + len(content)
        self._pending, self._pending_bytes = [], 0

    def _header(self, size: int) -> bytes:
        versions = (0, 0, 0, 0, 2, 6, 8, 1)  # application, then the version of the format that this layout is of
        last_ns = self._last_ns if self.is_utc else 0
        return blf.HEADER.pack(
            blf.MAGIC, HEADER_BYTES, *versions, size, self._unpacked, self._objects, 0,
            *_system_time(self._start_ns), *_system_time(last_ns),
        ).ljust(HEADER_BYTES, b"\0")  # fmt: skip


def _system_time(time_ns: int) -> tuple[int, ...]:
    """SYSTEMTIME in UTC; zeros for a clock that does not know the date."""
    if not time_ns:
        return (0,) * 8
    date = datetime.fromtimestamp(time_ns // 10**9, UTC)
    milliseconds = time_ns // raw_can.MS_NS % 1000
    return date.year, date.month, date.isoweekday() % 7, date.day, date.hour, date.minute, date.second, milliseconds


export = partial(raw_can.export, Blf)
