"""Lidars and radars where the rig tells the time: which datagrams belong to a tick, and when what they show is known.

Before each sync the rig tells, for each sensor, how many datagrams it has sent since the start. The loop waits for that many,
stamps them with the sync's time, and processes the scans they end in its own thread; the results are there LOCKSTEP_SCAN_NS
later. So nothing depends on how long anything took, and the log replays from its packets to the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autonomy.errors import EnvironmentFault
from autonomy.perception.stages import stages_of
from autonomy.runtime.scan_process import LiveSensor, Reader
from autonomy.runtime.scanning import ScanWorker

if TYPE_CHECKING:
    import numpy as np

    from autonomy.config import Config
    from autonomy.runtime.scan_rings import ScanRings

__all__ = ["LOCKSTEP_SCAN_NS", "LockstepScans"]

LOCKSTEP_SCAN_NS = 60_000_000  # [C] what a scan of 64 beams needs in real time beside the loop (docs/runtime.md)
PATIENCE_S = 10.0
POLL_S = 0.1


class LockstepScans:
    """`take` before each tick. `sensors` with open sockets, the rest as in scan_process.py."""

    def __init__(self, sensors: Sequence[LiveSensor], rings: ScanRings, accounts: np.ndarray, processes: np.ndarray,
                 config: Config):  # fmt: skip
        self._sensors, self._accounts, self._now_ns = sensors, accounts, 0
        # As the log has equal times
        self._in_order = sorted(range(len(sensors)), key=lambda number: sensors[number].sensor.topic)
        self._reader = Reader(sensors, rings.datagrams, accounts)
        self._worker = ScanWorker(list(stages_of(config).values()), rings, accounts, processes,
                                  lambda: self._now_ns + LOCKSTEP_SCAN_NS)  # fmt: skip

    def take(self, time_ns: int, told: Mapping[int, int]) -> None:
        """All datagrams up to the sync of that time; `told`: {sensor's number: datagrams since the start}. Raises
        EnvironmentFault when others came than were told."""
        self._now_ns = time_ns
        for number in self._in_order:
            self._receive(number, time_ns, told.get(number, 0))
        while self._worker.turn():
            pass

    def _receive(self, number: int, time_ns: int, told: int) -> None:
        live, account = self._sensors[number], self._accounts[number]
        patience_s = time.monotonic() + PATIENCE_S
        while account["datagrams"] < told and time.monotonic() < patience_s:
            items = live.receiver.receive(POLL_S)
            self._reader.take(number, [item._replace(time_ns=time_ns) for item in items], time_ns, time_ns)
        if account["datagrams"] != told:
            raise EnvironmentFault(f"{live.sensor.kind} {live.sensor.name}: the rig told of {told} datagrams and "
                                   f"{account['datagrams']} came to UDP port {live.receiver.port}")  # fmt: skip
