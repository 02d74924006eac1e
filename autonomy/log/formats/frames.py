"""CAN frames of a foreign recording: the channels they go to, and what the readers in plain Python collect them in.

Channel b carries the CAN frames of bus b (`/raw/can/<b>`), channel 256 + b its CAN FD frames (`/raw/canfd/<b>`).
"""

from __future__ import annotations

import struct

import numpy as np

from autonomy import msg
from autonomy.log.ordered import RECORD_DTYPE, own_channel
from autonomy.log.structure import Channel

FD_CHANNELS = 256  # as in ext/autonomy/log/formats/_frames.pxd
OTHER_CHANNELS = 512  # channels from here on carry other messages
EXTENDED = 1 << 31
TRANSMITTED, ERROR, REMOTE, BIT_RATE_SWITCH, ERROR_STATE_INDICATOR = 1, 2, 4, 8, 16  # FLAG_* of CanFrame and CanFdFrame
LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)  # data bytes by CAN FD length code
MOST_TIME_NS = 1 << 62

_HEAD = struct.Struct("<qIBBBx")
_CAN_BYTES, _FD_BYTES = 8, 64


def channel(number: int) -> Channel:
    """The channel of that number below OTHER_CHANNELS."""
    if number < FD_CHANNELS:
        return own_channel(number, f"/raw/can/{number}", "CanFrame")
    return own_channel(number, f"/raw/canfd/{number - FD_CHANNELS}", "CanFdFrame")


class FrameList:
    """Frames and other messages of one block, one by one, in the order of the file."""

    def __init__(self) -> None:
        self._records: list[tuple[int, int, int, int]] = []  # time, offset, length, channel
        self._bodies: list[bytes] = []
        self._used = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, time_ns: int, identifier: int, bus: int, flags: int, length: int, data: bytes, is_fd: bool) -> None:
        """One frame; `identifier` with bit 31 for an extended one. Raises ValueError for what no bus can carry."""
        limit = _FD_BYTES if is_fd else _CAN_BYTES
        if not 0 <= length <= limit or len(data) > limit:
            raise ValueError(f"{max(length, len(data))} data bytes")
        if not 0 <= bus < FD_CHANNELS:
            raise ValueError(f"bus {bus}")
        if not 0 <= time_ns < MOST_TIME_NS:
            raise ValueError("a time out of range")
        if not 0 <= flags <= 0xFF:
            raise ValueError(f"flags {flags}")
        if not 0 <= identifier & ~EXTENDED <= 0x1FFFFFFF:
            raise ValueError(f"identifier {identifier & ~EXTENDED:X}")
        body = _HEAD.pack(time_ns, identifier, bus, length, flags) + data.ljust(limit, b"\0")
        self.add_body(time_ns, FD_CHANNELS + bus if is_fd else bus, body)

    def add_body(self, time_ns: int, channel_number: int, body: bytes) -> None:
        """A message as the bytes behind its CDR header."""
        self._records.append((time_ns, self._used, len(body), channel_number))
        self._bodies.append(body)
        self._used += len(body)

    def content(self) -> tuple[np.ndarray, np.ndarray]:
        """(records (n,) of RECORD_DTYPE, the buffer they point into)."""
        records = np.zeros(len(self._records), RECORD_DTYPE)
        if len(records):
            columns = np.array(self._records, np.int64).T
            for name, column in zip(("log_time_ns", "offset", "length", "channel"), columns, strict=True):
                records[name] = column
            records["sequence"] = np.arange(len(records))
        return records, np.frombuffer(b"".join(self._bodies), np.uint8)


def pack(rows: np.ndarray, is_fd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Records and buffer of frames (n,) given as CanFdFrame rows, of which those not `is_fd` are CanFrame."""
    length = np.where(is_fd, rows.dtype.itemsize, msg.dtype("CanFrame").itemsize)
    offset = np.concatenate([[0], np.cumsum(length)[:-1]]) if len(rows) else np.zeros(0, np.int64)
    records = np.zeros(len(rows), RECORD_DTYPE)
    records["log_time_ns"], records["offset"], records["length"] = rows["time_ns"], offset, length
    records["sequence"] = np.arange(len(rows))
    records["channel"] = rows["bus"] + np.where(is_fd, FD_CHANNELS, 0)
    whole = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    kept = np.arange(rows.dtype.itemsize) < length[:, None]
    return records, whole[kept]
