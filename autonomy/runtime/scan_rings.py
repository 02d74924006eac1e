"""What the processes of a live lidar or radar share: rings, and the account that each of them writes its own part of."""

from __future__ import annotations

import mmap
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.runtime._journal import JOURNAL_LIST_ROW, LIST_ROW
from autonomy.runtime.datagrams import DATAGRAM_PART
from drivers.ring import Ring

__all__ = ["ACCOUNT", "LATENCY_BINS", "ScanRings", "shared_account"]

DATAGRAM_SLOTS = 1 << 13  # 16 MiB: three seconds of the busiest sensor, while its scans are not looked at
RAW_SLOTS = 1 << 14  # 32 MiB: six seconds for a slow disk
STATE_SLOTS = 1 << 8  # 2.5 s of ticks
FOUND_SLOTS = 1 << 6  # two seconds of three lists a scan
LIST_SLOTS = 1 << 9
LATENCY_BINS = 2001  # one a millisecond, the last for everything longer

# Of one sensor. The process that reads the socket writes what stands before `beat_ns`, the scan's process the rest
ACCOUNT = np.dtype([
    ("datagrams", "i8"), ("bytes", "i8"), ("lost", "i8"), ("without_room", "i8"), ("unrecorded", "i8"), ("clock_steps", "i8"),
    ("restarts", "i8"), ("process", "i8"), ("reader_beat_ns", "i8"),
    ("beat_ns", "i8"), ("scans", "i8"), ("skipped", "i8"), ("lists", "i8"), ("lists_lost", "i8"), ("without_ego", "i8"),
    ("latency_max_ns", "i8"), ("latency_ms", "u4", (LATENCY_BINS,)), ("padding", "u4"),
])  # fmt: skip


class ScanRings(NamedTuple):
    """Of one sensor. `datagrams`: to its scan's process; `raw`: the same to the recorder; `states`: EgoState of each tick, from
    the loop; `found`: lists of samples, to the loop."""

    datagrams: Ring
    raw: Ring
    states: Ring
    found: Ring

    @classmethod
    def make(cls) -> ScanRings:
        return cls(Ring(DATAGRAM_SLOTS, DATAGRAM_PART.itemsize), Ring(RAW_SLOTS, DATAGRAM_PART.itemsize),
                   Ring(STATE_SLOTS, msg.dtype("EgoState").itemsize), Ring(FOUND_SLOTS, LIST_ROW.itemsize))  # fmt: skip


def list_journal() -> Ring:
    """From the loop to the recorder: what it took of all sensors' lists."""
    return Ring(LIST_SLOTS, JOURNAL_LIST_ROW.itemsize)


def shared_account(sensors: int) -> np.ndarray:
    """ACCOUNT (sensors,) in memory that forked processes share."""
    return np.frombuffer(mmap.mmap(-1, max(sensors, 1) * ACCOUNT.itemsize), ACCOUNT)[:sensors]
