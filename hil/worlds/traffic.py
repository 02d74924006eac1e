"""Other road users by script: each keeps its lane and its own idea of speed, minds what is ahead of it, and does what the
scenario says at a time or when the truck comes near: brake, drive off, change lane.

The car-following law is the Intelligent Driver Model (Treiber, Hennecke, Helbing 2000) [V]; ego counts as a leader, so
followers behind it brake when it does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from autonomy.errors import UsageError
from hil.world import Actor
from hil.worlds.road import Road

SIGHT_M = 300.0  # actors further away are not told
LARGEST_BRAKING = 8.0  # m/s2, dry road
STANDSTILL_GAP_M = 3.0  # IDM s0, usual value 2 to 4 [V]
FREE_EXPONENT = 4.0  # IDM delta [V]
BESIDE_M = 0.3  # lateral air that lets pass


class Kind(NamedTuple):
    """Body in m; IDM time gap, acceleration and comfortable braking."""

    length: float
    width: float
    height: float
    time_gap_s: float
    acceleration: float
    braking: float


KINDS = {
    "car": Kind(4.6, 1.85, 1.5, 1.4, 1.5, 2.0),  # [D] mid-size car, IDM values for motorways [V]
    "van": Kind(6.0, 2.0, 2.6, 1.4, 1.2, 2.0),
    "truck": Kind(16.5, 2.55, 4.0, 1.8, 0.5, 1.5),
    "motorcycle": Kind(2.2, 0.8, 1.5, 1.2, 2.0, 2.5),
    "pedestrian": Kind(0.4, 0.6, 1.75, 1.0, 1.0, 2.0),
    "debris": Kind(0.3, 0.3, 0.3, 1.0, 1.0, 2.0),  # a lost load; it stands
}


class EgoPlace(NamedTuple):
    """The truck on the road: place of its reference point, overhangs, motion along the road."""

    s: float
    offset: float  # from the road's reference line
    front: float
    rear: float
    width: float
    speed: float
    acceleration: float
    x: float = 0.0  # m, ENU, of the reference point
    y: float = 0.0
    yaw: float = 0.0


class Traffic(Protocol):
    """What a world asks of its traffic."""

    def reset(self, random: np.random.Generator, ego: EgoPlace) -> None: ...

    def step(self, time_s: float, dt_s: float, ego: EgoPlace) -> None: ...

    def actors(self, ego: EgoPlace) -> list[Actor]: ...

    def lead(self, ego: EgoPlace) -> tuple[float, float] | None:
        """(gap in m, its speed) of what the truck follows."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Event:
    """Happens once: `at_s` after the start, or when the gap to the truck has come to `when_gap_m`."""

    at_s: float | None = None
    when_gap_m: float | None = None
    speed_mps: float | None = None  # new wanted speed
    acceleration_mps2: float | None = None  # with this, regardless of what is ahead, until the speed is reached
    lane: int | None = None  # change to this lane ...
    duration_s: float = 4.0  # ... within this time


@dataclass
class Vehicle:
    """One road user and what it is up to. `s` is the middle of its body, `offset` from the road's reference line."""

    number: int
    kind: str
    s: float
    offset: float
    speed: float
    wanted: float
    events: list[Event] = field(default_factory=list)
    acceleration: float = 0.0
    forced: float | None = None
    change: tuple[float, float, float, float] | None = None  # start time, duration, from, to
    lateral_speed: float = 0.0

    @property
    def body(self) -> Kind:
        return KINDS[self.kind]


