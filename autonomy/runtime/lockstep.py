"""Lockstep: the rig tells the time, over the bus. For machines that keep none, and for runs that are to be equal bit for bit.

The rig sends its frames, then a sync frame with the time on each bus, and waits. The loop stamps what came before the sync
with that time, runs its tick when all buses have told it, sends its commands and a done frame with the same time. Nothing is
waited for by the clock, so a run is as fast as the machine and the same on each.
"""

from __future__ import annotations

import queue
import struct
import threading
import time
from typing import TYPE_CHECKING

from autonomy.runtime.reception import POLL_S, Receiver

if TYPE_CHECKING:
    import can

    from autonomy.runtime._loop import Loop
    from autonomy.runtime.bus_node import BusNode
    from autonomy.runtime.transmission import Transmitter
    from drivers.ring import Ring

# Proprietary B of the rig (source FB) and of the stack (source 27): neither is ever on a vehicle's bus
SYNC_ID, DONE_ID = 0x1CFFF0FB, 0x1CFFF027
TIME = struct.Struct("<q")  # ns
PATIENCE_S = 60.0


def time_frame(identifier: int, time_ns: int) -> can.Message:
    import can

    return can.Message(arbitration_id=identifier, data=TIME.pack(time_ns))


def time_of(message: can.Message, identifier: int) -> int | None:
    """ns, None when it is another frame."""
    if message.arbitration_id != identifier or not message.is_extended_id or len(message.data) != TIME.size:
        return None
    return TIME.unpack(message.data)[0]


class LockstepReceiver(Receiver):
    """Keeps a bus's frames until the sync that dates them; then tells `synced` (bus, time)."""

    def __init__(self, bus: can.BusABC, interface: str, number: int, ring: Ring, synced: queue.Queue):
        super().__init__(bus, interface, number, ring)
        self.synced = synced

    def run(self) -> None:
        import can

        waiting: list[can.Message] = []
        try:
            while not self._stopping:
                message = self.bus.recv(POLL_S)
                if message is None:
                    continue
                if message.is_fd:
                    self.fd_frames += 1
                    continue
                time_ns = time_of(message, SYNC_ID)
                if time_ns is None:
                    waiting.append(message)
                    continue
                for item in waiting:
                    self.ring.push(self.packed_at(item, time_ns))
                    self.tell(item, time_ns)
                self.received += len(waiting)
                waiting.clear()
                self.synced.put((self.number, time_ns))
        except (can.CanError, OSError, ValueError) as error:
            if not self._stopping:
                self.error = " ".join(str(error).split()) or type(error).__name__


class Lockstep:
    """Steps the loop on the rig's syncs. `run` in place of the loop's own."""

    def __init__(self, loop: Loop, buses: dict[int, can.BusABC], transmitter: Transmitter | None, node: BusNode | None,
                 synced: queue.Queue, journal: Ring):  # fmt: skip
        self.loop, self.buses, self.transmitter, self.node, self.synced, self.journal = (
            loop, buses, transmitter, node, synced, journal)  # fmt: skip
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self, duration_ns: int | None) -> None:
        """Until `duration_ns` of the rig's time are over or `stop()`."""
        told: dict[int, int] = {}
        first_ns = None
        while not self._stopped.is_set():
            try:
                number, time_ns = self.synced.get(timeout=POLL_S)
            except queue.Empty:
                continue
            told[number] = time_ns
            if len(told) < len(self.buses) or len(set(told.values())) > 1:
                continue
            first_ns = time_ns if first_ns is None else first_ns
            if duration_ns is not None and time_ns >= first_ns + duration_ns:
                return
            self._step(time_ns)
            told.clear()

    def _step(self, time_ns: int) -> None:
        while 2 * len(self.journal) > self.journal.slots and not self._stopped.is_set():
            time.sleep(POLL_S / 10)  # the recorder is behind; time stands still anyway
        if self.node is not None:
            self.node.work(time_ns)
        self.loop.step(time_ns, time.monotonic_ns())
        if self.transmitter is not None:
            self.transmitter.send_newest(time_ns + 1)  # in the log right behind the cut
            self.transmitter.send_said(time_ns + 1)
        self.buses[0].send(time_frame(DONE_ID, time_ns), timeout=PATIENCE_S)
