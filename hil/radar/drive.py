"""A drive past other road users for judging what is made of a radar: kinematic, by seed, with everything a radar is fooled by.

Straight road, curve, counter-curve with rails, walls, bridges and gantries; cars and trucks of both directions, motorcycles; one
vehicle that stands on the hard shoulder, one that stands in the own lane at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hil.lidar.scene import Scene
from hil.radar.emulator import Detections, Emulator
from hil.world import Actor, EgoTruth, Truth
from hil.worlds.road import Road, Segment

SPEED_MPS, CYCLE_NS, LANE_M = 22.0, 50_000_000, 3.5
SIZES = {"car": (4.6, 1.85, 1.5), "truck": (16.5, 2.55, 4.0), "motorcycle": (2.2, 0.8, 1.5)}
STANDING_BEYOND_M = 20.0  # of the drive's end: it is not reached
CUT_OUT_M = 120.0  # before it, over half of that
NUMBER_OF_STANDING, NUMBER_OF_SHOULDER = 900, 901


@dataclass(frozen=True)
class Vehicle:
    number: int
    kind: str
    s: float  # m at the beginning
    offset: float
    speed: float  # negative: towards us
    begin: float = 0.0


class RadarDrive:
    """`scans` gives truth and detections of each scan."""

    def __init__(self, seed: int, seconds: float = 30.0):
        random = np.random.default_rng([seed, 5])
        radius = random.uniform(700.0, 2000.0) * random.choice([-1.0, 1.0])
        self.road = Road([Segment(250.0, lanes=2), Segment(150.0, 1.0 / radius, lanes=2), Segment(150.0, 1.0 / radius, lanes=2),
                          Segment(150.0, -0.7 / radius, lanes=2), Segment(1000.0, lanes=2)])  # fmt: skip
        self.scene = Scene.motorway(self.road, seed)
        self.scans_count = round(seconds * 1e9 / CYCLE_NS)
        self.emulator = Emulator(self.scene, seed)
        self.vehicles = self._traffic(random, seconds)

    def scans(self) -> Iterator[tuple[Truth, Detections]]:
        for scan in range(self.scans_count):
            truth = self._truth(scan * CYCLE_NS * 1e-9, 10**9 + scan * CYCLE_NS)
            yield truth, self.emulator.measure(truth)

    def _traffic(self, random: np.random.Generator, seconds: float) -> list[Vehicle]:
        start, end = 60.0, 60.0 + SPEED_MPS * seconds
        kinds = ("car", "car", "car", "truck", "motorcycle")
        found = [
            Vehicle(1, str(random.choice(kinds)), start + random.uniform(25.0, 60.0), 0.0, SPEED_MPS + random.uniform(0.0, 1.0))
        ]
        found += [Vehicle(number, str(random.choice(kinds)), start + random.uniform(-80.0, 220.0), LANE_M,
                          SPEED_MPS + random.uniform(1.0, 9.0)) for number in range(2, 8)]  # fmt: skip
        opposite = self.scene.section.opposite_line
        found += [Vehicle(number, str(random.choice(kinds[:4])), random.uniform(start + 100.0, 2.0 * end),
                          opposite + LANE_M * random.choice([0.5, 1.5]), -random.uniform(22.0, 34.0))
                  for number in range(8, 22)]  # fmt: skip
        shoulder = self.scene.section.right_line - 1.5
        found.append(Vehicle(NUMBER_OF_SHOULDER, "car", start + random.uniform(150.0, 300.0), shoulder, 0.0))
        self.standing_at = end + STANDING_BEYOND_M
        found.append(Vehicle(NUMBER_OF_STANDING, str(random.choice(kinds[:4])), self.standing_at, 0.0, 0.0))
        return found

    def _truth(self, time_s: float, time_ns: int) -> Truth:
        s = 60.0 + SPEED_MPS * time_s
        x, y, heading, curvature = self.road.at(s)
        ego = EgoTruth(x=x, y=y, yaw=heading, velocity=SPEED_MPS, yaw_rate=SPEED_MPS * curvature)
        return Truth(time_ns, ego, actors=[actor for vehicle in self.vehicles
                                           if (actor := self._actor(vehicle, time_s, s)) is not None])  # fmt: skip

    def _actor(self, vehicle: Vehicle, time_s: float, ego_s: float) -> Actor | None:
        s = vehicle.s + vehicle.speed * time_s
        length, width, height = SIZES[vehicle.kind]
        if vehicle.number == 1 and s - ego_s > 120.0 or not 0.0 < s < self.road.length - 1.0 or not -50.0 < s - ego_s < 300.0:
            return None
        x, y, heading, _ = self.road.at(s)
        turned = math.pi if vehicle.speed < 0.0 else 0.0
        offset = vehicle.offset
        if vehicle.number == 1:  # the lead drives round what stands in the lane
            offset += LANE_M * min(max((s - self.standing_at + CUT_OUT_M) / CUT_OUT_M * 2.0, 0.0), 1.0)
        return Actor(vehicle.number, vehicle.kind, x - offset * math.sin(heading), y + offset * math.cos(heading),
                     heading + turned, abs(vehicle.speed), 0.0, length, width, height)  # fmt: skip
