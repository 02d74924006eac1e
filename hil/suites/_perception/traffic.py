"""Road users of the suite's drives: traffic in all lanes by place and time, people and debris that stand about."""

from __future__ import annotations

import math

import numpy as np

from hil.lidar.cross_section import CrossSection
from hil.world import Actor
from hil.worlds.road import Road

TRUCK_MPS = 23.0
FROM_M, TO_M = -120.0, 260.0  # about the truck: who leaves at one end comes in at the other
LANE_MPS, OPPOSITE_MPS = (22.2, 27.0, 33.0), -28.0
TRUCK_SHARE = (0.5, 0.15, 0.0)
SIZES = {"car": (4.5, 1.85, 1.5), "van": (5.6, 2.0, 2.3), "truck": (16.5, 2.55, 3.9), "motorcycle": (2.2, 0.8, 1.5)}
GAP_M = (20.0, 80.0)
CLEAR_M = 24.0  # about the truck, in its own lane
SURGE_M, SURGE_PER_S = 6.0, 0.15  # of who drives in the truck's lane, at its speed
STANDING_EVERY_M, STANDING_SHARE = 12.0, 0.5  # one thing each, so many of them people
DEBRIS_M = 0.3


class Traffic:
    """`lane`: the truck's own."""

    def __init__(self, section: CrossSection, lane: int, random: np.random.Generator):
        self.lane, self.vehicles = lane, []  # kind, lane's offset, speed or None, place at time 0, phase
        for number in range(section.lanes):
            offset = number * section.lane_width_m
            self._fill(offset, None if number == lane else LANE_MPS[number], TRUCK_SHARE[number], random)
            opposite = section.opposite_line + (section.lanes - 0.5 - number) * section.lane_width_m
            self._fill(opposite, OPPOSITE_MPS, TRUCK_SHARE[number], random)

    def _fill(self, offset: float, speed: float | None, trucks: float, random: np.random.Generator) -> None:
        at = FROM_M + random.uniform(0.0, GAP_M[1])
        while True:
            kind = "truck" if random.random() < trucks else str(random.choice(["car", "car", "car", "van", "motorcycle"]))
            length = SIZES[kind][0]
            at += 0.5 * length
            if at + 0.5 * length > TO_M:
                return
            if speed is not None or not -CLEAR_M - 0.5 * length < at < CLEAR_M + 0.5 * length:
                self.vehicles.append((kind, offset + random.uniform(-0.25, 0.25), speed, at, random.uniform(0.0, 6.28)))
            at += 0.5 * length + random.uniform(*GAP_M)

    def actors(self, road: Road, s: float, time_s: float) -> list[Actor]:
        """Of the moment at which the truck is at `s`; it has driven since 0 s at the speed that brought it there."""
        found = []
        for number, (kind, offset, speed, at, phase) in enumerate(self.vehicles, start=1):
            if speed is None:
                ahead, own = at + SURGE_M * math.sin(SURGE_PER_S * time_s + phase), TRUCK_MPS
            else:
                ahead, own = FROM_M + (at - FROM_M + (speed - TRUCK_MPS) * time_s) % (TO_M - FROM_M), speed
            found.append(actor(road, number, kind, s + ahead, offset, own, SIZES[kind]))
        return found


def actor(road: Road, number: int, kind: str, s: float, d: float, speed: float, size: tuple[float, float, float],
          turned: float = 0.0) -> Actor:  # fmt: skip
    x, y, heading, _ = road.at(s)
    yaw = heading + turned + (math.pi if speed < 0.0 else 0.0)
    return Actor(number, kind, x - d * math.sin(heading), y + d * math.cos(heading), yaw, abs(speed), 0.0, *size)


def standing(road: Road, section: CrossSection, from_m: float, random: np.random.Generator) -> list[Actor]:
    """People and debris on the carriageway and its hard shoulder."""
    found = []
    for number, s in enumerate(np.arange(from_m, road.length - 20.0, STANDING_EVERY_M), start=1000):
        s, d = float(s + random.uniform(-5.0, 5.0)), float(random.uniform(section.right_edge + 1.0, section.left_line - 0.3))
        turned = float(random.uniform(0.0, 6.28))
        if random.random() < STANDING_SHARE:
            size = (float(random.uniform(0.35, 0.55)), float(random.uniform(0.5, 0.7)), float(random.uniform(1.55, 1.95)))
            found.append(actor(road, number, "pedestrian", s, d, 0.0, size, turned))
        else:
            found.append(actor(road, number, "debris", s, d, 0.0, (DEBRIS_M,) * 3, turned))
    return found
