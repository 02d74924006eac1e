"""One CAN bus as whoever moves many frames sees it: batches of rows out and in, what was lost, an end.

    transport = open_transport("socketcan", "can0")
    taken = transport.send(frames, timeout_s=0.1)             # rows of CanFrame or of CanFdFrame
    count, fd_count = transport.receive(classic, fd, 0.1)     # fills rows of both, in the order in which they came
    transport.lost()                                          # frames thrown away on our side, None where nobody tells

`socketcan` is ours (drivers/can/socketcan.py), `local` a hub between processes (local_transport.py), `process` a bus between the
threads of one process (_process_bus), everything else python-can's. All of them keep the contract of
tests/drivers/can/test_transport_contract.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from autonomy.msg import dtype
from drivers.can.live_bus import LOCAL

__all__ = ["Transport", "open_transport", "room", "rows_of"]

CAN_FRAME, CAN_FD_FRAME = dtype("CanFrame"), dtype("CanFdFrame")


class Transport(Protocol):
    """Every method raises EnvironmentFault once the bus has failed or is closed."""

    has_fd: bool
    hears_itself: bool  # what this node sends comes back to it, as from no real bus
    clock: str  # in words: whose time a received frame's time_ns is
    stamps_arrival: bool  # that time is CLOCK_REALTIME when the frame came, however late it is read

    def send(self, frames: np.ndarray, timeout_s: float = 0.0) -> int:
        """How many of the frames, in order, the bus took; fewer than all when it stayed full for that long."""
        ...

    def receive(self, classic: np.ndarray, fd: np.ndarray, timeout_s: float) -> tuple[int, int]:
        """Fills rows from their starts; (how many CanFrame, how many CanFdFrame). Waits for the first frame as long as that."""
        ...

    def lost(self) -> int | None: ...

    def close(self) -> None: ...


def room(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to receive into: (CanFrame, CanFdFrame)."""
    return np.zeros(count, CAN_FRAME), np.zeros(count, CAN_FD_FRAME)


def rows_of(frames: Iterable[tuple[int, bytes]]) -> np.ndarray:
    """CanFrame rows (n,) of (identifier with its bit 31, data of at most 8 bytes)."""
    given = list(frames)
    rows = np.zeros(len(given), CAN_FRAME)
    for row, (identifier, data) in zip(rows, given, strict=True):
        row["id"], row["length"] = identifier, len(data)
        row["data"][: len(data)] = np.frombuffer(data, np.uint8)
    return rows


def open_transport(interface: str, channel: str, bit_rate: int | None = None) -> Transport:
    """Raises EnvironmentFault."""
    if interface == "socketcan":
        from drivers.can.socketcan import SocketCan

        return SocketCan(channel)
    if interface == LOCAL:
        from drivers.can.local_transport import LocalTransport

        return LocalTransport(channel)
    if interface == "process":
        from drivers.can._process_bus import ProcessNode

        return ProcessNode(channel)
    from drivers.can.python_can_transport import PythonCanTransport  # a second to load, with all formats it knows

    return PythonCanTransport(interface, channel, bit_rate)
