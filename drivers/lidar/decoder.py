"""The packets of one lidar, one after the other, into scans of points. No I/O; the kernel is ext/drivers/lidar/_decoder.pyx."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from autonomy.errors import UsageError
from autonomy.msg import dtype
from drivers.lidar import tables
from drivers.lidar._decoder import Kernel
from drivers.lidar.model import LidarModel, model

CLOCKS = {"sensor": 0, "locked": 1, "received": 2}
LONGEST_SCAN_NS = 220_000_000  # as in ext/drivers/lidar/_scan.pxd
BUFFERS = 3  # in the making, the next, and the one that was given away last


@dataclass(frozen=True)
class Scan:
    """`points` [n] of LidarPoint, in the order they came. `health`: what was counted while it was in the making; packets lost
    between two scans are lost to both."""

    stamp_ns: int  # of its first column
    points: np.ndarray
    begins_at_cut: bool  # not so of the first one, after a pause, and after a jump of the sensor's clock
    ends_at_cut: bool  # not so of one that a pause, a jump or the end of the recording cut off
    health: dict[str, int]

    @property
    def is_whole(self) -> bool:
        """From cut to cut, and nothing of it is missing."""
        amiss = ("lost", "malformed", "cut_by_time", "dropped_columns")
        return self.begins_at_cut and self.ends_at_cut and not any(self.health[name] for name in amiss)

    def as_json(self) -> dict[str, bool | int]:
        """Whether it is whole and, if not, why."""
        told = ("lost", "reordered", "duplicated", "malformed", "other", "clock_jumps", "cut_by_time", "dropped_columns")
        return {"is_whole": self.is_whole, "begins_at_cut": self.begins_at_cut, "ends_at_cut": self.ends_at_cut,
                **{name: self.health[name] for name in told}}  # fmt: skip


class Decoder:
    """`feed` packets as they come.

    lidar: a model or its name; with a unit's calibration file: `model.with_beams(...)`.
    cut_azimuth_rad: where a scan begins, clockwise from the sensor's azimuth 0.
    clock: "sensor" - the sensor's own, set to the arrival of the first packet and followed from there; "locked" - the sensor's,
    which keeps UTC by GNSS or PTP (of a Velodyne, which tells no hour, the hour is that of the arrival); "received" - the
    arrival of each packet.
    convention: "maker" - as the maker's manual has azimuths and times, of each laser when it fires; "nebula" - as that open
    driver has them, to compare with what it decoded (ext/drivers/lidar/_azimuth.pxd).
    Distances outside minimum_range_m .. maximum_range_m are left out.
    Raises UsageError.
    """

    def __init__(
        self,
        lidar: LidarModel | str,
        *,
        cut_azimuth_rad: float = 0.0,
        clock: str = "sensor",
        convention: str = "maker",
        minimum_range_m: float = 0.0,
        maximum_range_m: float = 1000.0,
    ):
        self.model = model(lidar) if isinstance(lidar, str) else lidar
        if clock not in CLOCKS:
            raise UsageError(f"lidar clock '{clock}': must be one of {', '.join(CLOCKS)}")
        if convention not in ("maker", "nebula"):
            raise UsageError(f"lidar convention '{convention}': must be maker or nebula")
        if not 0.0 <= minimum_range_m < maximum_range_m:
            raise UsageError(f"lidar ranges {minimum_range_m} .. {maximum_range_m}: the first must be smaller and not negative")
        # Most points of a scan
        columns = LONGEST_SCAN_NS // self.model.column_period_ns + self.model.shape.columns
        self.capacity = columns * self.model.rings * 2
        self._buffers = [self._new_buffer() for _ in range(BUFFERS)]
        plan = tables.plan(self.model, cut_azimuth_rad, minimum_range_m, maximum_range_m, convention == "nebula")
        self._kernel = Kernel(plan, CLOCKS[clock], self._buffers[0], self._buffers[1])
        self._push = self._kernel.push
        self._before = self._kernel.counts()

    def feed(self, packet: bytes, received_time_ns: int) -> list[Scan]:
        """The scans that this packet ends: none or one.

        Their points stay what they are for as long as they are held; a scan that is let go of gives its memory to a later one.
        """
        return [self._taken()] if self._push(packet, received_time_ns) else []

    def feed_run(self, data: np.ndarray, offsets: np.ndarray, lengths: np.ndarray, received_time_ns: np.ndarray,
                 begin: int = 0) -> tuple[int, Scan | None]:  # fmt: skip
        """Packets in one buffer of bytes, from number `begin` on, up to the one that ends a scan: how many packets are done with
        then, and the scan. `offsets`, `lengths`, `received_time_ns`: int64 (n,). As `feed`, without a call for each of them."""
        ended = self._kernel.push_run(data, offsets, lengths, received_time_ns, begin)
        return (len(offsets), None) if ended < 0 else (ended, self._taken())

    def _taken(self) -> Scan:
        buffer, count, stamp_ns, begins_at_cut, ends_at_cut, lost = self._kernel.take()
        self._kernel.give(self._free_buffer())
        return Scan(stamp_ns, buffer[:count], begins_at_cut, ends_at_cut, self._health(lost))

    def finish(self) -> list[Scan]:
        """The scan in the making, as far as it has come, copied. For the end of a recording."""
        buffer, count, stamp_ns, begins_at_cut, ends_at_cut, lost = self._kernel.rest()
        if not count:
            return []
        return [Scan(stamp_ns, buffer[:count].copy(), begins_at_cut, ends_at_cut, self._health(lost))]

    def scans(self, packets: Iterable[tuple[bytes, int]]) -> Iterator[Scan]:
        """All scans of (packet, received_time_ns), the last one as far as it has come."""
        for packet, received_time_ns in packets:
            yield from self.feed(packet, received_time_ns)
        yield from self.finish()

    def counts(self) -> dict[str, int]:
        """Since the start: see LidarCounts in ext/drivers/lidar/_scan.pxd."""
        return self._kernel.counts()

    def _health(self, lost: int) -> dict[str, int]:
        counts = self._kernel.counts()
        health = {name: count - self._before[name] for name, count in counts.items()} | {"lost": lost}
        self._before = counts
        return health

    def _free_buffer(self) -> np.ndarray:
        """One that neither the kernel nor anybody else holds; a new one when all are in use."""
        for place in range(len(self._buffers)):
            if sys.getrefcount(self._buffers[place]) == 2:  # the list, and the argument of the call
                return self._buffers[place]
        self._buffers.append(self._new_buffer())
        return self._buffers[-1]

    def _new_buffer(self) -> np.ndarray:
        buffer = np.empty(self.capacity, dtype("LidarPoint"))
        buffer.view(np.uint8).fill(0)  # its memory is there before the first packet
        return buffer
