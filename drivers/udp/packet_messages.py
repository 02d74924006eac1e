"""Datagrams of lidars and radars out of the ROS messages that drivers gather them in, a scan a message.

    header, packets[]      velodyne_msgs/VelodyneScan, pandar_msgs/PandarScan, nebula_msgs/NebulaPackets

From the messages' public definitions; the bodies are CDR, little endian: fields are aligned to their own size from the body's
start, strings and sequences begin with a uint32 length.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["SCHEMAS", "Datagram", "datagrams"]

NS = 1_000_000_000
STAMP = struct.Struct("<iI")
LENGTH = struct.Struct("<I")
# Bytes of a packet's array, None where each tells its own; bytes behind it that hold how many of them are used
VELODYNE, PANDAR, NEBULA = (1206, False), (1500, True), (None, False)
SCHEMAS = {
    "velodyne_msgs/msg/VelodyneScan": VELODYNE, "velodyne_msgs/VelodyneScan": VELODYNE,
    "pandar_msgs/msg/PandarScan": PANDAR, "pandar_msgs/PandarScan": PANDAR,
    "nebula_msgs/msg/NebulaPackets": NEBULA, "nebula_msgs/NebulaPackets": NEBULA,
}  # fmt: skip


class Datagram(NamedTuple):
    """`stamp_ns`: when the driver got it; `start`, `length`: its bytes in the body."""

    stamp_ns: int
    start: int
    length: int


def datagrams(schema: str, body: bytes | memoryview) -> list[Datagram]:
    """The packets of one message, the body behind its CDR header. Raises ValueError for a body that ends early."""
    fixed, has_size = SCHEMAS[schema]
    try:
        (name_length,) = LENGTH.unpack_from(body, STAMP.size)
        at = _aligned(STAMP.size + LENGTH.size + name_length)
        (count,) = LENGTH.unpack_from(body, at)
        at += LENGTH.size
        found = []
        for _ in range(count):
            at = _aligned(at)
            second, nanosecond = STAMP.unpack_from(body, at)
            at += STAMP.size
            length = fixed
            if length is None:
                (length,) = LENGTH.unpack_from(body, at)
                at += LENGTH.size
            start, at = at, at + length
            if has_size:
                (used,) = LENGTH.unpack_from(body, _aligned(at))
                at, length = _aligned(at) + LENGTH.size, min(used, length)
            if at > len(body):
                raise ValueError(f"packet {len(found) + 1} of {count} ends behind the message")
            found.append(Datagram(second * NS + nanosecond, start, length))
    except struct.error as error:
        raise ValueError(f"the message ends early: {error}") from None
    return found


def _aligned(at: int) -> int:
    return at + (-at) % 4
