"""ROS messages that carry the packets of a lidar or radar: taken apart into what came over UDP.

Layouts: velodyne_msgs/VelodyneScan, pandar_msgs/PandarScan, nebula_msgs/NebulaPackets: each a header and a list of packets with
a stamp of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PACKET_KINDS = ("velodyne_msgs/VelodyneScan", "pandar_msgs/PandarScan", "nebula_msgs/NebulaPackets")
_FIXED_SIZE = {"velodyne_msgs/VelodyneScan": 1206, "pandar_msgs/PandarScan": 1500}


def topic_of(topic: str) -> str:
    """/sensing/lidar/front/velodyne_packets as /raw/udp/sensing_lidar_front_velodyne."""
    return f"/raw/udp/{topic.strip('/').replace('/', '_').removesuffix('_packets') or 'packets'}"


def packets(kind: str, payload: bytes, start: int, is_ros1: bool) -> Iterator[tuple[int, bytes]]:
    """(stamp in ns, packet) from the byte behind the header's frame name. Raises struct.error, ValueError."""
    at = _aligned(start, is_ros1)
    (count,) = struct.unpack_from("<I", payload, at)
    at += 4
    for _ in range(count):
        at = _aligned(at, is_ros1)
        second, nanosecond = struct.unpack_from("<II", payload, at)
        at += 8
        size = _FIXED_SIZE.get(kind)
        if size is None:
            (size,) = struct.unpack_from("<I", payload, at)
            at += 4
        packet, at = payload[at : at + size], at + size
        if len(packet) < size:
            raise ValueError("a packet that is cut")
        if kind == "pandar_msgs/PandarScan":
            at = _aligned(at, is_ros1)
            (used,) = struct.unpack_from("<I", payload, at)
            if used > size:
                raise ValueError("a packet that is longer than its room")
            packet, at = packet[:used], at + 4
        yield second * 10**9 + nanosecond, packet


def _aligned(at: int, is_ros1: bool) -> int:
    """CDR puts 4-byte numbers at multiples of four behind its header, which is four bytes itself; ROS 1 puts them anywhere."""
    return at if is_ros1 else (at + 3) // 4 * 4
