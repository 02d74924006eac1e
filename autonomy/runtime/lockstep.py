"""Lockstep: the rig tells the time, over the bus. For machines that keep none, and for runs that are to be equal bit for bit.

The rig sends its frames, then a sync frame with the time on each bus, and waits. The loop stamps what came before the sync
with that time, runs its tick when all buses have told it, sends its commands and a done frame with the same time. Nothing is
waited for by the clock, so a run is as fast as the machine and the same on each. Of lidars and radars on UDP the rig tells before
the sync, on bus 0, how many datagrams it has sent (lockstep_scans.py).
"""

from __future__ import annotations

import queue
import struct
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.runtime.reception import POLL_S, Receiver
from drivers.can.tables import EXTENDED
from drivers.can.transport import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from autonomy.runtime._loop import Loop
    from autonomy.runtime.bus_node import BusNode
    from autonomy.runtime.reception import Heard
    from autonomy.runtime.transmission import Transmitter
    from drivers.can.transport import Transport
    from drivers.ring import Ring

# Proprietary B of the rig (source FB) and of the stack (source 27): none is ever on a vehicle's bus
SYNC_ID, DONE_ID, DATAGRAMS_ID = 0x1CFFF0FB, 0x1CFFF027, 0x1CFFF1FB
TIME = struct.Struct("<q")  # ns
DATAGRAMS = struct.Struct("<II")  # a sensor's number in the vehicle file, lidars first; its datagrams since the start
PATIENCE_S = 60.0


def time_frame(identifier: int, time_ns: int) -> np.ndarray:
    """One row of CanFrame."""
    return rows_of([(EXTENDED | identifier, TIME.pack(time_ns))])


def datagrams_frame(sensor: int, count: int) -> np.ndarray:
    """One row of CanFrame: so many datagrams of the sensor of that number have been sent."""
    return rows_of([(EXTENDED | DATAGRAMS_ID, DATAGRAMS.pack(sensor, count))])


def time_frames(frames: np.ndarray, identifier: int) -> np.ndarray:
    """Places of the rig's frames with that identifier, 8 bytes each, among rows of CanFrame."""
    return np.flatnonzero((frames["id"] == EXTENDED | identifier) & (frames["length"] == TIME.size))


def time_of(frame: np.void) -> int:
    """ns, of a time frame."""
    return TIME.unpack(frame["data"].tobytes())[0]


class LockstepReceiver(Receiver):
    """Keeps a bus's frames until the sync that dates them; then tells `synced` (bus, time, {sensor: datagrams sent})."""

    def __init__(self, transport: Transport, number: int, ring: Ring, synced: queue.Queue, heard: Heard | None = None):
        super().__init__(transport, number, ring, heard=heard)
        self.synced = synced
        self._waiting: list[np.ndarray] = []
        self._datagrams: dict[int, int] = {}

    def turn(self, timeout_s: float) -> None:
        frames, first = self._without_datagrams(self._taken(timeout_s)), 0
        for place in time_frames(frames, SYNC_ID).tolist():
            time_ns = time_of(frames[place])
            for batch in [*self._waiting, frames[first:place]]:
                batch["time_ns"] = time_ns
                self.hand_on(batch)
            self._waiting.clear()
            self.synced.put((self.number, time_ns, dict(self._datagrams)))
            first = place + 1
        self._waiting.append(frames[first:].copy())

    def _without_datagrams(self, frames: np.ndarray) -> np.ndarray:
        places = time_frames(frames, DATAGRAMS_ID)
        if not len(places):
            return frames
        self._datagrams.update(DATAGRAMS.unpack(frames["data"][place].tobytes()) for place in places.tolist())
        return np.delete(frames, places)


class Lockstep:
    """Steps the loop on the rig's syncs. `run` in place of the loop's own. `before` is called ahead of each tick with its time
    and the datagrams told, `behind` after it with its time. `error`: why it ended early."""

    def __init__(self, loop: Loop, buses: dict[int, Transport], transmitter: Transmitter | None, node: BusNode | None,
                 synced: queue.Queue, journal: Ring, before: Callable[[int, dict[int, int]], None],
                 behind: Callable[[int], None]):  # fmt: skip
        self.loop, self.buses, self.transmitter, self.node, self.synced, self.journal = (
            loop, buses, transmitter, node, synced, journal)  # fmt: skip
        self.before, self.behind = before, behind
        self.error: str | None = None
        self.is_recorded = True  # somebody empties the journal
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self, duration_ns: int | None) -> None:
        """Until `duration_ns` of the rig's time are over or `stop()`."""
        try:
            self._run(duration_ns)
        except EnvironmentFault as error:
            self.error = str(error)

    def _run(self, duration_ns: int | None) -> None:
        told: dict[int, int] = {}
        datagrams: dict[int, int] = {}
        first_ns, until_s = None, time.monotonic() + PATIENCE_S
        while not self._stopped.is_set():
            try:
                number, time_ns, sent = self.synced.get(timeout=POLL_S)
            except queue.Empty:
                if time.monotonic() > until_s:
                    raise EnvironmentFault(f"--lockstep: no rig told the time within {PATIENCE_S:g} s; does 'autonomy hil truck "
                                           "--lockstep' run on these buses?") from None  # fmt: skip
                continue
            until_s = time.monotonic() + PATIENCE_S
            told[number] = time_ns
            datagrams |= sent
            if len(told) < len(self.buses) or len(set(told.values())) > 1:
                continue
            first_ns = time_ns if first_ns is None else first_ns
            if duration_ns is not None and time_ns >= first_ns + duration_ns:
                return
            self._step(time_ns, datagrams)
            told.clear()

    def _step(self, time_ns: int, datagrams: dict[int, int]) -> None:
        while self.is_recorded and 2 * len(self.journal) > self.journal.slots and not self._stopped.is_set():
            time.sleep(POLL_S / 10)  # the recorder is behind; time stands still anyway
        if self.node is not None:
            self.node.work(time_ns)
        self.before(time_ns, datagrams)
        self.loop.step(time_ns, time.monotonic_ns())
        self.behind(time_ns)
        if self.transmitter is not None:
            self.transmitter.send_newest(time_ns + 1)  # in the log right behind the cut
            self.transmitter.send_said(time_ns + 1)
        self.buses[0].send(time_frame(DONE_ID, time_ns), PATIENCE_S)
