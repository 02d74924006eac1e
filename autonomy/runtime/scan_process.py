"""The processes of live lidars and radars: one reads all sockets and looks after the other, which looks at the scans.

    sockets ─ reader ─┬─ ring ─ scan process ─ ring ─ loop
                      └─ rings ─ recorder

All scans are looked at in the order in which their packets came, as in replay: a radar's screening asks what a lidar saw before.
The reader has one thread, so it may fork: a scan process that died, or has not been heard for HANG_S, is started anew. Datagrams
are recorded and counted meanwhile; what the loop misses is its fault table's business.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autonomy.config import Config
from autonomy.perception.stages import ScanSensor, stages_of
from autonomy.runtime import datagrams, realtime
from autonomy.runtime.keeper import Keeper, has_to_end, start_worker
from autonomy.runtime.scan_rings import ScanRings
from autonomy.runtime.scanning import ScanWorker
from drivers.ring import Ring
from drivers.udp.receiver import Received, UdpReceiver

__all__ = ["LiveSensor", "Reader", "read_forever"]

POLL_S = 0.05
OLDEST_NS, YOUNGEST_NS = 1_000_000_000, -1_000  # of a datagram's age: beyond them the wall clock was set
READ_BELOW = 15  # the loop's priority: behind receivers of buses and lines
SCAN_PRIORITY = 10  # [D] scans have a deadline too, behind everything else that has one


@dataclass(frozen=True)
class LiveSensor:
    """One sensor, its open socket and the ring to the recorder."""

    sensor: ScanSensor
    receiver: UdpReceiver
    raw: Ring


class Reader:
    """From sockets into the recorder's rings and that of the scan process. `accounts`: ACCOUNT (sensors,)."""

    def __init__(self, sensors: Sequence[LiveSensor], scanned: Ring, accounts: np.ndarray):
        self.live, self.scanned, self.accounts = sensors, scanned, accounts
        self._last_ns = [0] * len(sensors)

    def take(self, number: int, items: Sequence[Received], now_ns: int, utc_ns: int) -> None:
        """Datagrams of one socket; `now_ns`, `utc_ns`: the same moment on the loop's clock and on that of their stamps."""
        live, account = self.live[number], self.accounts[number]
        for item in items:
            age_ns = utc_ns - item.time_ns
            if not YOUNGEST_NS <= age_ns <= OLDEST_NS:
                age_ns = 0
                account["clock_steps"] += 1
            self._last_ns[number] = max(now_ns - max(age_ns, 0), self._last_ns[number])  # as the order in which they came
            stamped = item._replace(time_ns=self._last_ns[number])
            account["unrecorded"] += not datagrams.push(live.raw, stamped, live.receiver.port, number)
            account["without_room"] += not datagrams.push(self.scanned, stamped, live.receiver.port, number)
            account["bytes"] += len(item.data)
        account["datagrams"] += len(items)
        account["lost"] = live.receiver.lost


def read_forever(sensors: Sequence[LiveSensor], rings: ScanRings, accounts: np.ndarray, processes: np.ndarray, config: Config,
                 priority: int, parent: int) -> None:  # fmt: skip
    """The reader's process, until its parent is gone or tells it to end."""
    ends = has_to_end(parent)

    def worker() -> ScanWorker:
        return ScanWorker(list(stages_of(config).values()), rings, accounts, processes)

    keeper = Keeper(lambda: start_worker(worker, SCAN_PRIORITY if priority > 0 else 0), lambda: int(processes["beat_ns"][0]))
    realtime.raise_priority(priority - READ_BELOW)
    reader, poll = Reader(sensors, rings.datagrams, accounts), select.poll()
    numbers = {live.receiver.fileno(): number for number, live in enumerate(sensors)}
    for file in numbers:
        poll.register(file, select.POLLIN)
    try:
        while not ends():
            for file, _ in poll.poll(POLL_S * 1e3):
                items = sensors[numbers[file]].receiver.receive(0.0)
                reader.take(numbers[file], items, time.monotonic_ns(), time.time_ns())
            keeper.look()
            processes["restarts"], processes["process"] = keeper.restarts, keeper.process
            processes["reader_beat_ns"] = time.monotonic_ns()
    finally:
        keeper.stop()
