"""A truck along an emulated motorway: truths a tenth of a second apart, the lidar's packets, and what perception makes of them.

The truck keeps its lane (at a construction site the one between the yellow lines), swaying and nodding a little; speed and yaw
rate that perception is told are as wrong as a calibrated truck's are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autonomy.perception.perceive import Found, Perceiver, parameters
from autonomy.perception.perceive import Mounting as Place
from drivers.lidar.decoder import Decoder
from drivers.lidar.model import model
from hil.lidar import Emulator, Mounting, Scene, Weather
from hil.lidar.emulator import Turn
from hil.suites._perception.case import Case
from hil.suites._perception.traffic import TRUCK_MPS, Traffic, standing
from hil.world import EgoTruth, Truth
from hil.worlds.road import Road, Segment

TURN_S, TURN_NS = 0.1, 100_000_000
LEAD_IN_M = 150.0
FRONT_M, REAR_M, WIDTH_M = 5.2, -1.0, 2.5  # of the tractor, about the drive axle
TRAILER_M = (1.0, -12.0)
MOUNTING = Mounting()
OWN = {"ground.own_front_m": 5.4, "ground.own_rear_m": 13.5, "ground.own_side_m": 1.4}
SPEED_WRONG, YAW_RATE_WRONG = 0.003, 0.0005  # share, rad/s: of wheel speeds and a gyro after calibration [D]
LANES = 3
# Construction sites: yellow lines 0.9 to 1.9 m beside the old ones, for 700 m of each 1000
SITE_M, SITE_EVERY_M, TAPER_M = 700.0, 1000.0, 60.0


@dataclass
class Sight:
    """One scan: its raw packets' points, what was emulated and what was found."""

    truth: Truth  # at the scan's begin
    turn: Turn  # arrays are those of the next turn when `copied` was not asked for
    points: np.ndarray
    found: Found
    s: float
    d: float  # of the path driven, left of the reference line


class Drive:
    """Of one case. `sights` goes through it once."""

    def __init__(self, case: Case):
        self.case = case
        self.random = np.random.default_rng([case.seed, 17])
        self.road = road_of(self.random, case.seconds * TRUCK_MPS + 600.0)
        self.shift = float(self.random.choice([-1.0, 1.0]) * self.random.uniform(0.9, 1.9)) if case.kind == "sites" else 0.0
        self.lane = int(self.random.integers(0, 2))
        self.scene = self.scene_of()
        self.traffic = Traffic(self.scene.section, self.lane, self.random)
        self.sway = self.random.uniform(0.0, 2.0 * math.pi, 4)
        self.record: list | None = None  # (packets, told motion, time) of each turn, where somebody wants them
        self.emulator = Emulator(model(case.lidar), MOUNTING, self.scene, case.seed)

    def scene_of(self) -> Scene:
        kind, seed = self.case.kind, self.case.seed
        if kind == "worn":
            return Scene.motorway(self.road, seed, wear=0.5)
        if kind == "sites":
            scene = Scene.motorway(self.road, seed, wear=0.25 * (seed % 3), puddles_per_km=15.0)
            return with_sites(scene, self.shift)
        if kind == "corridor":
            return Scene.motorway(self.road, seed, weather=Weather(rain_mm_h=2.0, spray_per_m=0.03 * (seed % 3)),
                                  puddles_per_km=5.0)  # fmt: skip
        scene = Scene.motorway(self.road, seed)
        if kind == "users":
            scene.obstacles = standing(self.road, scene.section, LEAD_IN_M, self.random)
        return scene

    def sights(self, copied: bool = False) -> Iterator[Sight]:
        """`copied`: the turn's labels and ranges are kept, for measures by the point."""
        replay = Replay(self.case.lidar)
        before: tuple[Truth, Turn] | None = None
        for number in range(round(self.case.seconds / TURN_S)):
            begin, end = self.truth(number), self.truth(number + 1)
            turn = self.emulator.turn(begin, end)
            packets, told = self.emulator.packets(turn), self.told(max(number - 1, 0))
            if self.record is not None:
                self.record.append((packets, told, begin.time_ns))
            found = replay.feed(packets, told, begin.time_ns)
            if found is not None:
                s = self.s_at(number - 1)
                yield Sight(*before, *found, s, self.path(s))
            before = begin, turn.copy() if copied else turn

    def s_at(self, number: int) -> float:
        return LEAD_IN_M + TRUCK_MPS * TURN_S * number

    def path(self, s: float) -> float:
        """Offset of the path driven: the middle of the lane, but for the corners of a construction site's tapers. A truck turns
        into them; with their corners it would turn by 1.7 degrees within one scan."""
        return self.lane * self.road.lane_width + self.shift * 0.5 * (1.0 - math.cos(math.pi * site_share(s)))

    def truth(self, number: int) -> Truth:
        s, t = self.s_at(number), TURN_S * number
        x, y, heading, curvature = self.road.at(s)
        d = self.path(s) + 0.15 * math.sin(0.7 * t + self.sway[0])
        ahead = self.path(s + 1.0) - self.path(s - 1.0) + 0.3 * 0.7 * math.cos(0.7 * t + self.sway[0]) / TRUCK_MPS
        yaw = heading + 0.5 * ahead
        grade, bank = self.road.value("grade", s), self.road.value("bank", s)
        pitch = -math.atan(grade) + 0.002 * math.sin(7.5 * t + self.sway[1]) + 0.001 * math.sin(19.0 * t + self.sway[2])
        roll = math.atan(bank) + 0.004 * math.sin(3.1 * t + self.sway[3])
        x, y = x - d * math.sin(heading), y + d * math.cos(heading)
        ego = EgoTruth(x=x, y=y, z=self.road.value("z", s) + bank * d, yaw=yaw, pitch=pitch, roll=roll, velocity=TRUCK_MPS,
                       yaw_rate=curvature * TRUCK_MPS, outline=outline(x, y, yaw))  # fmt: skip
        return Truth(TURN_NS * (number + 10), ego, actors=self.traffic.actors(self.road, s, t))

    def told(self, number: int) -> tuple[float, float]:
        """Speed and yaw rate of one turn, as wrong as they are."""
        a, b = self.truth(number).ego, self.truth(number + 1).ego
        speed = math.hypot(b.x - a.x, b.y - a.y) / TURN_S
        return speed * (1.0 + SPEED_WRONG), (b.yaw - a.yaw) / TURN_S + YAW_RATE_WRONG


