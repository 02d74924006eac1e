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
from autonomy.runtime import realtime
from autonomy.runtime._loop import HISTOGRAM_US
from autonomy.runtime.reception import FRAME
from drivers.can.frame_flags import TRANSMITTED
from drivers.can.tables import EXTENDED

if TYPE_CHECKING:
    import can

    from drivers.ring import Ring

POLL_MS = 100
MOST_RELEASES = 100  # what [command] release_frames allows
SEND_TIMEOUT_S, LOCKSTEP_TIMEOUT_S = 0.005, 60.0  # half a period: a command later than that is worth less than the next one


class Encoder(Protocol):
    def frames(self, actuation: np.void) -> np.ndarray:
        """CanFrame rows (n,) of one Actuation, in the order to send."""
        ...


class Transmitter(threading.Thread):
    """`sent`, `failed` (not taken by the bus in time), `superseded` (older commands left out) and `withheld` (frames of commands
    while we have no address) keep the account.

    `latency_us`: counts by microsecond from the tick's time to the last frame's having been handed to the bus.
    """

    def __init__(self, encoder: Encoder, commands: Ring, event: int, buses: Mapping[int, can.BusABC], sent: Mapping[int, Ring],
                 priority: int = 0, may_send: Callable[[], bool] = lambda: True):  # fmt: skip
        super().__init__(name="transmit", daemon=True)
        self.may_send = may_send
        self._said: queue.SimpleQueue[np.void] = queue.SimpleQueue()
        self.priority = priority
        self.encoder, self.commands, self.event = encoder, commands, event
        self.buses, self.rings = buses, sent
        self.sent = self.failed = self.superseded = self.withheld = 0
        self.error: str | None = None
        self.latency_us = np.zeros(HISTOGRAM_US + 1, np.int64)
        self.latency_max_ns = 0
        self._stopping = False
        self._last_ns = dict.fromkeys(sent, 0)

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
        for identifier, data in frames:
            row = np.zeros((), msg.dtype("CanFrame"))
            row["id"], row["bus"], row["length"] = identifier, bus, len(data)
            row["data"][: len(data)] = np.frombuffer(data, np.uint8)
            self._said.put(row[()])
        if self.event >= 0:
            os.eventfd_write(self.event, 1)

    def send_said(self, stamp_ns: int | None = None) -> None:
        while not self._said.empty():
            self._send(self._said.get(), stamp_ns)

    def stop(self) -> None:
        self._stopping = True

    def send_newest(self, stamp_ns: int | None = None) -> None:
        """Sends the newest command that waits; older ones are left out and counted. `stamp_ns`: instead of the clock's time."""
        newest = None
        while (item := self.commands.pop()) is not None:
            self.superseded += newest is not None
            newest = item
        if newest is None:
            return
        actuation = np.frombuffer(newest, msg.dtype("Actuation"))[0]
        frames = self.encoder.frames(actuation)
        if not self.may_send():
            self.withheld += len(frames)
            return
        for frame in frames:
            self._send(frame, stamp_ns)
        if stamp_ns is not None:
            return
        latency_ns = time.monotonic_ns() - int(actuation["time_ns"])
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
            for frame in frames:
                self._send(frame, None)

    def _send(self, frame: np.void, stamp_ns: int | None) -> None:
        import can

        identifier, number = int(frame["id"]), int(frame["bus"])
        data = frame["data"][: frame["length"]].tobytes()
        message = can.Message(arbitration_id=identifier & 0x1FFFFFFF, is_extended_id=bool(identifier & EXTENDED), data=data)
        try:
            self.buses[number].send(message, timeout=SEND_TIMEOUT_S if stamp_ns is None else LOCKSTEP_TIMEOUT_S)
        except (can.CanError, OSError, ValueError) as error:
            self.failed += 1
            self.error = " ".join(str(error).split()) or type(error).__name__
            return
        self.sent += 1
        self._last_ns[number] = max(self._last_ns[number], time.monotonic_ns() if stamp_ns is None else stamp_ns)
        self.rings[number].push(FRAME.pack(self._last_ns[number], identifier, number, len(data), TRANSMITTED, data))
