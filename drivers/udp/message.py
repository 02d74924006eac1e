"""A datagram as the log keeps it: one UdpPacket message (autonomy/msg/UdpPacket.msg), as bytes or as a reader's row."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["HEAD_BYTES", "data_of", "message", "packets_of"]

HEAD = struct.Struct("<qIIHHI")  # up to its data, the length among it
HEAD_BYTES = HEAD.size


def message(time_ns: int, source: tuple[int, int], destination: tuple[int, int], data: bytes) -> bytes:
    """`source`, `destination`: IPv4 address as a number, and port."""
    return HEAD.pack(time_ns, source[0], destination[0], source[1], destination[1], len(data)) + data


def data_of(body: bytes) -> bytes:
    """The payload."""
    (count,) = struct.unpack_from("<I", body, HEAD.size - 4)
    return body[HEAD.size : HEAD.size + count]


def packets_of(messages: Iterable[tuple[int, np.void]]) -> Iterator[tuple[bytes, int]]:
    """(packet, time received in ns) as a lidar's decoder takes them, of `reader.messages("/raw/udp/...")` of a log."""
    for time_ns, row in messages:
        yield row["data"][: row["count"]].tobytes(), time_ns
