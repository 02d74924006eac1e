"""What a closed-loop run is judged by, gathered tick by tick from the truth."""

from __future__ import annotations

import math

import numpy as np

from hil.truth import Truth

HARD_BRAKE_MPS2 = 3.0  # counted once per braking


class RunMetrics:
    """Call with every truth; `as_dict` at the end. `vehicle` is a table of the fields of VehicleParameters."""

    def __init__(self, vehicle, set_speed_mps: float):
        self.front = float(vehicle["front_overhang_m"])
        self.half_width = 0.5 * float(vehicle["width_m"])
        self.hitch, self.trailer = float(vehicle["hitch_offset_m"]), float(vehicle["trailer_wheelbase_m"])
        self.has_trailer = bool(vehicle["has_trailer"])
        self.set_speed = set_speed_mps
        self.rows: list[tuple[float, ...]] = []
        self.collisions = 0
        self._touching: set[int] = set()

    def __call__(self, truth: Truth) -> None:
        ego, road = truth.ego, truth.road
        ttc = headway = math.inf
        touching = set()
        for actor in truth.actors:
            dx, dy = actor.x - ego.x, actor.y - ego.y
            x = math.cos(ego.yaw) * dx + math.sin(ego.yaw) * dy
            y = -math.sin(ego.yaw) * dx + math.cos(ego.yaw) * dy
            lane_y = -road.offset - road.heading_error * x + 0.5 * road.curvature * x * x
            gap = x - 0.5 * actor.length - self.front
            if x > 0.0 and abs(y - lane_y) < road.width_left:
                closing = ego.velocity - actor.speed
                ttc = min(ttc, gap / closing if closing > 0.0 else math.inf)
                headway = min(headway, gap / ego.velocity if ego.velocity > 1.0 else math.inf)
            if abs(y) < self.half_width + 0.5 * actor.width and -actor.length < gap < 0.0:
                touching.add(actor.id)
        self.collisions += len(touching - self._touching)
        self._touching = touching
        self.rows.append((truth.time_ns / 1e9, ego.velocity, ego.acceleration, ego.lateral_acceleration, road.offset,
                          self._trailer_offset(truth), ttc, headway, road.width_left, road.width_right))  # fmt: skip

    def _trailer_offset(self, truth: Truth) -> float:
        """m, of the trailer's axle group from the lane middle there."""
        if not self.has_trailer:
            return truth.road.offset
        angle, road = truth.ego.articulation, truth.road
        x = -self.hitch - self.trailer * math.cos(angle)
        y = -self.trailer * math.sin(angle)
        return y - (-road.offset - road.heading_error * x + 0.5 * road.curvature * x * x)

    def as_dict(self) -> dict[str, float | int | None]:
        time, speed, acceleration, lateral, offset, trailer, ttc, headway, left, right = np.array(self.rows).T
        jerk = np.abs(np.diff(acceleration) / np.diff(time)) if len(time) > 1 else np.zeros(1)
        braking = acceleration < -HARD_BRAKE_MPS2
        out = (offset + self.half_width > left) | (-offset + self.half_width > right)
        return {
            "collisions": self.collisions,
            "min_ttc_s": _finite(ttc.min()),
            "min_headway_s": _finite(headway.min()),
            "jerk_p99_mps3": float(np.percentile(jerk, 99)),
            "acceleration_min_mps2": float(acceleration.min()),
            "hard_brakes": int(np.sum(braking[1:] & ~braking[:-1]) + braking[0]),
            "lane_offset_rms_m": float(np.sqrt(np.mean(offset**2))),
            "lane_offset_max_m": float(np.abs(offset).max()),
            "trailer_offset_max_m": float(np.abs(trailer).max()),
            "out_of_lane_share": float(out.mean()),
            "lateral_acceleration_max_mps2": float(np.abs(lateral).max()),
            "speed_kept": float(speed.mean() / self.set_speed) if self.set_speed > 0.0 else None,
            "distance_m": float(np.sum(speed[1:] * np.diff(time))),
        }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
