"""Detections as the target list a radar sends: numbered, at most sixteen, as CAN frames (configs/sensors/demo_sensors.dbc).

The sensor keeps a number as long as something moves on where it was; what it loses for a few scans begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy import msg
from drivers.can.codec import Codec
from hil.radar.emulator import Detections
from hil.sensors.records import RawRecord

MOST_TARGETS = 16  # RADAR_TARGET_0 .. 15
GATE_M, GATE_MPS = 3.0, 3.0  # within which a detection goes on with a number [D]
KEPT_SCANS = 3  # without a detection
NUMBERS = 4096  # target_id has 12 bits
STANDING_MPS = 2.0  # over ground


@dataclass
class Target:
    number: int
    x: float
    y: float
    range_rate: float
    missed: int = 0


class TargetList:
    """One radar's numbering. `bus`: of the CAN that it speaks on."""

    def __init__(self, bus: int = 1):
        self.bus, self.targets, self.next = bus, [], 1
        self.time_ns: int | None = None
        self.left_out = 0  # detections that found no place in the list, since the start

    def rows(self, detections: Detections, ego_speed: float) -> np.ndarray:
        """(n,) of RadarPoint: what moves first, then what is near."""
        order = self._chosen(detections, ego_speed)
        elapsed = 0.0 if self.time_ns is None else 1e-9 * (detections.time_ns - self.time_ns)
        for target in self.targets:
            target.x += target.range_rate * elapsed
            target.missed += 1
        rows = np.zeros(len(order), msg.dtype("RadarPoint"))
        taken: set[int] = set()
        for row, index in zip(rows, order, strict=True):
            x, y, rate = float(detections.x[index]), float(detections.y[index]), float(detections.table["range_rate"][index])
            target = self._nearest(x, y, rate, taken)
            row["is_new"] = target is None
            if target is None:
                target = Target(self.next, x, y, rate)
                self.next = self.next % (NUMBERS - 1) + 1
                self.targets.append(target)
            target.x, target.y, target.range_rate, target.missed = x, y, rate, 0
            taken.add(target.number)
            row["x"], row["y"], row["range_rate"], row["target_id"] = x, y, rate, target.number
            row["valid_time_ns"] = row["received_time_ns"] = detections.time_ns
            row["x_sigma"] = row["y_sigma"] = np.nan
        self.targets = [target for target in self.targets if target.missed <= KEPT_SCANS]
        self.time_ns = detections.time_ns
        return rows

    def frames(self, detections: Detections, ego_speed: float, codec: Codec, latency_ns: int = 50_000_000) -> list[RawRecord]:
        """The list as CAN frames; `codec` knows the bus's DBC (hil.sensors.Bytes.codec)."""
        records = []
        for place, row in enumerate(self.rows(detections, ego_speed)):
            values = {name: float(row[name]) for name in ("x", "y", "range_rate", "target_id", "is_new")} | {"valid": 1}
            identifier, data = codec.encode(f"RADAR_TARGET_{place}", values, bus=self.bus)
            frame = np.zeros((), msg.dtype("CanFrame"))
            time_ns = detections.time_ns + latency_ns
            frame["time_ns"], frame["id"], frame["bus"], frame["length"] = time_ns, identifier, self.bus, len(data)
            frame["data"] = np.frombuffer(data.ljust(8, b"\0"), np.uint8)
            records.append(RawRecord(time_ns, f"/raw/can/{self.bus}", frame.tobytes()))
        return records

    def _chosen(self, detections: Detections, ego_speed: float) -> np.ndarray:
        """Indices of what goes into the list, in its order."""
        table = detections.table
        over_ground = table["range_rate"] + ego_speed * np.cos(table["azimuth"])
        order = np.lexsort((table["range"], np.abs(over_ground) < STANDING_MPS))
        self.left_out += max(len(order) - MOST_TARGETS, 0)
        return order[:MOST_TARGETS]

    def _nearest(self, x: float, y: float, rate: float, taken: set[int]) -> Target | None:
        best, distance = None, GATE_M
        for target in self.targets:
            apart = np.hypot(target.x - x, target.y - y)
            if target.number not in taken and apart < distance and abs(target.range_rate - rate) < GATE_MPS:
                best, distance = target, apart
        return best
