"""A serial line's bytes into a ring for the loop: one thread a line. Pieces are cut as they were read, not where messages end."""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

from autonomy.runtime import realtime
from autonomy.runtime._journal import PIECE_ROW

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.ring import Ring
    from drivers.serial.live_port import LivePort

HEAD = struct.Struct("<qII")  # SerialBytes before its data: time, lost, count
PIECE_BYTES = PIECE_ROW["data"].shape[0]
POLL_S = 0.1
REOPEN_S = 0.5


class SerialReceiver(threading.Thread):
    """`received` counts bytes, `lost` the errors of the driver, `ring.refused` pieces without room. The port is open when the
    thread starts."""

    def __init__(self, port: LivePort, name: str, ring: Ring, priority: int = 0):
        super().__init__(name=f"serial {name}", daemon=True)
        self.port, self.port_name, self.ring, self.priority = port, name, ring, priority
        self.received = self.lost = 0
        self.last_ns = 0
        self.was_away_at_the_end = False
        self.listener: Callable[[int, bytes], None] | None = None  # of time, bytes
        self._stopping = threading.Event()

    def run(self) -> None:
        realtime.raise_priority(self.priority)
        while not self._stopping.is_set():
            self.turn()
        self.was_away_at_the_end = not self.port.is_open
        self.port.close()

    def turn(self) -> None:
        """Reads what has come, or looks whether an unplugged port is there again."""
        if self.port.is_open:
            self._hand_on(self.port.read(POLL_S))
        elif not self._stopping.wait(REOPEN_S):
            self.port.open_again()

    def stop(self) -> None:
        self._stopping.set()

    def _hand_on(self, data: bytes) -> None:
        self.last_ns = max(self.last_ns, time.monotonic_ns())
        for first in range(0, len(data), PIECE_BYTES):
            piece = data[first : first + PIECE_BYTES]
            lost = 0 if first else self.port.lost()
            self.lost += lost
            self.ring.push((HEAD.pack(self.last_ns, lost, len(piece)) + piece).ljust(HEAD.size + PIECE_BYTES, b"\0"))
        self.received += len(data)
        if data and self.listener is not None:
            self.listener(self.last_ns, data)
