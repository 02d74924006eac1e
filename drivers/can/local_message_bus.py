"""A node of the local bus (drivers/can/local_bus.py) as one of python-can's, and its messages as the bytes of our frames.

Apart from the hub and from our own transport: what drives a vehicle need not load python-can.
"""

from __future__ import annotations

import select

import can
import numpy as np

from autonomy.msg import constants, dtype
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.local_bus import connected, ready
from drivers.can.tables import EXTENDED

__all__ = ["LocalBus", "packed", "unpacked"]

CAN_FRAME, CAN_FD_FRAME = dtype("CanFrame"), dtype("CanFdFrame")
BIT_RATE_SWITCH, ERROR_STATE = (constants("CanFdFrame")[f"FLAG_{name}"] for name in ("BIT_RATE_SWITCH", "ERROR_STATE_INDICATOR"))
NS = 1_000_000_000


class LocalBus(can.BusABC):
    """A node. `channel`: the hub's socket. Own frames do not come back."""

    def __init__(self, channel: str, **options):
        self.channel_info = f"local {channel}"
        try:
            self._socket = connected(channel)
        except OSError as error:
            raise can.CanInitializationError(f"no hub answers at {channel}: {error.strerror}") from error
        self._can_protocol = can.CanProtocol.CAN_FD
        super().__init__(channel=channel, **options)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Raises CanOperationError when the hub takes nothing within `timeout` seconds (None: waits)."""
        data = packed(msg)
        try:
            while True:
                try:
                    self._socket.send(data)
                    return
                except BlockingIOError:
                    if not ready(self._socket, select.POLLOUT, timeout):
                        raise can.CanOperationError(f"the hub took nothing for {timeout} s") from None
        except OSError as error:
            raise can.CanOperationError(f"the hub at {self.channel_info} has gone: {error.strerror}") from error

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if not ready(self._socket, select.POLLIN, timeout):
            return None, False
        try:
            data = self._socket.recv(CAN_FD_FRAME.itemsize)
        except BlockingIOError:
            return None, False
        except OSError as error:
            raise can.CanOperationError(f"{self.channel_info}: {error.strerror}") from error
        if not data:
            raise can.CanOperationError(f"{self.channel_info}: the hub has gone, or threw this node off because it did not read")
        return unpacked(data), False

    def shutdown(self) -> None:
        super().shutdown()
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()


def packed(message: can.Message) -> bytes:
    """The bytes of a CanFrame, or of a CanFdFrame."""
    row = np.zeros((), CAN_FD_FRAME if message.is_fd else CAN_FRAME)
    row["id"] = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
    row["length"] = message.dlc
    row["flags"] = ERROR * message.is_error_frame | REMOTE * message.is_remote_frame
    if message.is_fd:
        row["flags"] |= BIT_RATE_SWITCH * message.bitrate_switch | ERROR_STATE * message.error_state_indicator
    row["data"][: len(message.data)] = np.frombuffer(message.data, np.uint8)
    return row.tobytes()


def unpacked(data: bytes) -> can.Message:
    """The message of the bytes of a CanFrame or CanFdFrame; its time is CLOCK_REALTIME."""
    is_fd = len(data) == CAN_FD_FRAME.itemsize
    time_ns, identifier = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:12], "little")
    length, flags = data[13], data[14]
    return can.Message(
        timestamp=time_ns / NS, arbitration_id=identifier & 0x1FFFFFFF, is_extended_id=bool(identifier & EXTENDED), dlc=length,
        data=None if flags & REMOTE else data[16 : 16 + length], is_error_frame=bool(flags & ERROR),
        is_remote_frame=bool(flags & REMOTE), is_fd=is_fd, bitrate_switch=is_fd and bool(flags & BIT_RATE_SWITCH),
        error_state_indicator=is_fd and bool(flags & ERROR_STATE),
    )  # fmt: skip
