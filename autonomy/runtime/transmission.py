"""The loop's commands onto the bus: a thread that waits for the loop's event, encodes the newest actuation and sends it.

Beside them goes what our J1939 node has to say, and without its leave (`may_send`) no command. What was sent comes back to the
loop through a ring, marked as transmitted, so that it stands in the log in its place.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault
from autonomy.runtime import realtime
from autonomy.runtime._loop import HISTOGRAM_US
from drivers.can.frame_flags import TRANSMITTED
from drivers.can.transport import rows_of

if TYPE_CHECKING:
    from drivers.can.transport import Transport
    from drivers.ring import Ring

POLL_MS = 100
MOST_RELEASES = 100  # what [command] release_frames allows
SEND_TIMEOUT_S, LOCKSTEP_TIMEOUT_S = 0.005, 60.0  # half a period: a command later than that is worth less than the next one
PATIENCE_NS = 2_000_000_000  # [D] a controller off the bus is back within its first pauses


class Encoder(Protocol):
    def frames(self, actuation: np.void) -> np.ndarray:
        """CanFrame rows (n,) of one Actuation, in the order to send."""
        ...


class Transmitter(threading.Thread):
    """`sent`, `failed` (not taken by the bus in time), `superseded` (older commands left out) and `withheld` (frames of commands
    while we have no address) keep the account.

    `latency_us`: counts by microsecond from the tick's time to the last frame's having been handed to the bus.
    """

    def __init__(self, encoder: Encoder, commands: Ring, event: int, buses: Mapping[int, Transport], sent: Mapping[int, Ring],
                 priority: int = 0, may_send: Callable[[], bool] = lambda: True):  # fmt: skip
        super().__init__(name="transmit", daemon=True)
        self.may_send = may_send
        self.responded: Callable[[int, int], None] = lambda tick_time_ns, sent_ns: None  # see Loop.responded
        self._said: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        self.priority = priority
        self.encoder, self.commands, self.event = encoder, commands, event
        self.buses, self.rings = buses, sent
        self.sent = self.failed = self.superseded = self.withheld = 0
        self.error: str | None = None
        self.latency_us = np.zeros(HISTOGRAM_US + 1, np.int64)
        self.latency_max_ns = 0
        self._stopping = False
        self._last_ns = dict.fromkeys(sent, 0)
        self._refused_ns: dict[int, int] = {}  # by bus, since when it takes too little

    def run(self) -> None:
        realtime.raise_priority(self.priority)
        poll = select.poll()
        poll.register(self.event, select.POLLIN)
        while not self._stopping:
            if poll.poll(POLL_MS):
                os.eventfd_read(self.event)
                self.send_newest()
                self.send_said()

    def say(self, bus: int, frames: Iterable[tuple[int, bytes]]) -> None:
        """Sends (identifier, data) behind the next command, from any thread."""
        rows = rows_of(frames)
        rows["bus"] = bus
        self._said.put(rows)
        if self.event >= 0:
            os.eventfd_write(self.event, 1)

    def send_said(self, stamp_ns: int | None = None) -> None:
        while not self._said.empty():
            self._send(self._said.get(), stamp_ns)

    def stop(self) -> None:
        self._stopping = True

    def send_newest(self, stamp_ns: int | None = None) -> None:
        """Sends the newest command that waits; older ones are left out and counted. `stamp_ns`: instead of the clock's time."""
        waiting = []
        while (item := self.commands.pop()) is not None:
            waiting.append(np.frombuffer(item, msg.dtype("Actuation"))[0])
        if not waiting:
            return
        self.superseded += len(waiting) - 1
        actuation = waiting[-1]
        frames = self.encoder.frames(actuation)
        if not self.may_send():
            self.withheld += len(frames)
            return
        self._send(frames, stamp_ns)
        if stamp_ns is not None:
            return
        sent_ns = time.monotonic_ns()
        if len(frames):
            for item in waiting:  # what an older one knew the newest knows too
                self.responded(int(item["time_ns"]), sent_ns)
        latency_ns = sent_ns - int(actuation["time_ns"])
        self.latency_us[min(max(latency_ns // 1000, 0), HISTOGRAM_US)] += 1
        self.latency_max_ns = max(self.latency_max_ns, latency_ns)

    def release(self) -> None:
        """Lets go of every controller, behind the last tick: each hears a release as often as the encoder says."""
        if not self.may_send():
            return
        standby = np.zeros((), msg.dtype("Actuation"))
        for _ in range(MOST_RELEASES):
            standby["time_ns"] = time.monotonic_ns()
            frames = self.encoder.frames(standby[()])
            if not len(frames):
                return
            self._send(frames, None)

    def _judge(self, number: int, taken: int, asked: int, timeout_s: float, patient: bool) -> None:
        """A bus that is short for a moment costs frames, which are counted; one that stays so ends the run."""
        if taken == asked:
            self._refused_ns.pop(number, None)
            return
        since_ns = self._refused_ns.setdefault(number, time.monotonic_ns())
        if not patient or time.monotonic_ns() - since_ns > PATIENCE_NS:
            self.error = f"bus {number} took {taken} of {asked} frames within {timeout_s * 1e3:g} ms" \
                + (f", and too few for {PATIENCE_NS / 1e9:g} s" if patient else "")

    def _send(self, frames: np.ndarray, stamp_ns: int | None) -> None:
        """Those of one bus at a time, in their order."""
        timeout_s = SEND_TIMEOUT_S if stamp_ns is None else LOCKSTEP_TIMEOUT_S
        for number in dict.fromkeys(frames["bus"].tolist()):
            own = frames[frames["bus"] == number]
            taken = 0
            try:
                taken = self.buses[number].send(own, timeout_s)
                self._judge(number, taken, len(own), timeout_s, stamp_ns is None)
            except EnvironmentFault as error:
                self.error = str(error)
            self.sent += taken
            self.failed += len(own) - taken
            self._last_ns[number] = max(self._last_ns[number], time.monotonic_ns() if stamp_ns is None else stamp_ns)
            own["time_ns"], own["flags"] = self._last_ns[number], TRANSMITTED
            self.rings[number].push_many(own[:taken])
