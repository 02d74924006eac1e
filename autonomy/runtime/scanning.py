"""The scans of live lidars and radars: datagrams from a ring into scan processing, what it found into a ring for the loop.

A scan is processed with the ego state of the last tick before the packet that ended it, as in replay from packets. Ticks are at
multiples of 10 ms, so which tick that is is known from the packet's time alone; the scan waits for it, a fraction of a
millisecond as a rule. So the log's packets give what the truck was told, byte for byte.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autonomy import msg
from autonomy.log.sample_lists import sample_list
from autonomy.perception.perceived import Perceived
from autonomy.playback.source import KINDS
from autonomy.runtime._journal import LIST_ROW
from autonomy.runtime.datagrams import DATAGRAM_PART, Joiner
from autonomy.runtime.scan_rings import LATENCY_BINS, ScanRings
from autonomy.tick_period import TICK_NS

if TYPE_CHECKING:
    from autonomy.perception.stages import Stage

__all__ = ["ScanWorker"]

BATCH_PARTS = 256
EGO = msg.dtype("EgoState")
REMEMBERED_TICKS = 128
DECODER_COUNTS = {"malformed": "malformed", "other": "other", "missing": "lost"}  # of ACCOUNT: of the decoders
EGO_PATIENCE_NS = 50_000_000  # [D] five ticks: the loop stands, or does not run yet
MOST_BEHIND_NS = 300_000_000  # [D] a truck at 25 m/s has gone 7.5 m; the scans behind it matter more


class ScanWorker:
    """`turn()` does what there is to do. `accounts`: ACCOUNT (stages,), `processes`: PROCESSES (1,). `clock`: ns, that of
    datagrams and ticks."""

    def __init__(self, stages: Sequence[Stage], rings: ScanRings, accounts: np.ndarray, processes: np.ndarray,
                 clock: Callable[[], int] = time.monotonic_ns):  # fmt: skip
        self.stages, self.rings, self.accounts, self.processes, self.clock = stages, rings, accounts, processes, clock
        self._number = 0  # of the stage that the newest datagram went to
        self._parts = np.zeros(BATCH_PARTS, DATAGRAM_PART)
        self._joiner = Joiner()
        self._datagrams: deque[tuple[int, np.void]] = deque()  # with the number of their sensor
        self._states = np.zeros(REMEMBERED_TICKS, EGO)
        self._counted = np.zeros((len(stages), len(DECODER_COUNTS)), np.int64)
        self._egos: deque[np.void] = deque(maxlen=REMEMBERED_TICKS)
        self._standing = np.zeros(1, EGO)[0]  # before the first tick nothing is known

    def turn(self) -> bool:
        """Whether there was anything to do; else the caller may sleep."""
        self.processes["beat_ns"] = self.clock()
        for row in self._states[: self.rings.states.pop_many(self._states)]:
            self._egos.append(row.copy())
        taken = self._take()
        return self._perceive(self.stages[self._number], self.accounts[self._number]) if self._scan_waits else taken

    @property
    def _scan_waits(self) -> bool:
        return self.stages[self._number].waits

    def _take(self) -> bool:
        """Packets up to one that ends a scan; those behind it wait, of whichever sensor they are."""
        if not self._datagrams and not self._scan_waits:
            rows, numbers = self._joiner.join(self._parts[: self.rings.datagrams.pop_many(self._parts)])
            self._datagrams.extend(zip(numbers.tolist(), rows, strict=True))
        taken = False
        while self._datagrams and not self._scan_waits:
            self._number, row = self._datagrams.popleft()
            self.stages[self._number].take(row["data"][: row["count"]].tobytes(), int(row["time_ns"]))
            taken = True
        if taken:
            self._count_packets()
        return taken

    def _count_packets(self) -> None:
        """What the decoders say of their packets; a process that was started again goes on counting."""
        for number, stage in enumerate(self.stages):
            found = stage.decoder.counts()
            now = np.array([found[theirs] for theirs in DECODER_COUNTS.values()])
            for name, more in zip(DECODER_COUNTS, now - self._counted[number], strict=True):
                self.accounts[name][number] += more
            self._counted[number] = now

    def _perceive(self, stage: Stage, account: np.void) -> bool:
        ended_ns = stage.ended_ns
        now_ns = self.clock()
        if now_ns - ended_ns > MOST_BEHIND_NS:
            stage.skip()
            account["skipped"] += 1
            return True
        newest_ns = int(self._egos[-1]["time_ns"]) if self._egos else -1
        if newest_ns < last_tick_before(ended_ns):
            if now_ns - ended_ns < EGO_PATIENCE_NS:
                return False
            account["without_ego"] += 1
        self._tell(stage.perceive(self._ego_before(ended_ns)), ended_ns, account)
        return True

    def _ego_before(self, time_ns: int) -> np.void:
        return next((ego for ego in reversed(self._egos) if ego["time_ns"] < time_ns), self._standing)

    def _tell(self, perceived: Perceived, ended_ns: int, account: np.void) -> None:
        now_ns = self.clock()
        for kind, rows in perceived.samples.items():
            rows["received_time_ns"] = now_ns
            body = sample_list(rows)
            item = np.zeros(1, LIST_ROW)
            item["time_ns"], item["kind"], item["size"] = now_ns, KINDS.index(kind), len(body)
            item["body"][0, : len(body)] = np.frombuffer(body, np.uint8)
            taken = self.rings.found.push(item)
            account["lists"] += taken
            account["lists_lost"] += not taken
        latency_ns = now_ns - ended_ns
        account["scans"] += 1
        account["latency_ms"][min(latency_ns // 1_000_000, LATENCY_BINS - 1)] += 1
        account["latency_max_ns"] = max(int(account["latency_max_ns"]), latency_ns)


def last_tick_before(time_ns: int) -> int:
    """The newest point of the ticks' grid before a time."""
    return (time_ns - 1) // TICK_NS * TICK_NS
