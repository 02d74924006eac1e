"""What lidar and radar report of other road users, at object level: misses by distance and occlusion, clutter, noise, bodies in
pieces and two as one, latency. configs/detection_model.toml has the figures and where they come from.

Deterministic: the same seed and the same scenes give the same detections.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from autonomy import config as configuration
from autonomy import toml_file
from autonomy.errors import UsageError
from drivers.typed_table import convert
from hil.sensors.detection_checks import complaint, complaint_of_all, complaint_of_scene

SCHEMA = "autonomy.detection_model/1"
PEDESTRIAN = 4  # ObstacleSample.classification
LONG_BODY_M = 8.0  # from here on a body can come in pieces
BIN_RAD = math.radians(0.2)  # of the picture in which nearer bodies hide those behind
STANDING_CLUTTER = 0.7  # share of a radar's ghosts that stand still: gantries, rails
HIDDEN_SHARE = 0.95  # more of a body hidden: never detected


class Sensor(msgspec.Struct, forbid_unknown_fields=True):
    """A sensor's figures; -1 for a sigma: it does not measure this."""

    name: str
    kind: str  # lidar, radar
    source: int
    x_m: float
    y_m: float
    yaw_deg: float
    half_angle_deg: float
    range_m: float
    period_s: float
    latency_s: float
    phase_s: float
    detection_range_m: list[float]
    detection_probability: list[float]
    occlusion_exponent: float
    pedestrian_factor: float
    clutter_per_m2: float
    range_sigma_m: float
    azimuth_sigma_deg: float
    range_rate_sigma_mps: float
    extent_sigma_m: float
    yaw_sigma_deg: float
    split_probability: float
    split_gap_m: float
    merge_distance_m: float
    merge_probability: float
    reflection_spread: float


