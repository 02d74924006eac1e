"""What a world knows for certain at one moment: plain records that any world can fill."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

MOST_ACTORS = 128  # of one moment


@dataclass
class EgoTruth:
    """The vehicle's reference point (ground, drive-axle centre), ENU; angles rad, ISO 8855."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    velocity: float = 0.0  # m/s forward
    acceleration: float = 0.0  # m/s2 forward
    yaw_rate: float = 0.0
    lateral_acceleration: float = 0.0
    articulation: float = 0.0  # rad, trailer yaw minus tractor yaw
    articulation_rate: float = 0.0
    road_wheel_angle: float = 0.0
    mass: float = 0.0
    gear: int = 0
    lateral_velocity: float = 0.0
    trailer_lateral_acceleration: float = 0.0  # of the trailer's centre of gravity, where the plant knows it
    outline: np.ndarray | None = None  # (units, 4, 2) m, ENU: corners of tractor and trailer
    axles: np.ndarray | None = None  # (n, 2) m, ENU: middle of each axle, from the front
    tractor_axles: int = 2  # how many of them are the tractor's
    brake_pedal: float = 0.0  # 0..1, as a driver presses it
    plant: Any = None  # the plant's own state (hil.plant: structured array), for sensors of engine, brakes, loads


@dataclass
class RoadTruth:
    """The lane the vehicle is in, seen from its reference point."""

    offset: float = 0.0  # m, left of the lane middle
    heading_error: float = 0.0
    curvature: float = 0.0
    curvature_rate: float = 0.0
    preview: list[tuple[float, float]] = field(default_factory=list)  # (m ahead, 1/m)
    width_left: float = 1.75
    width_right: float = 1.75
    lanes_left: int = 0
    lanes_right: int = 0
    grade: float = 0.0  # rise over run
    bank: float = 0.0  # rise over run, positive with the left side higher
    friction: float = 0.8
    speed_limit: float = 25.0
    wind_speed: float = 0.0  # m/s
    wind_from: float = 0.0  # rad, where it comes from, counter-clockwise from east
    axle_offsets: np.ndarray | None = None  # (n,) m, left of the lane middle, of `EgoTruth.axles`
    corner_offsets: np.ndarray | None = None  # (units * 4,) m, of `EgoTruth.outline`


@dataclass
class Actor:
    """Another road user; x, y is the middle of its body."""

    id: int
    classification: str
    x: float
    y: float
    yaw: float
    speed: float
    acceleration: float
    length: float
    width: float
    height: float


@dataclass
class Truth:
    time_ns: int = 0
    ego: EgoTruth = field(default_factory=EgoTruth)
    road: RoadTruth = field(default_factory=RoadTruth)
    actors: list[Actor] = field(default_factory=list)
    done: bool = False
    info: dict[str, Any] = field(default_factory=dict)

    def velocity_enu(self) -> tuple[float, float, float]:
        """m/s of the reference point: along the road's slope, and aside where the vehicle slips."""
        ego, slope = self.ego, math.atan(self.road.grade)
        level = ego.velocity * math.cos(slope)
        cosine, sine = math.cos(ego.yaw), math.sin(ego.yaw)
        return (level * cosine - ego.lateral_velocity * sine, level * sine + ego.lateral_velocity * cosine,
                ego.velocity * math.sin(slope))  # fmt: skip


class World(Protocol):
    def reset(self, seed: int, scenario=None) -> Truth: ...

    def step(self, actuation, dt_s: float) -> Truth: ...

    def close(self) -> None: ...
