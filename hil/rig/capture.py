"""Bytes of buses, lines and sockets into rings for the recorder's process: a thread a source, times of CLOCK_REALTIME.

    [source] -> thread -> ring (shared memory) -> recorder's process

CAN frames and datagrams carry the kernel's time of reception where it tells one; pieces of a line the time they were read.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault
from autonomy.log import layouts
from autonomy.runtime import datagrams
from drivers.can.transport import Transport, room
from drivers.ring import Ring
from drivers.serial.live_port import LivePort
from drivers.udp.receiver import UdpReceiver

__all__ = ["CanCapture", "SerialCapture", "Tap", "UdpCapture"]

POLL_S = 0.1
REOPEN_S = 0.5
BATCH = 256
SERIAL_BYTES = 496
SERIAL_PIECE = layouts.short_dtype("SerialBytes", SERIAL_BYTES)
CAN_SLOTS, FD_SLOTS, SERIAL_SLOTS, DATAGRAM_SLOTS = 1 << 16, 1 << 14, 1 << 12, 1 << 13


class Tap(NamedTuple):
    """A ring and the topic of what is in it."""

    topic: str
    kind: str  # the message
    ring: Ring


class _Capture(threading.Thread, ABC):
    """`received` counts records, `error` tells why it ended early. `taps` are made before the recorder's process."""

    def __init__(self, name: str, taps: list[Tap]):
        super().__init__(name=f"capture {name}", daemon=True)
        self.source, self.taps = name, taps
        self.received = 0
        self.error: str | None = None
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.turn(POLL_S)
            self.turn(0.0)  # what came before the end
        except EnvironmentFault as error:
            self.error = str(error)

    @abstractmethod
    def turn(self, timeout_s: float) -> None:
        """What has come into the rings; waits for the first of it as long as that."""

    def stop(self) -> None:
        self._stopping.set()

    def account(self) -> dict[str, Any]:
        """{"source", "received", "unrecorded" (no room in the ring), "lost" before us (None: nobody tells), "error"}."""
        unrecorded = sum(tap.ring.refused for tap in self.taps)
        return {
            "source": self.source,
            "received": self.received,
            "unrecorded": unrecorded,
            "lost": self.lost(),
            "error": self.error,
        }

    @abstractmethod
    def lost(self) -> int | None:
        """What was thrown away before us; None where nobody tells."""


class CanCapture(_Capture):
    """A bus; `number` is its number in the log."""

    def __init__(self, transport: Transport, where: str, number: int):
        taps = [Tap(f"/raw/can/{number}", "CanFrame", Ring(CAN_SLOTS, msg.dtype("CanFrame").itemsize)),
                Tap(f"/raw/canfd/{number}", "CanFdFrame", Ring(FD_SLOTS, msg.dtype("CanFdFrame").itemsize))]  # fmt: skip
        super().__init__(where, taps)
        self.transport, self.number = transport, number
        self._rows, self._fd_rows = room(BATCH)

    def turn(self, timeout_s: float) -> None:
        counts = self.transport.receive(self._rows, self._fd_rows, timeout_s)
        for tap, rows, count in zip(self.taps, (self._rows, self._fd_rows), counts, strict=True):
            if count:
                rows["bus"][:count] = self.number
                tap.ring.push_many(rows[:count])
        self.received += sum(counts)

    def lost(self) -> int | None:
        return self.transport.lost()

    def account(self) -> dict[str, Any]:
        """With "clock": whose time its frames have."""
        return super().account() | {"clock": self.transport.clock}


class SerialCapture(_Capture):
    """A line; a port that was unplugged is opened again by its name."""

    def __init__(self, port: LivePort, name: str):
        super().__init__(
            f"serial {port.device}", [Tap(f"/raw/serial/{name}", "SerialBytes", Ring(SERIAL_SLOTS, SERIAL_PIECE.itemsize))]
        )
        self.port, self.errors, self.bytes = port, 0, 0

    def turn(self, timeout_s: float) -> None:
        if not self.port.is_open:
            self._stopping.wait(REOPEN_S)
            self.port.open_again()
            return
        data, time_ns = self.port.read(timeout_s), time.time_ns()
        row = np.zeros(1, SERIAL_PIECE)
        for first in range(0, len(data), SERIAL_BYTES):
            piece = data[first : first + SERIAL_BYTES]
            lost = self.port.lost() if first == 0 else 0
            self.errors += lost
            row["time_ns"], row["lost"], row["count"] = time_ns, lost, len(piece)
            row["data"][0, : len(piece)] = np.frombuffer(piece, np.uint8)
            self.taps[0].ring.push(row)
            self.received += 1
        self.bytes += len(data)

    def lost(self) -> int | None:
        return self.errors


class UdpCapture(_Capture):
    """A UDP port."""

    def __init__(self, receiver: UdpReceiver, name: str):
        where = f"udp {receiver.address}:{receiver.port}"
        super().__init__(where, [Tap(f"/raw/udp/{name}", "UdpPacket", Ring(DATAGRAM_SLOTS, datagrams.DATAGRAM_PART.itemsize))])
        self.receiver, self.without_room = receiver, 0

    def turn(self, timeout_s: float) -> None:
        for item in self.receiver.receive(timeout_s):
            self.received += 1
            self.without_room += not datagrams.push(self.taps[0].ring, item, self.receiver.port, 0)

    def lost(self) -> int | None:
        return self.receiver.lost

    def account(self) -> dict[str, Any]:
        return {**super().account(), "unrecorded": self.without_room}
