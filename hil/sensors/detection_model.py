"""Detections without rays: what lidar and radar tell of road users in object-level runs, by configs/detection_model.toml.

Seen or not is a draw by range, class and how much of the body the others leave visible; errors are normal, along and across the
line of sight. Long vehicles are two now and then, some detections are of nothing. Deterministic by seed and time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from autonomy import config as configuration
from autonomy import msg, toml_file
from autonomy.errors import UsageError
from drivers.typed_table import convert
from hil.sensors.occlusion import visible_shares
from hil.world import Actor, Truth

SCHEMA = "autonomy.detection_model/1"
FILE = "detection_model.toml"
CLASSES = {"car": 1, "van": 1, "truck": 2, "bus": 2, "motorcycle": 3, "pedestrian": 4, "debris": 5}  # as ObstacleSample
NAMES = {1: "car", 2: "truck", 3: "motorcycle", 4: "pedestrian", 5: "debris"}
TRACTOR_SHARE = 0.2  # of a tractor-semitrailer's length [M]
CLUTTER = -1  # actor of a detection that is none
SOURCES = {"lidar": 20, "radar": 1}


class SensorTable(msgspec.Struct, forbid_unknown_fields=True):
    period_s: float
    latency_s: float
    mounting_x_m: float
    field_of_view_deg: float
    at_m: list[float]
    car: list[float]
    truck: list[float]
    motorcycle: list[float]
    pedestrian: list[float]
    debris: list[float]
    hidden_below: float
    clear_above: float
    along_sigma_m: list[float]
    across_sigma_m: list[float]
    yaw_sigma_rad: list[float]
    size_sigma_m: float
    shortest_seen: float
    range_rate_sigma_mps: float
    split: float
    split_above_m: float
    clutter_per_scan: float
    clutter_range_m: float
    unknown_class: float
    existence_true: list[float]
    existence_clutter: list[float]


class DetectionTables(msgspec.Struct, forbid_unknown_fields=True):
    lidar: SensorTable
    radar: SensorTable
    schema: str = SCHEMA


@dataclass(frozen=True)
class Detections:
    """`rows` (n,) of ObstacleSample, times those of the measurement; `actors` (n,) who each is of, CLUTTER for none."""

    rows: np.ndarray
    actors: np.ndarray


def load(path: Path | None = None) -> DetectionTables:
    """The packaged model, or another file's. Raises UsageError."""
    path = path or configuration.directory() / FILE
    tables = convert(toml_file.read(path), DetectionTables, str(path), UsageError)
    if tables.schema != SCHEMA:
        raise UsageError(f"{path}: schema = '{tables.schema}'; this version reads '{SCHEMA}'")
    for name in SOURCES:
        _check(getattr(tables, name), f"{path}: [{name}]")
    return tables


def fingerprint(tables: DetectionTables) -> str:
    """SHA-256 of all numbers, whatever their comments."""
    return hashlib.sha256(msgspec.json.encode(tables, order="sorted")).hexdigest()


class DetectionModel:
    def __init__(self, tables: DetectionTables | None = None, seed: int = 0):
        self.tables, self.seed = tables or load(), seed

    def detect(self, truth: Truth, sensor: str) -> Detections:
        """What `sensor` (lidar or radar) tells of one moment, in the vehicle's frame at that moment. Raises UsageError."""
        if sensor not in SOURCES:
            raise UsageError(f"detection model: no sensor '{sensor}'; there are {', '.join(SOURCES)}")
        table: SensorTable = getattr(self.tables, sensor)
        random = np.random.default_rng([self.seed, SOURCES[sensor], truth.time_ns])
        rows, who = [], []
        ego = truth.ego
        c, s = math.cos(ego.yaw), math.sin(ego.yaw)
        eye = ego.x + c * table.mounting_x_m, ego.y + s * table.mounting_x_m
        for actor, share in zip(truth.actors, visible_shares(truth.actors, *eye), strict=True):
            # The same number of draws for everybody, so that one more road user does not change the luck of the next
            own = np.random.default_rng([self.seed, SOURCES[sensor], truth.time_ns, actor.id])
            if own.random() < _probability(table, actor, share, eye, ego.yaw):
                found = _pieces(table, actor, own)
                rows += [_row(table, part, truth, eye, own, sensor) for part in found]
                who += [actor.id] * len(found)
        for _ in range(random.poisson(table.clutter_per_scan)):
            rows.append(_clutter(table, truth, random, sensor))
            who.append(CLUTTER)
        return Detections(np.array(rows, msg.dtype("ObstacleSample")) if rows else np.zeros(0, msg.dtype("ObstacleSample")),
                          np.array(who, int))  # fmt: skip

    def due(self, truth: Truth, sensor: str, tick_ns: int = 10_000_000) -> bool:
        """Whether the sensor measures in the tick of this moment."""
        period = round(getattr(self.tables, sensor).period_s * 1e9)
        return truth.time_ns % period < tick_ns


def _probability(table: SensorTable, actor: Actor, share: float, eye: tuple[float, float], heading: float) -> float:
    distance = math.hypot(actor.x - eye[0], actor.y - eye[1])
    aside = math.remainder(math.atan2(actor.y - eye[1], actor.x - eye[0]) - heading, 2.0 * math.pi)
    if abs(aside) > 0.5 * math.radians(table.field_of_view_deg) or distance > table.at_m[-1]:
        return 0.0
    clear = np.interp(distance, table.at_m, getattr(table, NAMES[CLASSES.get(actor.classification, 1)]))
    return float(clear * np.clip((share - table.hidden_below) / (table.clear_above - table.hidden_below), 0.0, 1.0))


