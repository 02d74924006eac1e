"""A node of the local bus (drivers/can/local_bus.py) that moves rows: no object for each frame."""

from __future__ import annotations

import errno
import os
import select

import numpy as np

from autonomy.errors import EnvironmentFault
from drivers.can._local_source import LocalSource
from drivers.can.local_bus import connected, ready
from drivers.can.wire import local_bytes

__all__ = ["LocalTransport"]


class LocalTransport:
    """A Transport (see transport.py); one thread may receive while another one sends. Raises EnvironmentFault."""

    has_fd, hears_itself, stamps_arrival = True, False, True
    clock = "the hub's time of passing on, CLOCK_REALTIME"

    def __init__(self, channel: str):
        self._where = f"CAN interface 'local' channel '{channel}'"
        try:
            self._socket = connected(channel)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot open channel '{channel}' of CAN interface 'local': no hub answers there: {error.strerror}"
            ) from None
        self.source = LocalSource(self._socket.fileno())  # for who receives without the GIL

    def send(self, frames: np.ndarray, timeout_s: float = 0.0) -> int:
        self._check()
        for number, data in enumerate(local_bytes(frames)):
            while True:
                try:
                    self._socket.send(data)
                    break
                except BlockingIOError:
                    if not ready(self._socket, select.POLLOUT, timeout_s):
                        return number
                except OSError as error:
                    raise EnvironmentFault(f"{self._where} failed: the hub has gone: {error.strerror}") from None
        return len(frames)

    def receive(self, classic: np.ndarray, fd: np.ndarray, timeout_s: float) -> tuple[int, int]:
        self._check()
        try:
            return self.source.receive(classic.view(np.uint8), fd.view(np.uint8), round(timeout_s * 1e3))
        except OSError as error:
            raise EnvironmentFault(self.failure(error)) from None

    def failure(self, error: OSError) -> str:
        if error.errno == errno.ECONNRESET:
            return f"{self._where} failed: the hub has gone, or threw this node off because it did not read"
        return f"{self._where} failed: {os.strerror(error.errno)}"

    def lost(self) -> None:
        """The hub loses nothing: it throws off who does not read."""

    def close(self) -> None:
        self.source.close()
        self._socket.close()

    def _check(self) -> None:
        if self._socket.fileno() < 0:
            raise EnvironmentFault(f"{self._where} is closed")
