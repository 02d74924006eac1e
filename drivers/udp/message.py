"""A datagram as the log keeps it: the bytes of one UdpPacket message (autonomy/msg/UdpPacket.msg)."""

from __future__ import annotations

import struct

__all__ = ["HEAD_BYTES", "data_of", "message"]

HEAD = struct.Struct("<qIIHHI")  # up to its data, the length among it
HEAD_BYTES = HEAD.size


def message(time_ns: int, source: tuple[int, int], destination: tuple[int, int], data: bytes) -> bytes:
    """`source`, `destination`: IPv4 address as a number, and port."""
    return HEAD.pack(time_ns, source[0], destination[0], source[1], destination[1], len(data)) + data


def data_of(body: bytes) -> bytes:
    """The payload."""
    (count,) = struct.unpack_from("<I", body, HEAD.size - 4)
    return body[HEAD.size : HEAD.size + count]
