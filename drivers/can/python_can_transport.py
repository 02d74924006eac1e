"""python-can's interfaces as a transport of ours."""

from __future__ import annotations

import can
import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.msg import dtype
from drivers.can.live_bus import LiveBus, open_bus
from drivers.can.local_message_bus import packed, unpacked
from drivers.can.wire import local_bytes

__all__ = ["PythonCanTransport"]

CAN_FRAME, CAN_FD_FRAME = dtype("CanFrame"), dtype("CanFdFrame")


class PythonCanTransport:
    """Any bus that python-can has, one frame at a time."""

    stamps_arrival = False  # each interface has a rule of its own
    clock = "the interface's, CLOCK_REALTIME where it keeps to python-can's rule"

    def __init__(self, interface: str, channel: str, bit_rate: int | None = None):
        self._where = f"CAN interface '{interface}' channel '{channel}'"
        self._bus: can.BusABC | None = open_bus(interface, channel, bit_rate)
        self.has_fd = self._bus.protocol in (can.CanProtocol.CAN_FD, can.CanProtocol.CAN_FD_NON_ISO) or interface == "virtual"
        self.hears_itself = interface == "udp_multicast"
        self._counter = LiveBus(self._bus, interface, channel)

    def send(self, frames: np.ndarray, timeout_s: float = 0.0) -> int:
        bus = self._open()
        for number, data in enumerate(local_bytes(frames)):
            try:
                bus.send(unpacked(data.tobytes()), timeout=timeout_s)
            except can.CanOperationError as error:
                if "took nothing" in str(error):
                    return number
                raise EnvironmentFault(f"{self._where} failed: {error}") from error
            except (can.CanError, OSError, ValueError) as error:
                raise EnvironmentFault(f"{self._where} failed: {error}") from error
        return len(frames)

    def receive(self, classic: np.ndarray, fd: np.ndarray, timeout_s: float) -> tuple[int, int]:
        bus, count, fd_count = self._open(), 0, 0
        try:
            while count < len(classic) and fd_count < len(fd) and (message := bus.recv(timeout_s)) is not None:
                row = np.frombuffer(packed(message), CAN_FD_FRAME if message.is_fd else CAN_FRAME)
                target, place = (fd, fd_count) if message.is_fd else (classic, count)
                target[place] = row[0]
                target[place]["time_ns"] = round(message.timestamp * 1e6) * 1000
                count, fd_count = count + (not message.is_fd), fd_count + message.is_fd
                timeout_s = 0.0
        except (can.CanError, OSError, ValueError) as error:
            raise EnvironmentFault(f"{self._where} failed: {error}") from error
        return count, fd_count

    def lost(self) -> int | None:
        return self._counter.lost()

    def close(self) -> None:
        if self._bus is not None:
            self._bus.shutdown()
        self._bus = None

    def _open(self):
        if self._bus is None:
            raise EnvironmentFault(f"{self._where} is closed")
        return self._bus
