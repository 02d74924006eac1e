"""What a 77 GHz long-range radar detects at one moment: reflections strong enough, mirror images, second bounces, clutter.

Range equation with Swerling I fluctuation: P_d = P_fa^(1 / (1 + SNR)) (Swerling 1960, in any radar text) [V]. What the sensor
cannot tell apart is one detection. Deterministic by seed and time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from hil.lidar.labels import Label
from hil.lidar.scene import Scene
from hil.radar.reflectors import of_actors, of_furniture
from hil.world import Truth


class Origin(IntEnum):
    """Where a detection comes from, for judging what is made of it."""

    ROAD_USER = 0
    RAIL = 1
    OVERHEAD = 2  # bridge, gantry, sign above
    POST = 3
    MIRROR = 4  # a road user seen in a rail
    SECOND_BOUNCE = 5  # to the road user and back twice
    CLUTTER = 6


DTYPE = np.dtype(
    [
        ("range", "f8"),
        ("azimuth", "f8"),
        ("range_rate", "f8"),
        ("rcs_dbsm", "f8"),
        ("existence", "f8"),
        ("actor", "i4"),
        ("origin", "u1"),
    ]
)


@dataclass(frozen=True)
class RadarSensor:
    """Figures of a long-range automotive radar [M]. Angles in rad."""

    mounting_x_m: float = 5.2
    mounting_z_m: float = 0.7
    range_m: float = 180.0
    half_angle: float = math.radians(20.0)
    reference_db: float = 22.0  # SNR of 0 dBsm at 100 m
    false_alarm: float = 1e-6
    range_sigma_m: float = 0.25
    azimuth_sigma: float = math.radians(0.3)
    range_rate_sigma: float = 0.10
    range_cell_m: float = 1.2  # nearer, with like azimuth and range rate, is one detection
    azimuth_cell: float = math.radians(3.0)
    range_rate_cell: float = 0.3
    clutter_per_scan: float = 0.8
    mirror: float = 0.08  # share of scans in which a road user is also seen in a rail or wall beside it
    mirror_loss_db: float = 8.0
    second_bounce: float = 0.15  # of road users within second_bounce_m
    second_bounce_m: float = 25.0
    second_bounce_loss_db: float = 10.0

    def snr_db(self, distance: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Of what answers with `strength` dBsm from `distance` m."""
        return self.reference_db + strength - 40.0 * np.log10(distance / 100.0)

    def detection_probability(self, snr_db: np.ndarray) -> np.ndarray:
        return self.false_alarm ** (1.0 / (1.0 + 10.0 ** (0.1 * snr_db)))


@dataclass(frozen=True)
class Detections:
    """`table` (n,) of DTYPE, polar about the radar; range rate negative when closing. `x`, `y` in the vehicle's frame."""

    time_ns: int
    table: np.ndarray
    x: np.ndarray
    y: np.ndarray