class Replay:
    """Packets into points and results: all that the stack has of a drive."""

    def __init__(self, lidar: str):
        self.decoder = Decoder(lidar, cut_azimuth_rad=math.pi)
        place = Place(MOUNTING.x_m, MOUNTING.y_m, MOUNTING.z_m)
        self.perceiver = Perceiver(parameters("perception", OWN), place, 400_000)
        self.scans = 0

    def feed(self, packets: np.ndarray, told: tuple[float, float], time_ns: int) -> tuple[np.ndarray, Found] | None:
        """The scan that ended with the first of these packets; `told` are its speed and yaw rate."""
        done = None
        for packet in packets:
            for scan in self.decoder.feed(packet.tobytes(), time_ns):
                points = scan.points.copy()
                elapsed = TURN_S if self.scans else 0.0
                done = points, self.perceiver.perceive(points, (told[0], 0.0, 0.0), (0.0, 0.0, told[1]), elapsed_s=elapsed)
                self.scans += 1
        return done


def road_of(random: np.random.Generator, length_m: float) -> Road:
    """Straights and bends of 800 m and more with their clothoids, grades to 4 %, bank in bends."""
    segments, built = [Segment(LEAD_IN_M, lanes=LANES)], LEAD_IN_M
    while built < length_m:
        bend = 0.0 if random.random() < 0.3 else float(random.choice([-1.0, 1.0]) / random.uniform(800.0, 4000.0))
        bank, grade = float(np.clip(-25.0 * bend, -0.03, 0.03)), float(random.uniform(-0.04, 0.04))
        clothoid, arc = float(random.uniform(120.0, 200.0)), float(random.uniform(150.0, 400.0))
        segments += [Segment(clothoid, bend, grade, bank, lanes=LANES), Segment(arc, bend, grade, bank, lanes=LANES)]
        built += clothoid + arc
    return Road(segments)


def site_share(s: float) -> float:
    """0 before a construction site, 1 in it, linear in its tapers."""
    at = (s - LEAD_IN_M - 80.0) % SITE_EVERY_M if s > LEAD_IN_M + 80.0 else -1.0
    return min(max(min(at, SITE_M - at) / TAPER_M, 0.0), 1.0)


def with_sites(scene: Scene, shift: float) -> Scene:
    """Yellow lines at each construction site of the road; the white ones do not count there."""
    from hil.lidar.markings import construction

    begin, first_id = LEAD_IN_M + 80.0, 100
    while begin < scene.road.length:
        scene.markings += construction(scene.section, begin, begin + SITE_M, shift, first_id=first_id, taper_m=TAPER_M)
        begin, first_id = begin + SITE_EVERY_M, first_id + 10
    return scene


def outline(x: float, y: float, yaw: float) -> np.ndarray:
    """(2, 4, 2) corners of tractor and trailer in line."""
    cosine, sine, half = math.cos(yaw), math.sin(yaw), 0.5 * WIDTH_M
    corners = np.array([[(front, half), (front, -half), (rear, -half), (rear, half)]
                        for front, rear in ((FRONT_M, REAR_M), TRAILER_M)])  # fmt: skip
    return np.stack([x + cosine * corners[..., 0] - sine * corners[..., 1],
                     y + sine * corners[..., 0] + cosine * corners[..., 1]], axis=-1)  # fmt: skip
