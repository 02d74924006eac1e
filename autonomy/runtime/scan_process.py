"""The processes of live lidars and radars: one reads all sockets and looks after the other, which looks at the scans.

    sockets ─ reader ─┬─ ring ─ scan process ─ ring ─ loop
                      └─ rings ─ recorder

All scans are looked at in the order in which their packets came, as in replay: a radar's screening asks what a lidar saw before.
The reader has one thread, so it may fork: a scan process that died, or has not been heard for HANG_S, is started anew. Datagrams
are recorded and counted meanwhile; what the loop misses is its fault table's business.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from autonomy.config import Config
from autonomy.perception.stages import ScanSensor, stages_of
from autonomy.runtime import datagrams, realtime
from autonomy.runtime.keeper import Keeper
from autonomy.runtime.scan_rings import ScanRings
from autonomy.runtime.scanning import ScanWorker
from drivers.ring import Ring
from drivers.udp.receiver import Received, UdpReceiver

__all__ = ["LiveSensor", "Reader", "read_forever"]

POLL_S, IDLE_S = 0.05, 0.002
OLDEST_NS, YOUNGEST_NS = 1_000_000_000, -1_000  # of a datagram's age: beyond them the wall clock was set
READ_BELOW = 15  # the loop's priority: behind receivers of buses and lines


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
    """The reader's process, until its parent is gone or SIGTERM comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the loop's process tells when it is over
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    keeper = Keeper(lambda: _start_scanning(rings, accounts, processes, config), lambda: int(processes["beat_ns"][0]))
    realtime.raise_priority(priority - READ_BELOW)
    reader, poll = Reader(sensors, rings.datagrams, accounts), select.poll()
    numbers = {live.receiver.fileno(): number for number, live in enumerate(sensors)}
    for file in numbers:
        poll.register(file, select.POLLIN)
    try:
        while not ended and os.getppid() == parent:
            for file, _ in poll.poll(POLL_S * 1e3):
                items = sensors[numbers[file]].receiver.receive(0.0)
                reader.take(numbers[file], items, time.monotonic_ns(), time.time_ns())
            keeper.look()
            processes["restarts"], processes["process"] = keeper.restarts, keeper.process
            processes["reader_beat_ns"] = time.monotonic_ns()
    finally:
        keeper.stop()


def _start_scanning(rings: ScanRings, accounts: np.ndarray, processes: np.ndarray, config: Config) -> int:
    """Forks the scan process."""
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with suppress(OSError):  # scans take long: never before anything with a deadline
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        worker = ScanWorker(list(stages_of(config).values()), rings, accounts, processes)
        while os.getppid() == parent:
            if not worker.turn():
                time.sleep(IDLE_S)
    finally:
        os._exit(1)