class DetectionModel(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    sensor: list[Sensor]


class Scene(NamedTuple):
    """Other road users at one moment in the vehicle frame: arrays (n,)."""

    number: np.ndarray  # int, the same for one road user for ever
    classification: np.ndarray  # ObstacleSample.classification
    x: np.ndarray  # m, middle of the body
    y: np.ndarray
    velocity_x: np.ndarray  # m/s over ground
    velocity_y: np.ndarray
    yaw: np.ndarray
    length: np.ndarray
    width: np.ndarray


class Detections(NamedTuple):
    """Arrays (m,); NaN where a sensor does not measure it. `number` is the road user's, 0 of clutter: for tests only."""

    x: np.ndarray  # m: the box's middle, or the reflecting point
    y: np.ndarray
    x_sigma: np.ndarray
    y_sigma: np.ndarray
    range_rate: np.ndarray  # m/s, along the line of sight of the sensor
    yaw: np.ndarray
    length: np.ndarray
    width: np.ndarray
    classification: np.ndarray
    number: np.ndarray


def load(source: str | Path = "detection_model") -> list[Sensor]:
    """The sensors of a file or of the packaged one. Raises UsageError."""
    packaged = configuration.directory() / f"{source}.toml"
    path = packaged if packaged.is_file() else Path(source)
    model = convert(toml_file.read(path), DetectionModel, str(path), UsageError)
    if model.schema != SCHEMA:
        raise UsageError(f"{path}: schema = '{model.schema}'; this version reads '{SCHEMA}'")
    if wrong := complaint_of_all(model.sensor):
        raise UsageError(f"{path}: {wrong}")
    return model.sensor


def nearest_point(sensor: Sensor, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) (n,) of each body that is nearest to the sensor; bodies lie along the road, as wide as they are turned."""
    return (np.clip(sensor.x_m, scene.x - 0.5 * scene.length, scene.x + 0.5 * scene.length),
            np.clip(sensor.y_m, scene.y - 0.5 * scene.width, scene.y + 0.5 * scene.width))  # fmt: skip


def visibility(sensor: Sensor, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """(seen (n,) bool: within range and angle; occluded share (n,) by nearer bodies)."""
    near_x, near_y = nearest_point(sensor, scene)
    distance = np.hypot(near_x - sensor.x_m, near_y - sensor.y_m)
    corners = np.stack([np.arctan2(scene.y + b * scene.width - sensor.y_m, scene.x + a * scene.length - sensor.x_m)
                        for a in (-0.5, 0.5) for b in (-0.5, 0.5)])  # fmt: skip
    turned = math.radians(sensor.yaw_deg)
    reach = math.radians(sensor.half_angle_deg)
    low, high = corners.min(axis=0), corners.max(axis=0)
    bearing = np.arctan2(near_y - sensor.y_m, near_x - sensor.x_m) - turned
    seen = (distance <= sensor.range_m) & (np.abs(np.remainder(bearing + math.pi, 2 * math.pi) - math.pi) <= reach)
    # A body across the seam behind the sensor is as wide as the world: it hides nothing and is not seen
    behind = high - low > math.pi
    picture = np.zeros(round(2.0 * math.pi / BIN_RAD), bool)
    occluded = np.zeros(len(scene.x))
    first = np.floor((low + math.pi) / BIN_RAD).astype(int)
    last = np.floor((high + math.pi) / BIN_RAD).astype(int)
    for i in np.argsort(distance, kind="stable"):
        if behind[i]:
            occluded[i] = 1.0
            continue
        bins = picture[first[i] : last[i] + 1]
        occluded[i] = bins.mean() if len(bins) else 1.0
        bins[:] = True
    return seen & ~behind, occluded


class Detector:
    """One sensor with its own random numbers. Raises UsageError."""

    def __init__(self, sensor: Sensor, seed: int):
        if wrong := complaint(sensor):
            raise UsageError(f"sensor '{sensor.name}': {wrong}")
        self.sensor = sensor
        self.random = np.random.default_rng((seed, sensor.source))
        self.azimuth_sigma = math.radians(sensor.azimuth_sigma_deg)

    def detect(self, scene: Scene, own_speed: float) -> Detections:
        """One scan of the scene; `own_speed` m/s straight ahead, which range rates are relative to. Raises UsageError."""
        if wrong := complaint_of_scene(scene):
            raise UsageError(f"sensor '{self.sensor.name}' was shown {wrong}")
        sensor, random = self.sensor, self.random
        seen, occluded = visibility(sensor, scene)
        near_x, near_y = nearest_point(sensor, scene)
        distance = np.hypot(near_x - sensor.x_m, near_y - sensor.y_m)
        probability = np.interp(distance, sensor.detection_range_m, sensor.detection_probability)
        probability = probability * (1.0 - occluded) ** sensor.occlusion_exponent
        probability = np.where(scene.classification == PEDESTRIAN, sensor.pedestrian_factor, 1.0) * probability
        found = seen & (occluded < HIDDEN_SHARE) & (random.random(len(scene.x)) < probability)
        rows = self._boxes(scene, found) if sensor.kind == "lidar" else self._reflections(scene, found)
        rows = self._merged(rows)
        rows += self._clutter()
        return self._measured(rows, own_speed)

    def _boxes(self, scene: Scene, found: np.ndarray) -> list[tuple]:
        """(x, y, length, width, yaw, class, vx, vy, number, face_x, face_y) of what a lidar sees of each body, without noise."""
        sensor, rows = self.sensor, []
        for i in np.flatnonzero(found):
            x, y, length, width = (float(part[i]) for part in (scene.x, scene.y, scene.length, scene.width))
            pieces = [(x, length)]
            if length > LONG_BODY_M and self.random.random() < sensor.split_probability:
                cut = self.random.uniform(0.25, 0.75) * length
                gap = 0.5 * sensor.split_gap_m
                pieces = [(x - 0.5 * length + 0.5 * (cut - gap), cut - gap), (x + 0.5 * (cut + gap), length - cut - gap)]
            for middle, whole in pieces:
                rear = middle - 0.5 * whole
                # Only a side that is seen tells how long a body is: the share of its angle beyond that of the face
                aside = abs(y - sensor.y_m) - 0.5 * width
                shown = whole if aside > 0.0 and rear - sensor.x_m < 25.0 * max(aside, 0.1) else min(whole, 0.5)
                start = rear if rear > sensor.x_m or shown == whole else middle + 0.5 * whole - shown
                rows.append((start + 0.5 * shown, y, shown, width, float(scene.yaw[i]), int(scene.classification[i]),
                             float(scene.velocity_x[i]), float(scene.velocity_y[i]), int(scene.number[i])))  # fmt: skip
        return rows

    def _reflections(self, scene: Scene, found: np.ndarray) -> list[tuple]:
        """The same of the points that a radar sees."""
        sensor, rows = self.sensor, []
        near_x, near_y = nearest_point(sensor, scene)
        for i in np.flatnonzero(found):
            x, y, length, width = (float(part[i]) for part in (scene.x, scene.y, scene.length, scene.width))
            motion = (0.0, 0.0, float(scene.yaw[i]), 0, float(scene.velocity_x[i]), float(scene.velocity_y[i]),
                      int(scene.number[i]))  # fmt: skip
            ahead = x - 0.5 * length > sensor.x_m
            wander = self.random.standard_normal() * sensor.reflection_spread
            if ahead:   # from the rear face
                rows.append((x - 0.5 * length, y + np.clip(wander, -0.5, 0.5) * width, *motion))
            else:       # from the side
                along = np.clip(float(near_x[i]) + wander * min(length, 4.0), x - 0.5 * length, x + 0.5 * length)
                rows.append((along, float(near_y[i]), *motion))
            if length > LONG_BODY_M and self.random.random() < sensor.split_probability:
                rows.append((x + self.random.uniform(-0.4, 0.5) * length, float(near_y[i]), *motion))
        return rows

    def _merged(self, rows: list[tuple]) -> list[tuple]:
        """Two bodies side by side or one behind the other and too near to be told apart come as one."""
        sensor, kept = self.sensor, []
        for row in sorted(rows):
            other = kept[-1] if kept else None
            if other is not None and other[8] != row[8] and self._air(other, row) < sensor.merge_distance_m \
                    and self.random.random() < sensor.merge_probability:  # fmt: skip
                kept[-1] = self._union(other, row)
                continue
            kept.append(row)
        return kept

    @staticmethod
    def _air(a: tuple, b: tuple) -> float:
        """m between two boxes or points."""
        return math.hypot(max(abs(a[0] - b[0]) - 0.5 * (a[2] + b[2]), 0.0), max(abs(a[1] - b[1]) - 0.5 * (a[3] + b[3]), 0.0))

    @staticmethod
    def _union(a: tuple, b: tuple) -> tuple:
        low_x, high_x = (pick(pick(row[0] + s * 0.5 * row[2] for s in (-1, 1)) for row in (a, b)) for pick in (min, max))
        low_y, high_y = (pick(pick(row[1] + s * 0.5 * row[3] for s in (-1, 1)) for row in (a, b)) for pick in (min, max))
        if a[2] == 0.0:   # points: one of them in the middle of both
            return (0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1]), *a[2:])
        return (0.5 * (low_x + high_x), 0.5 * (low_y + high_y), high_x - low_x, high_y - low_y, *a[4:])

    def _clutter(self) -> list[tuple]:
        """False detections, even over the area that the sensor sees."""
        sensor, random = self.sensor, self.random
        reach = math.radians(sensor.half_angle_deg)
        rows = []
        for _ in range(random.poisson(sensor.clutter_per_m2 * reach * sensor.range_m**2)):
            away = sensor.range_m * math.sqrt(random.random())
            bearing = math.radians(sensor.yaw_deg) + random.uniform(-reach, reach)
            x, y = sensor.x_m + away * math.cos(bearing), sensor.y_m + away * math.sin(bearing)
            speed = 0.0 if random.random() < STANDING_CLUTTER else random.uniform(0.0, 40.0)
            length, width = (random.uniform(0.3, 5.0), random.uniform(0.3, 2.5)) if sensor.kind == "lidar" else (0.0, 0.0)
            rows.append((x, y, length, width, 0.0, 0, speed, 0.0, 0))
        return rows

    def _measured(self, rows: list[tuple], own_speed: float) -> Detections:
        sensor, random = self.sensor, self.random
        table = np.array(rows, float).reshape(-1, 9)
        x, y, length, width, yaw, classification, velocity_x, velocity_y, number = table.T
        count = len(x)
        dx, dy = x - sensor.x_m, y - sensor.y_m
        away, bearing = np.hypot(dx, dy), np.arctan2(dy, dx)
        rate = ((velocity_x - own_speed) * dx + velocity_y * dy) / np.maximum(away, 0.1)
        measured = away + random.standard_normal(count) * sensor.range_sigma_m
        bearing = bearing + random.standard_normal(count) * self.azimuth_sigma
        across = measured * self.azimuth_sigma
        cosine, sine = np.cos(bearing), np.sin(bearing)
        nothing = np.full(count, np.nan)
        boxes = sensor.extent_sigma_m >= 0.0
        return Detections(
            sensor.x_m + measured * cosine, sensor.y_m + measured * sine,
            np.hypot(sensor.range_sigma_m * cosine, across * sine), np.hypot(sensor.range_sigma_m * sine, across * cosine),
            rate + random.standard_normal(count) * sensor.range_rate_sigma_mps if sensor.range_rate_sigma_mps > 0.0 else nothing,
            yaw + random.standard_normal(count) * math.radians(sensor.yaw_sigma_deg) if boxes else nothing,
            np.maximum(length + random.standard_normal(count) * sensor.extent_sigma_m, 0.2) if boxes else nothing,
            np.maximum(width + random.standard_normal(count) * sensor.extent_sigma_m, 0.2) if boxes else nothing,
            classification.astype(np.uint8), number.astype(np.int64))  # fmt: skip
