"""What the truck's controllers hear on the bus: the newest requests, by the rules of the vehicle's [command] table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from autonomy import msg
from drivers.can.codec import Codec
from drivers.can.commanding.command_config import CommandConfig
from drivers.can.commanding.command_decoder import CommandDecoder
from drivers.can.tables import EXTENDED
from hil.rig.controllers import Controllers

POLL_S = 0.05


class CommandReader(threading.Thread):
    """Listens to the command bus. `received` counts frames; `refused` the reasons for which some were not obeyed.

    `controllers`: the nodes that hear the same frames; `answers` gives what they have to send.
    """

    def __init__(self, bus, config: CommandConfig, codec: Codec, clock_ns: Callable[[], int] = time.monotonic_ns,
                 controllers: Controllers | None = None):  # fmt: skip
        super().__init__(name="commands", daemon=True)
        self.bus, self.clock_ns = bus, clock_ns
        self.received = 0
        self.controllers = controllers
        self._decoder = CommandDecoder(config, codec)
        self._frame = np.zeros(1, msg.dtype("CanFrame"))
        self._frame["bus"] = config.bus
        self._lock = threading.Lock()
        self._stopping = False

    @property
    def refused(self) -> dict[str, int]:
        return dict(self._decoder.refused)

    def run(self) -> None:
        while not self._stopping:
            message = self.bus.recv(POLL_S)
            if message is not None:
                self.hear(message)
        self.drain()

    def stop(self) -> None:
        """Ends behind the last frame that has arrived."""
        self._stopping = True

    def drain(self) -> None:
        """Hears what has arrived."""
        while (message := self.bus.recv(0.0)) is not None:
            self.hear(message)

    def hear(self, message) -> None:
        """One message of the bus."""
        self.received += 1
        row = self._frame[0]
        row["time_ns"], row["length"] = self.clock_ns(), len(message.data)
        row["id"] = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
        row["data"][: len(message.data)] = np.frombuffer(message.data, np.uint8)
        with self._lock:
            self._decoder.take(self._frame)
            if self.controllers is not None and message.is_extended_id:
                self.controllers.hear(int(row["time_ns"]), message.arbitration_id, bytes(message.data))

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
