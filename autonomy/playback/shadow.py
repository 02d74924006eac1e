"""What the stack would have done beside what the driver did: steering, acceleration, and the lead against raw radar."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy.playback.engine import Block

LOWEST_SPEED_MPS = 5.0  # below, steering is manoeuvring
LEAD_MATCH_M = 3.0  # a radar target this close to the lead's distance is taken for it


class _Difference:
    """Running mean, spread and correlation of (ours, driver's) pairs, the same however they are cut into blocks."""

    def __init__(self):
        self.count = 0
        self.sums = np.zeros(5)  # a, b, a*a, b*b, a*b

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        usable = np.isfinite(a) & np.isfinite(b)
        a, b = a[usable], b[usable]
        self.count += len(a)
        terms = np.stack([a, b, a * a, b * b, a * b])
        # One after the other: NumPy's sum pairs them up, so its rounding hangs on where a block ends
        self.sums = np.cumsum(np.column_stack([self.sums, terms]), axis=1)[:, -1]

    def as_json(self) -> dict[str, float | int | None]:
        if not self.count:
            return {"samples": 0, "rms": None, "mean": None, "correlation": None}
        a, b, aa, bb, ab = self.sums / self.count
        spread = (aa - a * a) * (bb - b * b)
        return {
            "samples": self.count,
            "rms": float(np.sqrt(max(aa - 2.0 * ab + bb, 0.0))),
            "mean": float(a - b),
            "correlation": float((ab - a * b) / np.sqrt(spread)) if spread > 0.0 else None,
        }


class ShadowComparison:
    """A sink for `Engine`: commanded minus driven road-wheel angle and acceleration, lead minus radar distance."""

    def __init__(self):
        self._angle, self._feedforward, self._acceleration, self._lead = (_Difference() for _ in range(4))
        self._ticks = self._ticks_with_lead = 0

    def __call__(self, block: Block) -> None:
        out = block.outputs
        moving = (out["vehicle"]["speed"] > LOWEST_SPEED_MPS) & (out["lane"]["status"] > 0)
        self._angle.add(out["control"]["road_wheel_angle"][moving], out["vehicle"]["road_wheel_angle"][moving])
        self._feedforward.add(out["control"]["feedforward"][moving], out["vehicle"]["road_wheel_angle"][moving])
        self._acceleration.add(out["control"]["acceleration"][moving], out["vehicle"]["driver_acceleration"][moving])
        self._ticks += len(out)
        self._ticks_with_lead += int(np.isfinite(out["tracks"]["lead_distance"]).sum())
        if block.radar is not None:
            self._match_lead(block.radar, out["tracks"]["lead_distance"])

    def _match_lead(self, radar: np.ndarray, lead: np.ndarray) -> None:
        """`radar`: dtype("RadarInput") (n,); `lead`: distances (n,)."""
        rows = np.flatnonzero((radar["count"] > 0) & np.isfinite(lead))
        if not rows.size:
            return
        most = int(radar["count"][rows].max())
        points, lead = radar["items"][rows, :most], lead[rows]
        usable = (np.arange(most) < radar["count"][rows, None]) & (points["validity"] == 0) & np.isfinite(points["x"])
        gaps = np.where(usable, np.abs(points["x"] - lead[:, None]), np.inf)
        place = gaps.argmin(axis=1)
        nearest = np.arange(len(rows)), place
        matched = gaps[nearest] < LEAD_MATCH_M
        self._lead.add(lead[matched], points["x"][nearest][matched])

    def as_json(self) -> dict[str, Any]:
        return {
            "road_wheel_angle_rad": self._angle.as_json(),
            "road_wheel_feedforward_rad": self._feedforward.as_json(),
            "acceleration_mps2": self._acceleration.as_json(),
            "lead_distance_m": self._lead.as_json(),
            "lead_share": self._ticks_with_lead / self._ticks if self._ticks else None,
        }
