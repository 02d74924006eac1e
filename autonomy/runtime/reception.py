"""A bus's frames into a ring for the loop: one thread a bus, batches from its transport (drivers/can/transport.py).

Stamps are CLOCK_MONOTONIC. Where the transport tells when a frame came (SocketCAN, our local bus) its age is taken off
the moment it was read, so that the thread's own lateness does not age the measurement; else the moment of reading counts.
"""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.runtime import realtime
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.tables import EXTENDED
from drivers.can.transport import room

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.can.transport import Transport
    from drivers.ring import Ring

FRAME = struct.Struct("<qIBBBx8s")  # CanFrame
OLDEST_NS = 1_000_000_000  # a frame that seems to have waited longer: the wall clock was set
YOUNGEST_NS = -1_000  # some interfaces stamp in whole microseconds
BATCH = 256
POLL_S = 0.1
IDENTIFIER = np.uint32(0x1FFFFFFF)


class Receiver(threading.Thread):
    """`received`, `fd_frames` (left out: no step reads them), `ring.refused` (no room) and `clock_steps` keep the account."""

    def __init__(self, transport: Transport, number: int, ring: Ring, priority: int = 0):
        super().__init__(name=f"receive-{number}", daemon=True)
        self.transport, self.number, self.ring, self.priority = transport, number, ring, priority
        self.received = self.fd_frames = self.clock_steps = 0
        self.error: str | None = None
        self.listener: Callable[[int, int, bytes], None] | None = None  # of time, 29 bit identifier, data
        self._rows, self._fd_rows = room(BATCH)
        self._last_ns = 0
        self._stopping = False

    def run(self) -> None:
        realtime.raise_priority(self.priority)
        try:
            while not self._stopping:
                self.turn(POLL_S)
        except EnvironmentFault as error:
            if not self._stopping:
                self.error = str(error)

    def turn(self, timeout_s: float) -> None:
        """What has come goes into the ring; waits for the first of it as long as that. Raises EnvironmentFault."""
        frames = self._received(timeout_s)
        if len(frames):
            self.hand_on(frames, self._stamps(frames["time_ns"]))

    def stop(self) -> None:
        self._stopping = True

    def hand_on(self, frames: np.ndarray, times_ns: np.ndarray | int) -> None:
        """Rows of CanFrame into the ring and to this bus's listener, with those stamps."""
        frames["time_ns"], frames["bus"] = times_ns, self.number
        self.ring.push_many(frames)
        self.received += len(frames)
        if self.listener is None:
            return
        heard = frames[(frames["id"] & EXTENDED != 0) & (frames["flags"] & (ERROR | REMOTE) == 0)]
        for time_ns, identifier, length, data in zip(heard["time_ns"].tolist(), (heard["id"] & IDENTIFIER).tolist(),
                                                     heard["length"].tolist(), heard["data"], strict=True):  # fmt: skip
            self.listener(time_ns, identifier, data[:length].tobytes())

    def _received(self, timeout_s: float) -> np.ndarray:
        count, fd_count = self.transport.receive(self._rows, self._fd_rows, timeout_s)
        self.fd_frames += fd_count
        return self._rows[:count]

    def _stamps(self, arrived_ns: np.ndarray) -> np.ndarray:
        """Of frames just read; they never step back, as the ring's order is the bus's."""
        now_ns = time.monotonic_ns()
        age_ns = np.zeros(len(arrived_ns), np.int64)
        if self.transport.stamps_arrival:
            age_ns = time.time_ns() - arrived_ns
            stepped = (age_ns < YOUNGEST_NS) | (age_ns > OLDEST_NS)
            self.clock_steps += int(np.count_nonzero(stepped))
            age_ns[stepped] = 0
        stamps = np.maximum.accumulate(np.maximum(now_ns - np.maximum(age_ns, 0), self._last_ns))
        self._last_ns = int(stamps[-1])
        return stamps
