"""What the truck's controllers hear on the bus: the newest requests, by the rules of the vehicle's [command] table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from drivers.can.codec import Codec
from drivers.can.commanding.command_config import CommandConfig
from drivers.can.commanding.command_decoder import CommandDecoder
from drivers.can.tables import EXTENDED
from drivers.can.transport import Transport, room
from hil.rig.controllers import Controllers

POLL_S = 0.05
BATCH = 256
IDENTIFIER = np.uint32(0x1FFFFFFF)


class CommandReader(threading.Thread):
    """Listens to the command bus. `received` counts frames; `refused` the reasons for which some were not obeyed.

    `controllers`: the nodes that hear the same frames; `answers` gives what they have to send.
    """

    def __init__(self, bus: Transport, config: CommandConfig, codec: Codec, clock_ns: Callable[[], int] = time.monotonic_ns,
                 controllers: Controllers | None = None):  # fmt: skip
        super().__init__(name="commands", daemon=True)
        self.bus, self.clock_ns = bus, clock_ns
        self.received = 0
        self.controllers = controllers
        self._decoder = CommandDecoder(config, codec)
        self._rows, self._number = room(BATCH), config.bus
        self._lock = threading.Lock()
        self._stopping = False

    @property
    def refused(self) -> dict[str, int]:
        return dict(self._decoder.refused)

    def run(self) -> None:
        while not self._stopping:
            self._take(POLL_S)
        self.drain()

    def stop(self) -> None:
        """Ends behind the last frame that has arrived."""
        self._stopping = True

    def drain(self) -> None:
        """Hears what has arrived."""
        while self._take(0.0):
            pass

    def hear(self, frames: np.ndarray) -> None:
        """Rows of CanFrame of the bus."""
        self.received += len(frames)
        frames["time_ns"], frames["bus"] = self.clock_ns(), self._number
        with self._lock:
            self._decoder.take(frames)
            if self.controllers is None:
                return
            for row in frames[frames["id"] & EXTENDED != 0]:
                self.controllers.hear(int(row["time_ns"]), int(row["id"] & IDENTIFIER), row["data"][: row["length"]].tobytes())

    def _take(self, timeout_s: float) -> int:
        count, _ = self.bus.receive(*self._rows, timeout_s)
        self.hear(self._rows[0][:count])
        return count

    def answers(self) -> list[tuple[int, bytes]]:
        """What the controllers send by now."""
        if self.controllers is None:
            return []
        with self._lock:
            return self.controllers.due(self.clock_ns())

    def actuation(self) -> np.void | None:
        """The requests in force as one Actuation, None when nobody asks for the steering: the driver drives."""
        with self._lock:
            row = self._decoder.actuation(self.clock_ns())
        return row if row["mode"] else None
