"""A bus's frames into a ring for the loop: one thread a bus, batches from its transport (drivers/can/transport.py).

Where the transport has a source of frames that needs no interpreter (SocketCAN, our local bus), neither does the thread: `Pump`
in ext/autonomy/runtime/_reception.pyx. For all others (python-can's interfaces, a bus within a process) it is Python.

Stamps are CLOCK_MONOTONIC. Where the transport tells when a frame came its age is taken off the moment it was read, so that the
thread's own lateness does not age the measurement; else the moment of reading counts.
"""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.runtime import realtime
from autonomy.runtime._reception import Heard, Pump, Stamping
from drivers.can.transport import room

if TYPE_CHECKING:
    from drivers.can.transport import Transport
    from drivers.ring import Ring

__all__ = ["FRAME", "Heard", "PumpedReceiver", "Receiver", "receiver_of"]

FRAME = struct.Struct("<qIBBBx8s")  # CanFrame
BATCH = 256
POLL_S = 0.1
PUMP_BELOW = 10  # the loop's priority: a command is worth more than the next frame


def receiver_of(transport: Transport, number: int, ring: Ring, loop_priority: int = 0, interpreter_below: int = 0,
                heard: Heard | None = None) -> Receiver:  # fmt: skip
    """Without the interpreter's lock where the transport can; else as far below the loop as all that take it."""
    if hasattr(transport, "source"):
        return PumpedReceiver(transport, number, ring, loop_priority - PUMP_BELOW, heard)
    return Receiver(transport, number, ring, loop_priority - interpreter_below, heard)


class Receiver(threading.Thread):
    """`received`, `fd_frames` (left out: no step reads them), `ring.refused` (no room) and `clock_steps` keep the account.
    `heard` gets what concerns a J1939 node."""

    def __init__(self, transport: Transport, number: int, ring: Ring, priority: int = 0, heard: Heard | None = None):
        super().__init__(name=f"receive-{number}", daemon=True)
        self.transport, self.number, self.ring, self.priority, self.heard = transport, number, ring, priority, heard
        self.received = self.fd_frames = 0
        self.error: str | None = None
        self._stamping = Stamping(transport.stamps_arrival)
        self._rows, self._fd_rows = room(BATCH)
        self._stopping = False

    @property
    def clock_steps(self) -> int:
        return self._stamping.clock_steps

    def run(self) -> None:
        realtime.raise_priority(self.priority)
        try:
            self._receive()
        except EnvironmentFault as error:
            if not self._stopping:
                self.error = str(error)

    def turn(self, timeout_s: float) -> None:
        """What has come goes into the ring; waits for the first of it as long as that. Raises EnvironmentFault."""
        frames = self._taken(timeout_s)
        self._stamping.stamped(_as_bytes(frames), time.monotonic_ns(), time.time_ns())
        self.hand_on(frames)

    def stop(self) -> None:
        self._stopping = True

    def hand_on(self, frames: np.ndarray) -> None:
        """Stamped rows of CanFrame into the ring."""
        frames["bus"] = self.number
        self.ring.push_many(frames)
        self.received += len(frames)
        if self.heard is not None:
            self.heard.put(_as_bytes(frames))

    def _receive(self) -> None:
        """Until `stop`. Raises EnvironmentFault."""
        while not self._stopping:
            self.turn(POLL_S)

    def _taken(self, timeout_s: float) -> np.ndarray:
        count, fd_count = self.transport.receive(self._rows, self._fd_rows, timeout_s)
        self.fd_frames += fd_count
        return self._rows[:count]


class PumpedReceiver(Receiver):
    """The same without the GIL, for transports with a `source` (drivers/can/_frame_source)."""

    def __init__(self, transport: Transport, number: int, ring: Ring, priority: int = 0, heard: Heard | None = None):
        super().__init__(transport, number, ring, priority, heard)
        self._pump = Pump(transport.source, ring, number, self._stamping, heard)

    def turn(self, timeout_s: float) -> None:
        self._pumped(self._pump.turn, timeout_s)

    def stop(self) -> None:
        super().stop()
        self._pump.stop()

    def _receive(self) -> None:
        self._pumped(self._pump.run, POLL_S)

    def _pumped(self, work, timeout_s: float) -> None:
        try:
            work(round(timeout_s * 1e3))
        except OSError as error:
            raise EnvironmentFault(self.transport.failure(error)) from None
        finally:
            self.received, self.fd_frames = self._pump.received, self._pump.fd_frames


def _as_bytes(frames: np.ndarray) -> np.ndarray:
    """(n, bytes of a row)."""
    return frames.view(np.uint8).reshape(len(frames), FRAME.size)
