"""What a closed-loop run is judged by, gathered tick by tick from the truth, for the combination as a whole."""

from __future__ import annotations

import math

import numpy as np

from hil.fuel import fuel_figures
from hil.loop.contact import closest_ahead, touching
from hil.world import Truth

HARD_BRAKE_MPS2 = 3.0  # counted once per braking
JERK_WINDOW_S = 0.1  # over which the acceleration's change is taken, or its mean before that
LATERAL_JERK_WINDOW_S = 0.5  # mean, as UN R171 takes it
REVERSAL_RAD = math.radians(0.1)  # at the road wheel
COLUMNS = (
    "tick", "time_ns", "speed", "acceleration", "lateral_acceleration", "offset", "tractor_offset", "trailer_offset", "margin",
    "time_to_collision", "headway", "road_wheel_angle", "articulation", "trailer_lateral_acceleration", "front_axle_offset",
    "drive_axle_offset", "last_axle_offset", "curvature", "grade", "lane_width", "lanes_left", "lanes_right",
    "yaw_rate",
)  # fmt: skip


class RunMetrics:
    """Call with every truth; `as_dict` at the end. `vehicle` is a table of the fields of VehicleParameters, for worlds whose
    truth has neither axles nor corners."""

    def __init__(self, vehicle, set_speed_mps: float):
        self.front = float(vehicle["front_overhang_m"])
        self.width = float(vehicle["width_m"])
        self.hitch, self.trailer = float(vehicle["hitch_offset_m"]), float(vehicle["trailer_wheelbase_m"])
        self.wheelbase, self.rear = float(vehicle["wheelbase_m"]), float(vehicle["rear_overhang_m"])
        self.has_trailer = bool(vehicle["has_trailer"])
        self.set_speed = set_speed_mps
        self.rows: list[tuple[float, ...]] = []
        self.collisions = 0
        self.rolled_over = False
        self.tare = float(vehicle["tractor_mass_kg"]) + float(vehicle["trailer_tare_mass_kg"])
        self.fuel: list[float] = []  # kg since the plant's reset, of the first and the last tick
        self.mass = 0.0
        self._touching: set[int] = set()
        self.stops = np.zeros(2, np.int64)  # ticks driven with a valid stop at hand, and all

    def __call__(self, truth: Truth, tick: int = 0) -> None:
        ego, road = truth.ego, truth.road
        found = touching(truth, self.front, self.width)
        if ego.plant is not None and "fuel_kg" in ego.plant.dtype.names:
            self.fuel = [*self.fuel[:1], float(ego.plant["fuel_kg"])]
        self.mass = ego.mass
        self.collisions += len(found - self._touching)
        self._touching = found
        gap, lead_speed = closest_ahead(truth, self.front, self.width)
        closing = ego.velocity - lead_speed
        axles, corners = road.axle_offsets, road.corner_offsets
        if axles is None or corners is None:
            axles, corners = self._offsets(truth)
        own = ego.tractor_axles
        self.rolled_over = self.rolled_over or bool(truth.info.get("rolled_over", False))
        self.rows.append((
            tick, truth.time_ns, ego.velocity, ego.acceleration, ego.lateral_acceleration, road.offset,
            float(np.abs(axles[:own]).max()), float(np.abs(axles[own:]).max()) if len(axles) > own else abs(road.offset),
            min(road.width_left - float(corners.max()), road.width_right + float(corners.min())),
            gap / closing if closing > 0.0 else math.inf, gap / ego.velocity if ego.velocity > 1.0 else math.inf,
            ego.road_wheel_angle, ego.articulation, ego.trailer_lateral_acceleration, float(axles[0]), float(axles[own - 1]),
            float(axles[-1]), road.curvature, road.grade, road.width_left + road.width_right, road.lanes_left, road.lanes_right,
            ego.yaw_rate,
        ))  # fmt: skip

    def see_plan(self, plan: np.void) -> None:
        """Of a tick driven by the stack."""
        self.stops += bool(plan["fallback_valid"]), 1

    def columns(self) -> dict[str, np.ndarray]:
        """Every figure over the ticks in which the stack drove, by the names of COLUMNS; int64 ticks and times."""
        found = dict(zip(COLUMNS, zip(*self.rows, strict=True), strict=True)) if self.rows else dict.fromkeys(COLUMNS, ())
        return {name: np.array(values, np.int64 if name in ("tick", "time_ns") else float) for name, values in found.items()}

    def jerk(self) -> np.ndarray:
        """m/s3, absolute, longitudinal: the change of the acceleration over JERK_WINDOW_S; empty where the stack never drove."""
        if len(self.rows) < 2:
            return np.zeros(0)
        row = self.columns()
        return np.abs(_slope(row["acceleration"], float(np.median(np.diff(row["time_ns"]))) / 1e9, JERK_WINDOW_S))

    def as_dict(self) -> dict[str, float | int | bool | None]:
        """Null where the stack never drove."""
        if len(self.rows) < 2:
            return dict.fromkeys(_KEYS) | {"driven_s": 0.0, "collisions": self.collisions, "rolled_over": self.rolled_over}
        row = self.columns()
        time, speed, acceleration = (row["time_ns"] - row["time_ns"][0]) / 1e9, row["speed"], row["acceleration"]
        lateral = row["lateral_acceleration"]
        step = float(np.median(np.diff(time)))
        braking = acceleration < -HARD_BRAKE_MPS2
        jerk = self.jerk()
        lateral_jerk = np.abs(_slope(lateral, step, LATERAL_JERK_WINDOW_S))
        axles = np.maximum(row["tractor_offset"], row["trailer_offset"])
        margin = row["margin"]
        # What is known of a margin that is unknown at times says nothing of those: the nearest stays unknown, and so the verdict
        nearest = float(margin.min()) if np.isfinite(margin).all() else math.nan
        driven = float(np.sum(np.diff(time)))
        return {
            "collisions": self.collisions,
            "min_ttc_s": _finite(row["time_to_collision"].min()),
            "min_headway_s": _finite(row["headway"].min()),
            "jerk_p99_mps3": float(np.percentile(jerk, 99)),
            "acceleration_min_mps2": float(acceleration.min()),
            "hard_brakes": int(np.sum(braking[1:] & ~braking[:-1]) + braking[0]),
            "lane_offset_rms_m": float(np.sqrt(np.mean(row["offset"] ** 2))),
            "lane_offset_max_m": float(np.abs(row["offset"]).max()),
            "trailer_offset_max_m": float(row["trailer_offset"].max()),
            "out_of_lane_share": float(np.mean(margin < 0.0)),
            "lateral_acceleration_max_mps2": float(np.abs(lateral).max()),
            "speed_kept": float(speed.mean() / self.set_speed) if self.set_speed > 0.0 else None,
            "distance_m": float(np.sum(speed[1:] * np.diff(time))),
            "driven_s": driven,
            "axle_offset_p99_m": float(np.percentile(axles, 99)),
            "axle_offset_max_m": float(axles.max()),
            "line_margin_min_m": nearest,
            "lateral_jerk_max_mps3": float(lateral_jerk.max()),
            "articulation_max_rad": float(np.abs(row["articulation"]).max()),
            "trailer_lateral_acceleration_max_mps2": _finite(np.abs(row["trailer_lateral_acceleration"]).max()),
            "steering_reversals_per_min": reversals(row["road_wheel_angle"], REVERSAL_RAD) / driven * 60.0,
            "rolled_over": self.rolled_over,
            "fallback_valid_share": float(self.stops[0] / self.stops[1]) if self.stops[1] else None,
        } | self._fuel(float(np.sum(speed[1:] * np.diff(time))))

    def _fuel(self, distance_m: float) -> dict[str, float | None]:
        """Null of a plant that burns none."""
        if len(self.fuel) < 2:
            return dict.fromkeys(_FUEL_KEYS)
        return fuel_figures(self.fuel[1] - self.fuel[0], distance_m, self.mass - self.tare)

    def _offsets(self, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
        """Axles and corners against the lane middle, the lane taken for a parabola about the vehicle."""
        angle, half = truth.ego.articulation, 0.5 * self.width
        points = [(self.wheelbase, 0.0), (0.0, 0.0)]
        corners = [(self.front, half), (self.front, -half)]
        if self.has_trailer:
            back = self.rear - self.hitch  # kingpin to the rear face
            for along, aside, into in ((self.trailer, 0.0, points), (back, half, corners), (back, -half, corners)):
                into.append((-self.hitch - along * math.cos(angle) - aside * math.sin(angle),
                             -along * math.sin(angle) + aside * math.cos(angle)))  # fmt: skip
        else:
            corners += [(-self.rear, half), (-self.rear, -half)]
        return self._beside(truth, points), self._beside(truth, corners)

    def _beside(self, truth: Truth, points: list[tuple[float, float]]) -> np.ndarray:
        road = truth.road
        x, y = np.array(points).T
        return y + road.offset + road.heading_error * x - 0.5 * road.curvature * x * x


def reversals(angle: np.ndarray, threshold: float) -> int:
    """Turning points of a series between which it moves by more than the threshold."""
    count, direction = 0, 0
    low = high = extreme = float(angle[0])
    for value in angle.tolist():
        if direction == 0:
            low, high = min(low, value), max(high, value)
            if high - low > threshold:
                direction, extreme = (1 if value == high else -1), value
        elif (value - extreme) * direction > 0.0:
            extreme = value
        elif (extreme - value) * direction > threshold:
            count, direction, extreme = count + 1, -direction, value
    return count


def _slope(values: np.ndarray, step_s: float, window_s: float) -> np.ndarray:
    """Mean rate of change over a window; over the whole of a series that is shorter."""
    length = min(max(round(window_s / step_s), 1), len(values) - 1)
    return (values[length:] - values[:-length]) / (length * step_s)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


_FUEL_KEYS = ("fuel_kg", "fuel_l_per_100km", "co2_g_per_tkm")
_KEYS = (
    "collisions", "min_ttc_s", "min_headway_s", "jerk_p99_mps3", "acceleration_min_mps2", "hard_brakes", "lane_offset_rms_m",
    "lane_offset_max_m", "trailer_offset_max_m", "out_of_lane_share", "lateral_acceleration_max_mps2", "speed_kept",
    "distance_m", "driven_s", "axle_offset_p99_m", "axle_offset_max_m", "line_margin_min_m", "lateral_jerk_max_mps3",
    "articulation_max_rad", "trailer_lateral_acceleration_max_mps2", "steering_reversals_per_min", "rolled_over",
    "fallback_valid_share",
    *_FUEL_KEYS,
)  # fmt: skip
