"""Packets of the truck's lidars and radars onto UDP sockets: in real time each at its own moment, in lockstep a tick's together.

    output = PacedScans({"/raw/udp/roof": ("127.0.0.1", 2368)}, sensors.scan)     # or SteppedScans
    output.look(truth)                                                            # sends what the sensors make of it
"""

from __future__ import annotations

import queue
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.runtime import realtime
from autonomy.runtime.lockstep import datagrams_frame
from drivers.udp.message import data_of
from hil.rig import lateness
from hil.rig.lanes import Lane
from hil.rig.recorded import UDP
from hil.rig.targets import Target
from hil.sensors.records import RawRecord
from hil.world import Truth

__all__ = ["PRIORITY", "PacedScans", "Places", "Scan", "ScanOutput", "SteppedScans"]

Places = Mapping[str, tuple[str, int]]  # by topic: address and port
PRIORITY = 55  # SCHED_FIFO where it is allowed: below the truck's own steps
PATIENCE_NS, STRETCH_NS = 100_000_000, 1_000_000_000


Scan = Callable[[Truth], list[RawRecord]]  # packets with the times at which they leave


class ScanOutput(Protocol):
    def look(self, truth: Truth) -> None: ...

    def account(self) -> dict[str, Any]:
        """{"sent", "failed", "lateness_us"}: datagrams; behind `close`."""
        ...

    def close(self) -> None:
        """Waits for what is still to leave."""
        ...


class PacedScans(threading.Thread):
    """Makes packets in a thread of its own, for a lidar's turn takes milliseconds, and a thread a sensor sends them without the
    GIL (lanes.py). `scan` has to give them before their times. Raises EnvironmentFault."""

    def __init__(self, places: Places, scan: Scan):
        super().__init__(name="scans", daemon=True)
        self._scan = scan
        self._truths: queue.SimpleQueue[Truth | None] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._lanes = {topic: Lane(Target(UDP, address, port=port), patience_ns=PATIENCE_NS, bucket_ns=STRETCH_NS)
                       for topic, (address, port) in places.items()}  # fmt: skip
        self._first_ns, self._scale = 0, 1.0
        self._refused = 0
        for lane in self._lanes.values():
            lane.start()
        for lane in self._lanes.values():
            lane.is_ready.wait()

    def begin(self, origin_ns: int, first_ns: int, scale: float) -> None:
        """A record of `first_ns` leaves at `origin_ns` of CLOCK_MONOTONIC; the truck's seconds are `scale` of ours."""
        self._first_ns, self._scale = first_ns, scale
        for lane in self._lanes.values():
            lane.begin(origin_ns)
        self.start()

    def look(self, truth: Truth) -> None:
        """Raises what went wrong with an earlier one."""
        if self._error is not None:
            raise self._error
        self._truths.put(truth)

    def run(self) -> None:
        realtime.raise_priority(PRIORITY)
        try:
            while (truth := self._truths.get()) is not None:
                self._send(self._scan(truth))
        except Exception as error:  # told to whoever drives
            self._error = error

    def _send(self, records: Iterable[RawRecord]) -> None:
        own: dict[str, list[RawRecord]] = {topic: [] for topic in self._lanes}
        for record in records:
            own[record.channel].append(record)
        for topic, rows in own.items():
            if rows:
                self._put(self._lanes[topic], rows)

    def _put(self, lane: Lane, rows: list[RawRecord]) -> None:
        data = [data_of(record.data) for record in rows]
        lengths = np.array([len(item) for item in data], np.int64)
        times_ns = np.array([record.time_ns - self._first_ns for record in rows], np.int64)
        taken = lane.port.put(np.rint(times_ns * self._scale).astype(np.int64), np.cumsum(lengths) - lengths, lengths,
                              np.frombuffer(b"".join(data), np.uint8))  # fmt: skip
        self._refused += len(rows) - taken

    def account(self) -> dict[str, Any]:
        counts = [lane.account() for lane in self._lanes.values()]
        failed = self._refused + sum(sum(item["failed"].values()) + item["waiting"] for item in counts)
        late = lateness.summed([lane.port.lateness() for lane in self._lanes.values()])
        return {"sent": sum(item["sent"] for item in counts), "failed": failed, "lateness_us": late}

    def close(self) -> None:
        self._truths.put(None)
        if self.is_alive():
            self.join()
        for lane in self._lanes.values():
            lane.port.close_input()
            if lane.is_alive():
                lane.begin(0)  # of a run that never began
        for lane in self._lanes.values():
            lane.join()
            lane.close()


class SteppedScans:
    """At once; `told` is what the rig says of them before the sync. `places` in the order of the vehicle file, lidars first."""

    def __init__(self, places: Places, scan: Scan):
        self._places, self._scan = dict(places), scan
        self._numbers = {topic: number for number, topic in enumerate(places)}
        self._node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sent: Counter[str] = Counter()

    def look(self, truth: Truth) -> None:
        """Raises EnvironmentFault."""
        for record in self._scan(truth):
            try:
                self._node.sendto(data_of(record.data), self._places[record.channel])
            except OSError as error:
                address, port = self._places[record.channel]
                raise EnvironmentFault(f"UDP {address}:{port} takes no datagram: {error.strerror}") from None
            self._sent[record.channel] += 1

    def told(self) -> np.ndarray:
        """Rows of CanFrame."""
        return np.concatenate([datagrams_frame(number, self._sent[topic]) for topic, number in self._numbers.items()])

    def account(self) -> dict[str, Any]:
        return {"sent": sum(self._sent.values()), "failed": 0, "lateness_us": lateness.summed([])}

    def close(self) -> None:
        self._node.close()
