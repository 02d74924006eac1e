"""A small recording with two buses, FD frames, a serial line and datagrams, and nodes that hear what is played."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.log import layouts
from autonomy.log.writer import LogWriter
from drivers.can.local_bus import Hub
from drivers.can.local_message_bus import LocalBus
from tests.drivers.can.build import EXTENDED, can_frame

MS = 1_000_000
START_NS = 1_700_000_000 * 10**9
ENGINE, BRAKE = EXTENDED | 0x0CF00400, EXTENDED | 0x18F0010B


def write_log(path: Path, frames: int = 40) -> str:
    """`frames` of bus 0 every 10 ms, every fourth one of the brakes; one of bus 1 and one FD frame every 100 ms."""
    with LogWriter(path) as log:
        for number in range(frames):
            identifier = BRAKE if number % 4 == 3 else ENGINE
            content = number.to_bytes(4, "little") + b"\x20\x4e\xff\xff"
            log.write("/raw/can/0", START_NS + number * 10 * MS, can_frame(identifier, content, time_ns=START_NS))
            if number % 10 == 0:
                log.write("/raw/can/1", START_NS + number * 10 * MS, can_frame(0x123, b"\1", bus=1))
                log.write("/raw/canfd/1", START_NS + number * 10 * MS + 1, fd_frame(number))
                serial = list_rows("SerialBytes", b"$GPGGA,%02d\r\n" % number)
                log.write_batch("/raw/serial/gnss", np.array([START_NS + number * 10 * MS + 2]), serial)
                packet = list_rows("UdpPacket", b"packet %02d" % number)
                packet["destination_port"] = 2368
                log.write_batch("/raw/udp/lidar", np.array([START_NS + number * 10 * MS + 3]), packet)
    return str(path)


def fd_frame(number: int) -> np.void:
    row = np.zeros((), msg.dtype("CanFdFrame"))
    row["id"], row["bus"], row["length"] = EXTENDED | 0x18FF0000, 1, 32
    row["data"][:32] = number % 256
    return row[()]


def list_rows(message: str, data: bytes) -> np.ndarray:
    rows = np.zeros(1, layouts.short_dtype(message, len(data)))
    rows["count"], rows["data"] = len(data), np.frombuffer(data, np.uint8)
    return rows


@contextlib.contextmanager
def hubs(folder: Path, *names: str):
    """Local buses of those names, each with a node of its own that hears all."""
    made = [Hub(folder / name) for name in names]
    for hub in made:
        hub.start()
    nodes = {}
    try:
        for name, hub in zip(names, made, strict=True):
            nodes[name] = LocalBus(hub.path)
        yield nodes
    finally:
        for node in nodes.values():
            node.shutdown()
        for hub in made:
            hub.stop()
            hub.join()


def heard(node: LocalBus) -> list:
    found = []
    while (message := node.recv(0.2)) is not None:
        found.append(message)
    return found