class Emulator:
    """`scene`: what stands along the road, None for open country."""

    def __init__(self, scene: Scene | None = None, seed: int = 0, sensor: RadarSensor | None = None):
        self.scene, self.seed, self.sensor = scene, seed, sensor or RadarSensor()

    def measure(self, truth: Truth) -> Detections:
        random = np.random.default_rng([self.seed, 77, truth.time_ns])
        paths = self._paths(truth, random)
        seen = self._detected(paths, random)
        merged = self._resolved(seen)
        table = self._measured(merged, truth, random)
        sensor = self.sensor
        return Detections(truth.time_ns, table, sensor.mounting_x_m + table["range"] * np.cos(table["azimuth"]),
                          table["range"] * np.sin(table["azimuth"]))  # fmt: skip

    def _paths(self, truth: Truth, random: np.random.Generator) -> np.ndarray:
        """(n, 6) range, azimuth, range rate, dBsm, actor, origin of every way a wave may come back."""
        found = []
        for x, y, velocity_x, velocity_y, strength, actor in of_actors(truth, self.sensor.mounting_x_m):
            own = np.random.default_rng([self.seed, 78, truth.time_ns, actor])
            direct = self._path(truth, x, y, velocity_x, velocity_y)
            found.append((*direct, strength, actor, Origin.ROAD_USER))
            wall = self._mirror_offset(truth, y)
            if wall is not None and own.random() < self.sensor.mirror:
                distance, azimuth, rate = self._path(truth, x, 2.0 * wall - y, velocity_x, -velocity_y)
                found.append((distance, azimuth, rate, strength - self.sensor.mirror_loss_db, actor, Origin.MIRROR))
            if direct[0] < self.sensor.second_bounce_m and own.random() < self.sensor.second_bounce:
                found.append((2.0 * direct[0], direct[1], 2.0 * direct[2], strength - self.sensor.second_bounce_loss_db, actor,
                              Origin.SECOND_BOUNCE))  # fmt: skip
        if self.scene is not None:
            s = self._place(truth)
            for x, y, strength, overhead, rail in of_furniture(self.scene, truth, s, self.sensor.mounting_x_m,
                                                               self.sensor.mounting_z_m, self.sensor.range_m):  # fmt: skip
                origin = Origin.OVERHEAD if overhead else Origin.RAIL if rail else Origin.POST
                found.append((*self._path(truth, x, y, 0.0, 0.0), strength, 0, origin))
        for _ in range(random.poisson(self.sensor.clutter_per_scan)):
            distance = self.sensor.range_m * math.sqrt(random.uniform(0.001, 1.0))
            azimuth = self.sensor.half_angle * random.uniform(-1.0, 1.0)
            standing = -truth.ego.velocity * math.cos(azimuth)
            found.append(
                (distance, azimuth, standing if random.random() < 0.7 else random.uniform(-40.0, 20.0), 60.0, 0, Origin.CLUTTER)
            )
        return np.array(found, float).reshape(-1, 6)

    def _path(self, truth: Truth, x: float, y: float, velocity_x: float, velocity_y: float) -> tuple[float, float, float]:
        """Range, azimuth and range rate of a point of the vehicle's frame; velocities over ground along its axes."""
        ego, ahead = truth.ego, x - self.sensor.mounting_x_m
        distance = math.hypot(ahead, y)
        relative_x = velocity_x - ego.velocity
        relative_y = velocity_y - ego.lateral_velocity - ego.yaw_rate * self.sensor.mounting_x_m
        return distance, math.atan2(y, ahead), (relative_x * ahead + relative_y * y) / max(distance, 0.1)

    def _mirror_offset(self, truth: Truth, y: float) -> float | None:
        """Lateral place of the rail or wall beside a road user at y, vehicle's frame, where the road has one here."""
        if self.scene is None:
            return None
        s, rows = self._place(truth), self.scene.furniture
        near = rows[np.searchsorted(rows["s"], s) : np.searchsorted(rows["s"], s + 30.0)]
        walls = np.unique(near["d"][near["label"] == Label.EDGE]) - self._offset
        if not len(walls):
            return None
        return float(walls[np.argmin(np.abs(walls - y))])

    def _place(self, truth: Truth) -> float:
        """Arc length of the vehicle."""
        road, ego = self.scene.road, truth.ego
        near = float(road.s[np.argmin(np.hypot(road.x - ego.x, road.y - ego.y))])
        s, self._offset = road.project(ego.x, ego.y, near)
        return s

    def _detected(self, paths: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Those of the paths that rise above the noise; the strength drawn goes with them."""
        sensor = self.sensor
        inside = (paths[:, 0] > 1.0) & (paths[:, 0] < sensor.range_m) & (np.abs(paths[:, 1]) < sensor.half_angle)
        paths = paths[inside]
        snr_db = sensor.snr_db(paths[:, 0], paths[:, 3])
        probability = sensor.detection_probability(snr_db)
        fading = 10.0 * np.log10(np.maximum(random.exponential(size=len(paths)), 1e-3))
        return np.column_stack([paths, snr_db + fading])[random.random(len(paths)) < probability]

    def _resolved(self, seen: np.ndarray) -> np.ndarray:
        """The strongest of what lies in one cell of range, azimuth and range rate."""
        kept: list[np.ndarray] = []
        sensor = self.sensor
        for row in seen[np.argsort(-seen[:, 6], kind="stable")]:
            if not any(abs(row[0] - other[0]) < sensor.range_cell_m and abs(row[1] - other[1]) < sensor.azimuth_cell
                       and abs(row[2] - other[2]) < sensor.range_rate_cell for other in kept):  # fmt: skip
                kept.append(row)
        return np.array(kept, float).reshape(-1, 7)

    def _measured(self, rows: np.ndarray, truth: Truth, random: np.random.Generator) -> np.ndarray:
        sensor, count = self.sensor, len(rows)
        table = np.zeros(count, DTYPE)
        snr = 10.0 ** (0.1 * rows[:, 6])
        worse = np.clip(np.sqrt(10.0 / np.maximum(snr, 1e-3)), 0.3, 2.0)  # errors grow as the signal sinks: 1 at 10 dB
        table["range"] = rows[:, 0] + worse * random.normal(0.0, sensor.range_sigma_m, count)
        table["azimuth"] = rows[:, 1] + worse * random.normal(0.0, sensor.azimuth_sigma, count)
        table["range_rate"] = rows[:, 2] + random.normal(0.0, sensor.range_rate_sigma, count)
        table["rcs_dbsm"] = np.where(
            rows[:, 5] == Origin.CLUTTER,
            random.normal(-8.0, 5.0, count),
            rows[:, 6] - sensor.reference_db + 40.0 * np.log10(np.maximum(rows[:, 0], 1.0) / 100.0),
        )
        table["existence"] = snr / (snr + 10.0)
        clutter = rows[:, 5] == Origin.CLUTTER
        table["existence"][clutter] = random.beta(2.0, 4.0, int(clutter.sum()))
        table["actor"], table["origin"] = rows[:, 4], rows[:, 5]
        return table
