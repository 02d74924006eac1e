"""Small scenes and truths for the lidar's tests."""

from __future__ import annotations

import math

from hil.lidar.optics import Optics
from hil.world import Actor, EgoTruth, Truth
from hil.worlds.road import Road, Segment

EXACT = Optics(1e4, 0.3, 250.0, 0.0, 0.0)  # no noise, no faint returns, beams without width


def straight(length: float = 1000.0, grade: float = 0.0, bank: float = 0.0) -> Road:
    return Road([Segment(length, 0.0, grade=grade, bank=bank, lanes=2)])


def winding() -> Road:
    return Road(
        [
            Segment(200.0, lanes=3),
            Segment(150.0, 1 / 700, bank=-0.03, grade=0.02, lanes=3),
            Segment(300.0, 1 / 700, bank=-0.03, grade=-0.02, lanes=3),
            Segment(250.0, -1 / 900, bank=0.02, lanes=3),
        ]
    )


def ego_at(road: Road, s: float, offset: float = 0.0, speed: float = 22.0, **others) -> EgoTruth:
    x, y, heading, _ = road.at(s)
    return EgoTruth(
        x=x - offset * math.sin(heading),
        y=y + offset * math.cos(heading),
        z=road.value("z", s),
        yaw=heading,
        pitch=-math.atan(road.value("grade", s)),
        roll=math.atan(road.value("bank", s)),
        velocity=speed,
        **others,
    )


def actor_at(road: Road, s: float, offset: float, number: int = 1, kind: str = "car", speed: float = 0.0,
             size: tuple[float, float, float] = (4.6, 1.85, 1.5)) -> Actor:  # fmt: skip
    x, y, heading, _ = road.at(s)
    return Actor(number, kind, x - offset * math.sin(heading), y + offset * math.cos(heading), heading, speed, 0.0, *size)


def turn_of(road: Road, s: float = 300.0, speed: float = 22.0, actors=(), offset: float = 0.0, time_ns: int = 10**9,
            **others) -> tuple[Truth, Truth]:  # fmt: skip
    """Truths at the begin and at the end of a tenth of a second."""
    begin = Truth(time_ns, ego_at(road, s, offset, speed, **others), actors=list(actors))
    return begin, Truth(time_ns + 10**8, ego_at(road, s + 0.1 * speed, offset, speed, **others), actors=list(actors))
