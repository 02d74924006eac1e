"""Datagrams through rings: a datagram lies in as many slots as it needs, one behind the other, and is put together again behind.

    push(ring, received, port, sensor)      # in the process that owns the socket
    rows, sensors = joiner.join(parts)      # in the one that reads the ring
"""

from __future__ import annotations

import struct

import numpy as np

from autonomy.log import layouts
from drivers.ring import Ring
from drivers.udp.receiver import Received

__all__ = ["DATAGRAM_PART", "Joiner", "of_one_length", "push"]

PART_BYTES = 2008  # a lidar's packet is 500 to 1 500 bytes: one slot
DATAGRAM_PART = np.dtype([("time_ns", "<i8"), ("source_address", "<u4"), ("destination_address", "<u4"), ("source_port", "<u2"),
                          ("destination_port", "<u2"), ("total", "<u4"), ("count", "<u4"), ("sensor", "<u4"), ("first", "<u8"),
                          ("data", "u1", (PART_BYTES,))])  # fmt: skip
PART_HEAD = struct.Struct("<qIIHHIIIQ")
HEAD_FIELDS = ("time_ns", "source_address", "destination_address", "source_port", "destination_port")


def push(ring: Ring, item: Received, port: int, sensor: int) -> bool:
    """All of a datagram that came to `port` of a sensor of a number, or, when not all of it has room, nothing and False."""
    parts = max(-(-len(item.data) // PART_BYTES), 1)
    if ring.slots - len(ring) < parts:
        return False
    for number in range(parts):
        part = item.data[number * PART_BYTES : (number + 1) * PART_BYTES]
        head = PART_HEAD.pack(item.time_ns, item.source_address, 0, item.source_port, port, len(item.data), len(part), sensor,
                              number)  # fmt: skip
        ring.push((head + part).ljust(DATAGRAM_PART.itemsize, b"\0"))
    return True


class Joiner:
    """Of one ring: the parts of a datagram that is not whole yet wait for the rest."""

    def __init__(self) -> None:
        self._waiting = np.zeros(0, DATAGRAM_PART)

    def join(self, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whole datagrams as rows of UdpPacket, as long as the longest, and the numbers of their sensors."""
        parts = np.concatenate([self._waiting, parts])
        starts = np.flatnonzero(parts["first"] == 0)
        self._waiting = parts[:0]
        if not len(starts):
            return np.zeros(0, layouts.short_dtype("UdpPacket", 1)), parts["sensor"][:0]
        ends = np.append(starts[1:], len(parts))
        if int(parts["count"][starts[-1] :].sum()) != int(parts["total"][starts[-1]]):
            self._waiting = parts[starts[-1] :].copy()
            starts, ends = starts[:-1], ends[:-1]
        rows = np.zeros(len(starts), layouts.short_dtype("UdpPacket", max(int(parts["total"].max(initial=1)), 1)))
        for name in HEAD_FIELDS:
            rows[name] = parts[name][starts]
        rows["count"] = parts["total"][starts]
        single = np.flatnonzero(ends - starts == 1)
        room = min(rows["data"].shape[1], PART_BYTES)
        rows["data"][single, :room] = parts["data"][starts[single], :room]  # behind their end they are zero
        for place in np.flatnonzero(ends - starts > 1).tolist():
            content = np.concatenate([part["data"][: part["count"]] for part in parts[starts[place] : ends[place]]])
            rows["data"][place, : len(content)] = content
        return rows, parts["sensor"][starts]


def of_one_length(blocks: list[np.ndarray]) -> np.ndarray:
    """Rows of UdpPacket of several lengths, one behind the other, with room for the longest."""
    room = max((block["data"].shape[1] for block in blocks), default=1)
    rows = np.zeros(sum(map(len, blocks)), layouts.short_dtype("UdpPacket", room))
    first = 0
    for block in blocks:
        part = rows[first : first + len(block)]
        for name in (*HEAD_FIELDS, "count"):
            part[name] = block[name]
        part["data"][:, : block["data"].shape[1]] = block["data"]
        first += len(block)
    return rows