def _pieces(table: SensorTable, actor: Actor, random: np.random.Generator) -> list[Actor]:
    """The body, or tractor and trailer as two."""
    if random.random() >= table.split or actor.length < table.split_above_m:
        return [actor]
    found = []
    for middle, share in ((0.5 - 0.5 * TRACTOR_SHARE, TRACTOR_SHARE), (-0.5 * TRACTOR_SHARE, 1.0 - TRACTOR_SHARE)):
        along = middle * actor.length
        found.append(Actor(actor.id, actor.classification, actor.x + along * math.cos(actor.yaw),
                           actor.y + along * math.sin(actor.yaw), actor.yaw, actor.speed, actor.acceleration,
                           share * actor.length, actor.width, actor.height))  # fmt: skip
    return found


def _row(table: SensorTable, actor: Actor, truth: Truth, eye: tuple[float, float], random: np.random.Generator,
         sensor: str) -> np.void:  # fmt: skip
    ego, row = truth.ego, _empty(table, truth, sensor)
    c, s = math.cos(ego.yaw), math.sin(ego.yaw)
    dx, dy = actor.x - ego.x, actor.y - ego.y
    x, y, yaw = c * dx + s * dy, c * dy - s * dx, math.remainder(actor.yaw - ego.yaw, 2.0 * math.pi)
    sight = math.atan2(y, x - table.mounting_x_m)
    distance = math.hypot(x - table.mounting_x_m, y)
    # Of a body seen from its end only a part of the length shows; its middle then seems nearer
    end_on = abs(math.cos(sight - yaw)) ** 2
    seen = 1.0 - (1.0 - random.uniform(table.shortest_seen, 1.0)) * end_on
    hidden = 0.5 * (1.0 - seen) * actor.length * math.copysign(1.0, math.cos(sight - yaw))
    if sensor == "radar":  # the nearest face answers
        hidden = 0.5 * actor.length * math.cos(sight - yaw)
    x, y = x - hidden * math.cos(yaw), y - hidden * math.sin(yaw)
    along = random.normal(0.0, table.along_sigma_m[0] + table.along_sigma_m[1] * distance)
    across = random.normal(0.0, table.across_sigma_m[0] + table.across_sigma_m[1] * distance)
    row["x"] = x + along * math.cos(sight) - across * math.sin(sight)
    row["y"] = y + along * math.sin(sight) + across * math.cos(sight)
    row["existence"] = random.beta(*table.existence_true)
    known = random.random() >= table.unknown_class
    row["classification"] = CLASSES.get(actor.classification, 0) if known else 0
    if sensor == "lidar":
        row["yaw"] = yaw + random.normal(0.0, table.yaw_sigma_rad[0] + table.yaw_sigma_rad[1] * distance)
        row["length"] = max(seen * actor.length + random.normal(0.0, table.size_sigma_m), 0.1)
        row["width"] = max(actor.width + random.normal(0.0, table.size_sigma_m), 0.1)
    else:
        relative_x = actor.speed * math.cos(yaw) - ego.velocity + ego.yaw_rate * y
        relative_y = actor.speed * math.sin(yaw) - ego.yaw_rate * x
        row["range_rate"] = (
            relative_x * math.cos(sight) + relative_y * math.sin(sight) + random.normal(0.0, table.range_rate_sigma_mps)
        )
    return row


def _clutter(table: SensorTable, truth: Truth, random: np.random.Generator, sensor: str) -> np.void:
    """Of nothing: evenly over the area that is seen; a radar's stands still."""
    row = _empty(table, truth, sensor)
    distance = table.clutter_range_m * math.sqrt(random.uniform(0.0025, 1.0))
    sight = math.radians(table.field_of_view_deg) * random.uniform(-0.5, 0.5)
    row["x"], row["y"] = table.mounting_x_m + distance * math.cos(sight), distance * math.sin(sight)
    row["existence"] = random.beta(*table.existence_clutter)
    if sensor == "lidar":
        row["yaw"], row["length"], row["width"] = (
            random.uniform(-math.pi, math.pi),
            random.uniform(0.3, 3.0),
            random.uniform(0.3, 2.0),
        )
    else:
        row["range_rate"] = -truth.ego.velocity * math.cos(sight) + random.normal(0.0, table.range_rate_sigma_mps)
    return row


def _empty(table: SensorTable, truth: Truth, sensor: str) -> np.void:
    row = np.zeros((), msg.dtype("ObstacleSample"))
    for name in ("velocity_x", "velocity_y", "range_rate", "yaw", "length", "width"):
        row[name] = math.nan
    row["valid_time_ns"] = truth.time_ns
    row["received_time_ns"] = truth.time_ns + round(table.latency_s * 1e9)
    row["source"] = SOURCES[sensor]
    return row


def _check(table: SensorTable, where: str) -> None:
    for name in NAMES.values():
        values = getattr(table, name)
        if len(values) != len(table.at_m) or not all(0.0 <= value <= 1.0 for value in values):
            raise UsageError(f"{where} {name} = {values}: needs {len(table.at_m)} probabilities, one for each of at_m")
    if sorted(set(table.at_m)) != table.at_m:
        raise UsageError(f"{where} at_m = {table.at_m}: must rise")
    if not 0.0 <= table.hidden_below < table.clear_above <= 1.0:
        raise UsageError(
            f"{where} hidden_below = {table.hidden_below}, clear_above = {table.clear_above}: must rise between 0 and 1"
        )
    for name in ("split", "unknown_class", "shortest_seen"):
        if not 0.0 <= getattr(table, name) <= 1.0:
            raise UsageError(f"{where} {name} = {getattr(table, name)}: must be a share from 0 to 1")
    for name in ("period_s", "clutter_range_m"):
        if not getattr(table, name) > 0.0:
            raise UsageError(f"{where} {name} = {getattr(table, name)}: must be above zero")
