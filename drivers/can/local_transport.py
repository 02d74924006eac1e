"""A node of the local bus (drivers/can/local_bus.py) that moves rows: no object for each frame."""

from __future__ import annotations

import select

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.msg import dtype
from drivers.can.local_bus import connected, ready
from drivers.can.wire import local_bytes

__all__ = ["LocalTransport"]

CAN_FRAME, CAN_FD_FRAME = dtype("CanFrame"), dtype("CanFdFrame")


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
        count = fd_count = 0
        if not ready(self._socket, select.POLLIN, timeout_s):
            return 0, 0
        while count < len(classic) and fd_count < len(fd):
            try:
                data = self._socket.recv(CAN_FD_FRAME.itemsize)
            except BlockingIOError:
                break
            except OSError as error:
                raise EnvironmentFault(f"{self._where} failed: {error.strerror}") from None
            if not data:
                if count + fd_count:
                    break  # told by the next call
                raise EnvironmentFault(f"{self._where} failed: the hub has gone, or threw this node off because it did not read")
            if len(data) == CAN_FD_FRAME.itemsize:
                fd[fd_count] = np.frombuffer(data, CAN_FD_FRAME)[0]
                fd_count += 1
            else:
                classic[count] = np.frombuffer(data, CAN_FRAME)[0]
                count += 1
        return count, fd_count

    def lost(self) -> None:
        """The hub loses nothing: it throws off who does not read."""

    def close(self) -> None:
        self._socket.close()

    def _check(self) -> None:
        if self._socket.fileno() < 0:
            raise EnvironmentFault(f"{self._where} is closed")
