"""What a gateway stands in: a CAN bus, a serial line or a UDP stream; on one end the rest of the truck, on the other the device.

    path = CanPath(0, rest, device)          # or SerialPath("gnss", ...), UdpPath("roof", ...)
    heard = path.hear()                      # from the rest, as it came
    path.bodies(heard, now_ns)               # as a log has it, for the fault timeline
    path.give(batch, records)                # what the faults left of it, to the device
    path.back()                              # from the device; to the rest with `path.answer`
"""

from __future__ import annotations

import contextlib
import socket
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from autonomy.faults.payload import load
from autonomy.log.ordered import Batch
from autonomy.msg import dtype
from autonomy.runtime.serial_reception import HEAD
from drivers.can.frame_flags import TRANSMITTED
from drivers.can.transport import Transport, room
from drivers.serial.route_config import PREFIX as SERIAL_PREFIX
from drivers.udp.message import data_of, message
from drivers.udp.receiver import Received, UdpReceiver
from hil.rig.serial_end import Line
from hil.rig.witness import Witness

__all__ = ["CanPath", "GatewayPath", "SerialPath", "UdpPath"]

UDP_PREFIX = "/raw/udp/"
CAN_FRAME = dtype("CanFrame")
SEND_TIMEOUT_S = 0.05
MOST_AT_ONCE = 256


class GatewayPath(ABC):
    """`name`: as faults call it; `topic`: as a log does. `witness` is told what the device got and said."""

    name: str
    topic: str
    witness: Witness | None = None

    @abstractmethod
    def hear(self) -> list[Any]:
        """What came from the rest of the truck, record by record."""

    @abstractmethod
    def bodies(self, heard: list[Any], now_ns: int) -> list[bytes]:
        """Records as messages of the topic that came just now."""

    @abstractmethod
    def give(self, batch: Batch, records: np.ndarray, now_ns: int) -> int:
        """Those records of a batch to the device; how many it took."""

    @abstractmethod
    def back(self) -> list[Any]:
        """What the device said."""

    @abstractmethod
    def answer(self, said: list[Any], now_ns: int) -> int:
        """That to the rest; how many it took."""

    def plug(self, is_in: bool) -> None:  # noqa: B027
        """The plug between gateway and device; where there is none nothing passes, and that is all."""

    def lost(self) -> int:
        """What the system threw away before the gateway could hear it."""
        return 0

    @abstractmethod
    def close(self) -> None: ...


class CanPath(GatewayPath):
    """Two nodes; CAN FD frames pass as they are (`fd_passed`)."""

    def __init__(self, bus: int, rest: Transport, device: Transport):
        self.name, self.topic, self.bus, self.rest, self.device = f"can{bus}", f"/raw/can/{bus}", bus, rest, device
        self._rows = room(MOST_AT_ONCE)
        self.fd_waiting: list[np.ndarray] = []

    def hear(self) -> list[Any]:
        count, fd_count = self.rest.receive(*self._rows, 0.0)
        if fd_count:
            self.fd_waiting.append(self._rows[1][:fd_count].copy())
        return list(self._rows[0][:count].copy())

    def take_fd(self) -> np.ndarray:
        """CAN FD frames that were heard, once."""
        waiting, self.fd_waiting = self.fd_waiting, []
        return np.concatenate([self._rows[1][:0], *waiting])

    def bodies(self, heard: list[Any], now_ns: int) -> list[bytes]:
        for frame in heard:
            frame["time_ns"], frame["bus"] = now_ns, self.bus
        return [frame.tobytes() for frame in heard]

    def give(self, batch: Batch, records: np.ndarray, now_ns: int) -> int:
        return self.to_device(load(batch.data, records["offset"], CAN_FRAME), now_ns)

    def to_device(self, rows: np.ndarray, now_ns: int) -> int:
        """Rows of CanFrame or CanFdFrame."""
        taken = self.device.send(rows, SEND_TIMEOUT_S) if len(rows) else 0
        if self.witness is not None and taken:
            self.witness.frames(self.bus, rows[:taken], now_ns)
        return taken

    def back(self) -> list[Any]:
        counts = self.device.receive(*self._rows, 0.0)
        return [rows[:count].copy() for rows, count in zip(self._rows, counts, strict=True) if count]

    def answer(self, said: list[Any], now_ns: int) -> int:
        taken = 0
        for rows in said:
            taken += self.rest.send(rows, SEND_TIMEOUT_S)
            if self.witness is not None:
                rows["flags"] |= TRANSMITTED
                self.witness.frames(self.bus, rows, now_ns)
        return taken

    def close(self) -> None:
        self.rest.close()
        self.device.close()


class SerialPath(GatewayPath):
    """Records are pieces as they were read. Unplugged, a pseudo terminal is gone, and comes back under its path."""

    def __init__(self, name: str, rest: Line, device: Line):
        self.name, self.topic, self.rest, self.device = name, SERIAL_PREFIX + name, rest, device

    def hear(self) -> list[Any]:
        data = self.rest.read()
        return [data] if data else []

    def bodies(self, heard: list[Any], now_ns: int) -> list[bytes]:
        return [HEAD.pack(now_ns, 0, len(data)) + data for data in heard]

    def give(self, batch: Batch, records: np.ndarray, now_ns: int) -> int:
        taken = 0
        for body in _bodies(batch, records):
            data = body[HEAD.size : HEAD.size + HEAD.unpack_from(body)[2]]
            was_taken = self.device.write(data)
            if was_taken and self.witness is not None:
                self.witness.piece(self.topic, data, now_ns)
            taken += was_taken
        return taken

    def back(self) -> list[Any]:
        data = self.device.read()
        return [data] if data else []

    def answer(self, said: list[Any], now_ns: int) -> int:
        return sum(self.rest.write(data) for data in said)

    def plug(self, is_in: bool) -> None:
        if self.device.makes_terminal:
            self.device.open() if is_in else self.device.close()

    def close(self) -> None:
        self.rest.close()
        self.device.close()


class UdpPath(GatewayPath):
    """Datagrams that come to `receiver` go to `target` (address, port); a sensor hears nothing of the device."""

    def __init__(self, name: str, receiver: UdpReceiver, target: tuple[str, int]):
        self.name, self.topic, self.receiver, self.target = name, UDP_PREFIX + name, receiver, target
        self._node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def hear(self) -> list[Any]:
        return list(self.receiver.receive(0.0))

    def bodies(self, heard: list[Any], now_ns: int) -> list[bytes]:
        return [message(now_ns, (item.source_address, item.source_port), (0, self.receiver.port), item.data) for item in heard]

    def give(self, batch: Batch, records: np.ndarray, now_ns: int) -> int:
        taken = 0
        for body in _bodies(batch, records):
            data = data_of(body)
            with contextlib.suppress(OSError):
                self._node.sendto(data, self.target)
                taken += 1
                if self.witness is not None:
                    self.witness.datagram(self.topic, Received(now_ns, 0, 0, data), self.target[1])
        return taken

    def back(self) -> list[Any]:
        return []

    def answer(self, said: list[Any], now_ns: int) -> int:
        return 0

    def lost(self) -> int:
        return self.receiver.lost

    def close(self) -> None:
        self.receiver.close()
        self._node.close()


def _bodies(batch: Batch, records: np.ndarray) -> list[bytes]:
    return [batch.data[start : start + length].tobytes()
            for start, length in zip(records["offset"].tolist(), records["length"].tolist(), strict=True)]  # fmt: skip
