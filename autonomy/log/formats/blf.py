"""Vector binary log (BLF): objects in containers packed with zlib; an object may go on in the next container."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.errors import LogError
from autonomy.log.formats import _blf, systemtime
from autonomy.log.formats.recording import BLOCK_BYTES, UTC, Block, FileRecording
from autonomy.log.ordered import RECORD_DTYPE

NAME = "BLF"
MAGIC = b"LOGG"
LOG_CONTAINER = 10
LARGEST_OBJECT = 1 << 28  # one that claims more is taken for garbage

HEADER = struct.Struct("<4sL8B2Q2L8H8H")  # magic, size, versions, file size, unpacked size, objects, read, start, stop
OBJECT = struct.Struct("<4sHHLL")  # LOBJ, header size, header version, size, type
CONTAINER = struct.Struct("<H6xL4x")  # compression, unpacked size
STORED, DEFLATED = 0, 2

ODD = ("objects with an unknown header", "objects shorter than their type", "times out of range",
       "lengths above what a frame can hold")  # fmt: skip
_NOTES = (3,)

# Objects that often stand in logs; others are told by number
TYPES = {3: "overload frame", 4: "CAN statistics", 5: "trigger", 11: "LIN", 31: "CAN driver error", 57: "LIN", 65: "text",
         71: "Ethernet", 72: "system variable", 92: "comment", 96: "marker", 120: "Ethernet"}  # fmt: skip


class Place(NamedTuple):
    offset: int  # of the next object in the file
    begun: bytes  # of an object whose rest is in the next container


LATEST_START_NS = 1 << 62  # in 2116: the kernel adds as much again


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith(MAGIC)


def open_format(path: Path) -> Blf:
    return Blf(path)


class Blf(FileRecording):
    """Blocks are whole containers, about a megabyte unpacked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME)
        head = self.bytes_at(0, HEADER.size)
        if len(head) < HEADER.size:
            self.close()
            raise LogError(f"{path} ends within the header of a BLF file")
        _, header_size, *versions, told_size, _, _, _ = (values := HEADER.unpack(head))[:14]
        self._told_size = told_size
        self._start_ns = _start(values[14:22])
        self.details["application"] = f"{versions[0]} version {versions[1]}.{versions[2]}.{versions[3]}"
        if self._start_ns:
            self.clock = UTC
            self.details["start"] = systemtime.NOTE
        self.first = Place(max(header_size, HEADER.size), b"")

    def read(self, place: Place, is_first_time: bool) -> Block:
        data, offset, problem = self._unpack(place)
        room = len(data) // 32 + 1
        records = np.empty(room, RECORD_DTYPE)
        bodies = np.empty(room * 80, np.uint8)
        others, odd = np.zeros(256, np.int64), np.zeros(len(ODD), np.int64)
        count, used, position, sound = _blf.parse(np.frombuffer(data, np.uint8), self._start_ns, records, bodies, others, odd)
        if is_first_time:
            for kind in np.flatnonzero(others).tolist():
                self.unused[f"objects of type {kind} ({TYPES.get(kind, 'not CAN')})"] += int(others[kind])
            for number, reason in enumerate(ODD):
                (self.notes if number in _NOTES else self.unused)[reason] += int(odd[number])
        if not sound:
            problem = f"no object begins where one should, in the container that ends at byte {offset}"
        following = Place(offset, data[position:]) if problem is None and offset < self.size else None
        if following is None and problem is None:
            if len(data) - position >= OBJECT.size:
                problem = "the file ends within an object"
            elif self._told_size > self.size:
                problem = f"its header tells of {self._told_size} bytes, there are {self.size}"
        return Block(records[:count], bodies[:used].copy(), following, problem)

    def _unpack(self, place: Place) -> tuple[bytes, int, str | None]:
        """Unpacked objects from a place on, about BLOCK_BYTES; (objects, where to go on, why not)."""
        parts, length, offset = [place.begun], len(place.begun), place.offset
        begun = length
        while length - begun < BLOCK_BYTES and offset < self.size:
            window = self.bytes_at(offset, OBJECT.size + 4)
            skipped = window.find(b"LOBJ")
            if not 0 <= skipped <= 4:
                if not window.strip(b"\0") and offset + len(window) >= self.size:
                    return b"".join(parts), self.size, None  # padding at the end
                return b"".join(parts), offset, self._broken(offset, len(window))
            offset += skipped
            if len(window) - skipped < OBJECT.size:
                return b"".join(parts), offset, f"the file ends at byte {self.size}, within the object at byte {offset}"
            _, _, _, size, kind = OBJECT.unpack_from(window, skipped)
            if not OBJECT.size <= size <= LARGEST_OBJECT:
                return b"".join(parts), offset, f"the object at byte {offset} claims {size} bytes"
            content = self.bytes_at(offset, size)
            problem = None
            if len(content) < size:
                problem = f"the file ends at byte {self.size}, within the object at byte {offset}"
            if kind == LOG_CONTAINER:
                try:
                    part = _inflate(content)
                except ValueError as error:
                    return b"".join(parts), offset, f"the container at byte {offset} is damaged: {error}"
            else:
                part = content
            parts.append(part)
            length += len(part)
            offset += len(content)
            if problem:
                return b"".join(parts), offset, problem
        return b"".join(parts), offset, None

    def _broken(self, offset: int, length: int) -> str:
        if length < OBJECT.size:
            return f"the file ends at byte {self.size}, within the object at byte {offset}"
        return f"no object begins at byte {offset}"


def _inflate(container: bytes) -> bytes:
    """The objects of a container, as far as it goes when it is cut. Raises ValueError."""
    if len(container) < OBJECT.size + CONTAINER.size:
        return b""
    method, size = CONTAINER.unpack_from(container, OBJECT.size)
    packed = memoryview(container)[OBJECT.size + CONTAINER.size :]
    if method == STORED:
        return bytes(packed)
    if method != DEFLATED:
        raise ValueError(f"compression {method} is not known")
    if size > LARGEST_OBJECT:
        raise ValueError(f"it claims {size} bytes")
    try:
        # Writers that leave the size out get a bound that no writer reaches
        return zlib.decompressobj().decompress(packed, size or LARGEST_OBJECT)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _start(system_time: tuple[int, ...]) -> int:
    """SYSTEMTIME (year, month, weekday, day, hour, minute, second, ms) as ns since 1970; 0 when it is none."""
    year, month, _, day, hour, minute, second, millisecond = system_time
    try:
        start_ns = systemtime.nanoseconds(datetime(year, month, day, hour, minute, second, millisecond * 1000))
    except ValueError:
        return 0
    return start_ns if 0 <= start_ns < LATEST_START_NS else 0