class ScriptedTraffic:
    """`vehicles`: keyword tables of kind, lane or aside_m, gap_m (from the truck's front to its rear; negative: from the truck's
    rear to its front), or place_m, speed_mps, events."""

    def __init__(self, road: Road, vehicles: list[dict]):
        self.road, self.script = road, vehicles
        self.vehicles: list[Vehicle] = []

    def reset(self, random: np.random.Generator, ego: EgoPlace) -> None:
        self.vehicles = []
        for number, given in enumerate(self.script, start=1):
            body = KINDS[given["kind"]]
            if given.get("place_m") is not None:
                s = given["place_m"]
            elif given["gap_m"] >= 0.0:
                s = ego.s + ego.front + given["gap_m"] + 0.5 * body.length
            else:
                s = ego.s - ego.rear + given["gap_m"] - 0.5 * body.length
            speed = given["speed_mps"] + random.uniform(-1.0, 1.0) * given.get("speed_spread_mps", 0.0)
            aside = given.get("aside_m")
            offset = given["lane"] * self.road.lane_width if aside is None else aside
            self.vehicles.append(Vehicle(number, given["kind"], s, offset, max(speed, 0.0), max(speed, 0.0),
                                         list(given.get("events", ()))))  # fmt: skip
        self._check_places(ego)

    def step(self, time_s: float, dt_s: float, ego: EgoPlace) -> None:
        for vehicle in self.vehicles:
            self._happen(vehicle, time_s, ego)
        leads = [self._ahead(vehicle, ego) for vehicle in self.vehicles]
        for vehicle, lead in zip(self.vehicles, leads, strict=True):
            self._move(vehicle, lead, time_s, dt_s)

    def actors(self, ego: EgoPlace) -> list[Actor]:
        found = []
        for vehicle in self.vehicles:
            if abs(vehicle.s - ego.s) < SIGHT_M:
                x, y, heading, _ = self.road.at(vehicle.s)
                body = vehicle.body
                drift = math.atan2(vehicle.lateral_speed, max(vehicle.speed, 1.0))
                found.append(Actor(vehicle.number, vehicle.kind, x - vehicle.offset * math.sin(heading),
                                   y + vehicle.offset * math.cos(heading), heading + drift, vehicle.speed,
                                   vehicle.acceleration, body.length, body.width, body.height))  # fmt: skip
        return found

    def lead(self, ego: EgoPlace) -> tuple[float, float] | None:
        best = None
        for vehicle in self.vehicles:
            gap = vehicle.s - 0.5 * vehicle.body.length - ego.s - ego.front
            beside = abs(vehicle.offset - ego.offset) > 0.5 * (vehicle.body.width + ego.width) + BESIDE_M
            if not beside and vehicle.s > ego.s and (best is None or gap < best[0]):
                best = gap, vehicle.speed
        return best

    def close(self) -> None:
        pass

    def _check_places(self, ego: EgoPlace) -> None:
        """Raises UsageError where two bodies would begin in the same place."""
        bodies = [("the truck", ego.s - ego.rear, ego.s + ego.front, ego.offset, ego.width)]
        for vehicle in self.vehicles:
            half, width = 0.5 * vehicle.body.length, vehicle.body.width
            name = f"{vehicle.kind} number {vehicle.number}"
            for other, rear, front, offset, other_width in bodies:
                if (vehicle.s + half > rear and vehicle.s - half < front
                        and abs(vehicle.offset - offset) < 0.5 * (width + other_width)):  # fmt: skip
                    raise UsageError(f"scenario: traffic: {name}, from {vehicle.s - half:.1f} to {vehicle.s + half:.1f} m along "
                                     f"the road, begins inside {other}, from {rear:.1f} to {front:.1f} m; change its gap_m, "
                                     "place_m or lane (queues are counted behind the traffic)")  # fmt: skip
            bodies.append((name, vehicle.s - half, vehicle.s + half, vehicle.offset, width))

    def _happen(self, vehicle: Vehicle, time_s: float, ego: EgoPlace) -> None:
        for event in list(vehicle.events):
            gap = vehicle.s - 0.5 * vehicle.body.length - ego.s - ego.front
            due = event.at_s is not None and time_s >= event.at_s
            if not (due or (event.when_gap_m is not None and gap <= event.when_gap_m)):
                continue
            vehicle.events.remove(event)
            if event.speed_mps is not None:
                vehicle.wanted, vehicle.forced = event.speed_mps, event.acceleration_mps2
            if event.lane is not None:
                vehicle.change = time_s, event.duration_s, vehicle.offset, event.lane * self.road.lane_width

    def _ahead(self, vehicle: Vehicle, ego: EgoPlace) -> tuple[float, float] | None:
        """(gap, speed) of the nearest body ahead whose track this one would touch."""
        best, body = None, vehicle.body
        front = vehicle.s + 0.5 * body.length
        places = [(ego.s - ego.rear, ego.s + ego.front, ego.offset, ego.width, ego.speed)]
        places += [(other.s - 0.5 * other.body.length, other.s + 0.5 * other.body.length, other.offset, other.body.width,
                    other.speed) for other in self.vehicles if other is not vehicle]  # fmt: skip
        for rear, other_front, offset, width, speed in places:
            ahead = 0.5 * (rear + other_front) > vehicle.s
            if ahead and abs(offset - vehicle.offset) < 0.5 * (width + body.width) + BESIDE_M:
                gap = rear - front
                if best is None or gap < best[0]:
                    best = gap, speed
        return best

    def _move(self, vehicle: Vehicle, lead: tuple[float, float] | None, time_s: float, dt_s: float) -> None:
        if vehicle.forced is not None:
            reached = (vehicle.wanted - vehicle.speed) * vehicle.forced <= 0.0
            vehicle.acceleration, vehicle.forced = (0.0, None) if reached else (vehicle.forced, vehicle.forced)
        else:
            vehicle.acceleration = intelligent_driver(vehicle.body, vehicle.speed, vehicle.wanted, lead)
        before = vehicle.speed
        vehicle.speed = max(0.0, vehicle.speed + vehicle.acceleration * dt_s)
        vehicle.acceleration = (vehicle.speed - before) / dt_s
        vehicle.s += 0.5 * (before + vehicle.speed) * dt_s
        if vehicle.change is not None:
            start, duration, origin, target = vehicle.change
            share = min((time_s + dt_s - start) / duration, 1.0)
            offset = origin + (target - origin) * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)  # no jerk at its ends
            vehicle.lateral_speed, vehicle.offset = (offset - vehicle.offset) / dt_s, offset
            if share >= 1.0:
                vehicle.change, vehicle.lateral_speed = None, 0.0


def intelligent_driver(body: Kind, speed: float, wanted: float, lead: tuple[float, float] | None) -> float:
    """m/s2 of the Intelligent Driver Model; `lead` is (gap, its speed)."""
    if wanted <= 0.0:
        return -body.braking if speed > 0.0 else 0.0
    free = 1.0 - (speed / wanted) ** FREE_EXPONENT
    if lead is None:
        return max(body.acceleration * free, -body.braking)
    gap, lead_speed = max(lead[0], 0.1), lead[1]
    closing = speed - lead_speed
    needed = STANDSTILL_GAP_M + max(0.0, speed * body.time_gap_s + speed * closing
                                    / (2.0 * math.sqrt(body.acceleration * body.braking)))  # fmt: skip
    return max(body.acceleration * (free - (needed / gap) ** 2), -LARGEST_BRAKING)
