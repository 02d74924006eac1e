"""A bus's frames into a ring for the loop: one thread a bus, python-can behind it.

Stamps are CLOCK_MONOTONIC. Where the transport tells when a frame came (SocketCAN, our local bus) its age is taken off
the moment it was read, so that the thread's own lateness does not age the measurement; else the moment of reading counts.
"""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

from autonomy.runtime import realtime
from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.tables import EXTENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    import can

    from drivers.ring import Ring

FRAME = struct.Struct("<qIBBBx8s")  # CanFrame
STAMPED = ("socketcan", "local")  # interfaces whose Message.timestamp is CLOCK_REALTIME
OLDEST_NS = 1_000_000_000  # a frame that seems to have waited longer: the wall clock was set
POLL_S = 0.1


class Receiver(threading.Thread):
    """`received`, `fd_frames` (left out: no step reads them), `ring.refused` (no room) and `clock_steps` keep the account.

    On SocketCAN, frames of other programs on this machine carry the mark of an echo too; our own never come back
    (python-can's receive_own_messages stays off), so all that comes was received.
    """

    def __init__(self, bus: can.BusABC, interface: str, number: int, ring: Ring, priority: int = 0):
        super().__init__(name=f"receive-{number}", daemon=True)
        self.priority = priority
        self.bus, self.number, self.ring = bus, number, ring
        self.received = self.fd_frames = self.clock_steps = 0
        self.error: str | None = None
        self.listener: Callable[[int, int, bytes], None] | None = None  # of time, 29 bit identifier, data
        self._stamped = interface in STAMPED
        self._last_ns = 0
        self._stopping = False

    def run(self) -> None:
        import can

        realtime.raise_priority(self.priority)
        receive, push = self.bus.recv, self.ring.push
        try:
            while not self._stopping:
                message = receive(POLL_S)
                if message is None:
                    continue
                if message.is_fd:
                    self.fd_frames += 1
                    continue
                push(self.packed(message))
                self.received += 1
                self.tell(message, self._last_ns)
        except (can.CanError, OSError, ValueError) as error:
            if not self._stopping:
                self.error = " ".join(str(error).split()) or type(error).__name__

    def tell(self, message: can.Message, time_ns: int) -> None:
        """Hands a frame to the listener of this bus, if there is one."""
        if self.listener is not None and message.is_extended_id and not (message.is_error_frame or message.is_remote_frame):
            self.listener(time_ns, message.arbitration_id, bytes(message.data))

    def stop(self) -> None:
        self._stopping = True

    def packed(self, message: can.Message) -> bytes:
        """The bytes of a CanFrame; stamps never step back, as the ring's order is the bus's."""
        self._last_ns = max(self._last_ns, self._time_ns(message.timestamp))
        return self.packed_at(message, self._last_ns)

    def packed_at(self, message: can.Message, time_ns: int) -> bytes:
        identifier = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
        flags = (ERROR if message.is_error_frame else 0) | (REMOTE if message.is_remote_frame else 0)
        return FRAME.pack(time_ns, identifier, self.number, message.dlc, flags, bytes(message.data))

    def _time_ns(self, timestamp_s: float) -> int:
        now_ns = time.monotonic_ns()
        if not self._stamped:
            return now_ns
        age_ns = time.time_ns() - round(timestamp_s * 1e6) * 1000
        if not -1000 <= age_ns <= OLDEST_NS:  # the stamp is in whole microseconds
            self.clock_steps += 1
            return now_ns
        return now_ns - max(age_ns, 0)
