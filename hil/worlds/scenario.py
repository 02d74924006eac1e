"""A drive as a table or TOML file: the road, the truck on it, wind, other road users. docs/closed-loop.md has every key.

schema = "autonomy.scenario/1"
duration_s = 60.0
set_speed_mps = 22.2
[ego]
plant = "plants/eu_4x2_40t"
[road]
segments = [{ length_m = 800 }, { length_m = 100, radius_m = 500 }, { length_m = 600, radius_m = 500 }]
[[traffic]]
kind = "car"
gap_m = 60
speed_mps = 20.0
events = [{ at_s = 20, speed_mps = 12, acceleration_mps2 = -3 }]
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from autonomy import config as configuration
from autonomy import toml_file
from autonomy.errors import UsageError
from drivers.typed_table import convert
from hil.world import MOST_ACTORS
from hil.worlds.road import Road, Segment
from hil.worlds.traffic import KINDS, Event
from hil.worlds.wind import Gust, Wind

SCHEMA = "autonomy.scenario/1"
KINEMATIC = "kinematic"


class SegmentTable(msgspec.Struct, forbid_unknown_fields=True):
    length_m: float
    curvature: float | None = None
    radius_m: float | None = None  # instead of curvature; negative turns right
    grade: float | None = None  # what is left out stays as in the segment before
    bank: float | None = None
    friction: float | None = None
    speed_limit_mps: float | None = None
    lanes: int | None = None


class RoadTable(msgspec.Struct, forbid_unknown_fields=True):
    segments: list[SegmentTable]
    lane_width_m: float = 3.5


class EgoTable(msgspec.Struct, forbid_unknown_fields=True):
    plant: str = KINEMATIC
    vehicle: str = "vehicles/demo_truck"  # whose figures the kinematic plant and the driver take
    overrides: dict[str, Any] = {}
    fmu_names: dict[str, str] = {}  # of a plant "....fmu": our name = "its name"
    speed_mps: float | None = None  # None = the set speed
    place_m: float = 30.0
    lane: int = 0
    offset_m: float = 0.0


class WindTable(msgspec.Struct, forbid_unknown_fields=True):
    speed_mps: float = 0.0
    from_deg: float = 90.0  # from the left of a road that heads east
    follows_road: bool = True
    gusts: list[Gust] = []


class EventTable(msgspec.Struct, forbid_unknown_fields=True):
    at_s: float | None = None
    when_gap_m: float | None = None
    speed_mps: float | None = None
    acceleration_mps2: float | None = None
    lane: int | None = None
    duration_s: float = 4.0


class TrafficTable(msgspec.Struct, forbid_unknown_fields=True):
    speed_mps: float
    kind: str = "car"
    lane: int = 0
    aside_m: float | None = None  # instead of lane: its middle, left of the rightmost lane's middle
    gap_m: float | None = None
    place_m: float | None = None
    speed_spread_mps: float = 0.0
    events: list[EventTable] = []


class QueueTable(msgspec.Struct, forbid_unknown_fields=True):
    """Vehicles one behind the other, in the lanes named."""

    place_m: float
    vehicles: int
    lanes: list[int] = msgspec.field(default_factory=lambda: [0])
    speed_mps: float = 0.0
    gap_m: float = 6.0


class Scenario(msgspec.Struct, forbid_unknown_fields=True, dict=True):
    """What was read, checked. `road()`, `wind()` and `traffic()` make what a world needs of it; `where` it was read."""

    where = "scenario"
    road: RoadTable
    schema: str = SCHEMA
    title: str = ""
    duration_s: float = 60.0
    set_speed_mps: float = 22.0
    ego: EgoTable = msgspec.field(default_factory=EgoTable)
    wind: WindTable = msgspec.field(default_factory=WindTable)
    traffic: list[TrafficTable] = []
    queue: list[QueueTable] = []
    map: bool = False  # the stack is given the middle of the lane as a stored path

    def make_road(self) -> Road:
        segments, last = [], Segment(0.0)
        for table in self.road.segments:
            curvature = 1.0 / table.radius_m if table.radius_m else (table.curvature or 0.0)
            kept = {name: getattr(last, name) if getattr(table, name) is None else getattr(table, name)
                    for name in ("grade", "bank", "friction", "speed_limit_mps", "lanes")}  # fmt: skip
            last = Segment(table.length_m, curvature, **kept)
            segments.append(last)
        return Road(segments, self.road.lane_width_m)

    def make_wind(self) -> Wind:
        return Wind(self.wind.speed_mps, math.radians(self.wind.from_deg), self.wind.follows_road,
                    tuple(self.wind.gusts))  # fmt: skip

    def make_traffic(self) -> list[dict]:
        """Keyword tables for ScriptedTraffic, queues resolved."""
        tables = []
        for item in self.traffic:
            table = msgspec.structs.asdict(item)
            table["events"] = [Event(**msgspec.structs.asdict(event)) for event in item.events]
            tables.append(table)
        for queue in self.queue:
            step = KINDS["car"].length + queue.gap_m
            tables += [{"kind": "car", "lane": lane, "place_m": queue.place_m + step * index, "speed_mps": queue.speed_mps}
                       for lane in queue.lanes for index in range(queue.vehicles)]  # fmt: skip
        return tables


def load(source: str | Path | dict | Scenario) -> Scenario:
    """A scenario of a table, a TOML file, or the name of a packaged one (configs/scenarios). Raises UsageError."""
    if isinstance(source, Scenario):
        return source
    where = "scenario"
    if not isinstance(source, (dict, str, Path)):
        raise UsageError(f"scenario {source!r}: give a file, the name of a packaged one ({', '.join(names())}), or a table")
    if not isinstance(source, dict):
        path = _find(source)
        where, source = str(path), toml_file.read(path)
    scenario = convert(source, Scenario, where, UsageError)
    _check(scenario, where)
    scenario.where = where
    return scenario


def names() -> list[str]:
    """The packaged scenarios."""
    return sorted(path.stem for path in (configuration.directory() / "scenarios").glob("*.toml"))


def _find(source: str | Path) -> Path:
    packaged = configuration.directory() / "scenarios" / f"{source}.toml"
    for candidate in (packaged, Path(source)):
        if candidate.is_file():
            return candidate
    raise UsageError(f"no scenario '{source}': neither a file nor one of the packaged ones ({', '.join(names())})")


def _check(scenario: Scenario, where: str) -> None:
    """Raises UsageError with what is wrong, where, and what is possible."""
    if scenario.schema != SCHEMA:
        raise UsageError(f"{where}: schema = '{scenario.schema}'; this version reads '{SCHEMA}'")
    _within(where, "duration_s", scenario.duration_s, 0.1, 86400.0)
    _within(where, "set_speed_mps", scenario.set_speed_mps, 0.0, 40.0)
    _within(where, "road.lane_width_m", scenario.road.lane_width_m, 2.5, 6.0)
    if not scenario.road.segments:
        raise UsageError(f"{where}: road.segments is empty; give at least one {{ length_m = ... }}")
    for number, segment in enumerate(scenario.road.segments, start=1):
        _check_segment(segment, f"{where}: road.segments, number {number}")
    ego = scenario.ego
    lanes = min(segment.lanes for segment in scenario.road.segments if segment.lanes) if any(
        segment.lanes for segment in scenario.road.segments) else Segment(0.0).lanes  # fmt: skip
    _within(where, "ego.lane", ego.lane, 0, lanes - 1)
    _within(where, "ego.offset_m", ego.offset_m, -3.0, 3.0)
    if ego.speed_mps is not None:
        _within(where, "ego.speed_mps", ego.speed_mps, 0.0, 40.0)
    length = sum(segment.length_m for segment in scenario.road.segments)
    _within(where, "ego.place_m", ego.place_m, 0.0, length - 50.0)
    for number, gust in enumerate(scenario.wind.gusts, start=1):
        name = f"{where}: wind.gusts, number {number}"
        if (gust.start_s is None) == (gust.start_m is None):
            raise UsageError(f"{name}: give start_s or start_m, one of them")
        for key in ("rise", "fall"):
            _within(name, key, getattr(gust, key), 1e-3, 1e5)
        if gust.every is not None:
            _within(name, "every", gust.every, gust.rise + gust.hold + gust.fall, 1e6)
    for number, item in enumerate(scenario.traffic, start=1):
        _check_traffic(item, f"{where}: traffic, number {number}", lanes)
    for number, queue in enumerate(scenario.queue, start=1):
        name = f"{where}: queue, number {number}"
        _within(name, "vehicles", queue.vehicles, 1, 100)
        _within(name, "place_m", queue.place_m, 0.0, length)
        _within(name, "gap_m", queue.gap_m, 0.0, 1e3)
        for lane in queue.lanes:
            _within(name, "lanes", lane, 0, lanes - 1)
    vehicles = len(scenario.traffic) + sum(queue.vehicles * len(queue.lanes) for queue in scenario.queue)
    if vehicles > MOST_ACTORS:
        raise UsageError(f"{where}: traffic and queue have {vehicles} vehicles in all; a world tells of {MOST_ACTORS} at most")


def _check_segment(segment: SegmentTable, where: str) -> None:
    _within(where, "length_m", segment.length_m, 1.0, 1e6)
    if segment.curvature is not None and segment.radius_m is not None:
        raise UsageError(f"{where}: give curvature or radius_m, not both")
    if segment.radius_m is not None and abs(segment.radius_m) < 20.0:
        raise UsageError(f"{where}: radius_m = {segment.radius_m:g} is narrower than 20 m; leave it out for a straight")
    for key, low, high in (("curvature", -0.05, 0.05), ("grade", -0.15, 0.15), ("bank", -0.15, 0.15), ("friction", 0.05, 1.2),
                           ("speed_limit_mps", 1.0, 60.0), ("lanes", 1, 6)):  # fmt: skip
        if getattr(segment, key) is not None:
            _within(where, key, getattr(segment, key), low, high)


def _check_traffic(item: TrafficTable, where: str, lanes: int) -> None:
    if item.kind not in KINDS:
        raise UsageError(f"{where}: kind = '{item.kind}' is not known; there are {', '.join(KINDS)}")
    if (item.gap_m is None) == (item.place_m is None):
        raise UsageError(f"{where}: give gap_m (to the truck, negative behind it) or place_m (along the road), one of them")
    _within(where, "speed_mps", item.speed_mps, 0.0, 70.0)
    _within(where, "lane", item.lane, 0, lanes - 1)
    if item.aside_m is not None:
        _within(where, "aside_m", item.aside_m, -20.0, 40.0)
    for number, event in enumerate(item.events, start=1):
        name = f"{where}, events, number {number}"
        if (event.at_s is None) == (event.when_gap_m is None):
            raise UsageError(f"{name}: give at_s or when_gap_m, one of them")
        if event.speed_mps is None and event.lane is None:
            raise UsageError(f"{name}: does nothing; give speed_mps (and acceleration_mps2) or lane")
        if event.acceleration_mps2 is not None:
            _within(name, "acceleration_mps2", event.acceleration_mps2, -10.0, 5.0)
        if event.lane is not None:
            _within(name, "lane", event.lane, 0, lanes - 1)
        _within(name, "duration_s", event.duration_s, 0.5, 60.0)


def _within(where: str, key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{where}: {key} = {value:g} must lie within {low:g}..{high:g}")
