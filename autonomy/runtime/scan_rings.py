"""What the processes of a live lidar or radar share: rings, and the accounts that each of them writes its own part of."""

from __future__ import annotations

import mmap
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.runtime._journal import JOURNAL_LIST_ROW, LIST_ROW
from autonomy.runtime.datagrams import DATAGRAM_PART
from drivers.ring import Ring

__all__ = ["ACCOUNT", "LATENCY_BINS", "PROCESSES", "ScanRings", "list_journal", "raw_ring", "shared"]

DATAGRAM_SLOTS = 1 << 13  # 16 MiB: two seconds of the busiest sensor, while scans are not looked at
RAW_SLOTS = 1 << 14  # 32 MiB: six seconds for a slow disk
STATE_SLOTS = 1 << 8  # 2.5 s of ticks
FOUND_SLOTS = 1 << 7  # two seconds of three lists a scan and a radar
LIST_SLOTS = 1 << 9
LATENCY_BINS = 2001  # one a millisecond, the last for everything longer

# Of one sensor. The process that reads the sockets writes what stands before `scans`, the scan process the rest
ACCOUNT = np.dtype([
    ("datagrams", "i8"), ("bytes", "i8"), ("lost", "i8"), ("without_room", "i8"), ("unrecorded", "i8"), ("clock_steps", "i8"),
    ("scans", "i8"), ("skipped", "i8"), ("lists", "i8"), ("lists_lost", "i8"), ("without_ego", "i8"),
    ("malformed", "i8"), ("other", "i8"), ("missing", "i8"),
    ("latency_max_ns", "i8"), ("latency_ms", "u4", (LATENCY_BINS,)), ("padding", "u4"),
])  # fmt: skip


PROCESSES = np.dtype([("restarts", "i8"), ("process", "i8"), ("reader_beat_ns", "i8"), ("beat_ns", "i8")])  # the last: scans'


class ScanRings(NamedTuple):
    """Of the scan process. `datagrams`: of all sensors, in the order in which they came; `states`: EgoState of each tick, from
    the loop; `found`: lists of samples, to the loop."""

    datagrams: Ring
    states: Ring
    found: Ring

    @classmethod
    def make(cls) -> ScanRings:
        return cls(Ring(DATAGRAM_SLOTS, DATAGRAM_PART.itemsize), Ring(STATE_SLOTS, msg.dtype("EgoState").itemsize),
                   Ring(FOUND_SLOTS, LIST_ROW.itemsize))  # fmt: skip


def raw_ring() -> Ring:
    """Of one sensor: its datagrams to the recorder."""
    return Ring(RAW_SLOTS, DATAGRAM_PART.itemsize)


def list_journal() -> Ring:
    """From the loop to the recorder: what it took of all sensors' lists."""
    return Ring(LIST_SLOTS, JOURNAL_LIST_ROW.itemsize)


def shared(layout: np.dtype, count: int) -> np.ndarray:
    """(count,) zeros in memory that forked processes share."""
    return np.frombuffer(mmap.mmap(-1, max(count, 1) * layout.itemsize), layout)[:count]
