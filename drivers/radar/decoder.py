"""Bytes of one radar into scans. No I/O; the kernels are ext/drivers/radar/_can_scan.pyx and _ars548.pyx.

CanDecoder("delphi-esr").feed(frames)                      CanFrames of its bus -> scans
Ars548Decoder().feed(packet, received_time_ns)             a datagram -> scans
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autonomy.errors import UsageError
from autonomy.msg import dtype
from drivers.radar import ars548, delphi_esr, toyota
from drivers.radar._ars548 import Ars548Kernel
from drivers.radar._can_scan import CanScanKernel
from drivers.radar.model import FIELDS, CanRadar

CAN_MODELS = {radar.name: radar for radar in (toyota.MODEL, delphi_esr.MODEL)}
CLOCKS = ("received", "sensor")
AMISS = ("malformed", "lost", "missing", "stale")


@dataclass(frozen=True)
class Scan:
    """`detections` [n] of RadarDetection, `objects` [m] of RadarObject: the sensor's own. A sensor that sends both sends them as
    scans of their own. `header`: what the sensor says beside; `health`: what was counted since the scan before."""

    stamp_ns: int  # on the log's clock
    detections: np.ndarray
    objects: np.ndarray
    header: dict[str, Any] = field(default_factory=dict)
    health: dict[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return not any(self.health.get(name, 0) for name in AMISS)


class CanDecoder:
    """`radar`: a model or its name. Frames in the order they came, of one bus: detections carry the time of their frame."""

    def __init__(self, radar: CanRadar | str, bus: int | None = None):
        """`bus`: frames of others are left out, counted as `other`; None takes them all. Raises UsageError."""
        self.model = can_model(radar) if isinstance(radar, str) else radar
        self.bus = bus
        self._kernel = CanScanKernel(self.model, FIELDS)
        self._of_other_buses = 0
        self._before: dict[str, int] = self.counts()

    def feed(self, frames: np.ndarray) -> Iterator[Scan]:
        """The scans that end within `frames` [n] of CanFrame."""
        if frames.dtype != dtype("CanFrame"):
            raise UsageError(f"radar frames of {frames.dtype}: must be rows of CanFrame")
        if self.bus is not None:
            own = frames["bus"] == self.bus
            self._of_other_buses += int(len(frames) - own.sum())
            frames = frames[own]
        memory = np.ascontiguousarray(frames).view(np.uint8)
        first = 0
        while first < len(frames):
            taken, has_ended = self._kernel.push(memory, first)
            first += taken
            if has_ended:
                yield self._scan()

    def finish(self) -> Iterator[Scan]:
        """The scan in the making. For the end of a recording."""
        if self._kernel.rest():
            yield self._scan()

    def counts(self) -> dict[str, int]:
        """Since the start: see CanScanCounts in ext/drivers/radar/_can_scan.pxd."""
        counts = self._kernel.counts()
        return counts | {"other": counts["other"] + self._of_other_buses}

    def _scan(self) -> Scan:
        rows, begun_ns, counter, missing = self._kernel.take()
        counts = self.counts()
        health = {name: count - self._before[name] for name, count in counts.items()}
        self._before = counts
        return Scan(begun_ns, rows, np.empty(0, dtype("RadarObject")), {"counter": counter, "missing": missing}, health)


class Ars548Decoder:
    """clock: "received" - the arrival of each packet; "sensor" - the sensor's own, which keeps UTC by PTP. Raises UsageError."""

    def __init__(self, clock: str = "received"):
        if clock not in CLOCKS:
            raise UsageError(f"radar clock '{clock}': must be one of {', '.join(CLOCKS)}")
        self._kernel = Ars548Kernel(clock == "sensor")
        self._before: dict[str, int] = self._kernel.counts()

    def feed(self, packet: bytes, received_time_ns: int) -> list[Scan]:
        """The list that a packet holds, detections or objects; none where it holds another thing, or nothing sound."""
        rows = self._kernel.push(packet, received_time_ns)
        if rows is None:
            return []
        counts = self._kernel.counts()
        health = {name: count - self._before[name] for name, count in counts.items()}
        self._before = counts
        time_ns, sensor_ns = self._kernel.times()
        empty = {name: np.empty(0, dtype(name)) for name in ("RadarDetection", "RadarObject")}
        is_detections = rows.dtype == dtype("RadarDetection")
        return [Scan(time_ns, rows if is_detections else empty["RadarDetection"], empty["RadarObject"] if is_detections else rows,
                     ars548.header(packet) | {"sensor_time_ns": sensor_ns}, health)]  # fmt: skip

    def counts(self) -> dict[str, int]:
        """Since the start: see Ars548Counts in ext/drivers/radar/_ars548.pxd."""
        return self._kernel.counts()


def can_model(name: str) -> CanRadar:
    """The radar on CAN of that name. Raises UsageError."""
    found = CAN_MODELS.get(name)
    if found is None:
        raise UsageError(f"no radar '{name}' on CAN; there are {', '.join(CAN_MODELS)}; '{ars548.NAME}' is read by Ars548Decoder")
    return found
