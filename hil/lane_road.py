"""A road with lane lines as a camera reports them, driven by a truck that sways: for the lane step alone, with exact truth.

    drive = Drive(SEGMENTS, duration_s=40.0, seed=0)
    states = drive.through(parameters)          # LaneState, one a tick
    drive.offset, drive.heading_error, ...      # the truth, one a tick

Lines are functions of the arc length: distance to the lane's middle. A camera fits a cubic to what it sees ahead of the
vehicle's reference point, adds noise, and tells it late.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from autonomy.estimation.lane._lane import LaneStep

from autonomy import msg
from autonomy.tick_period import TICK_S
from hil.sensors.line_fit import cubic_sigma, line_cubic, middle_ahead, point_sigma, sway

START_NS = 1_000_000_000
SPACING_M = 0.5
POINT_EVERY_M = 2.5
HALF_WIDTH_M = 1.75
WHITE, YELLOW = 1, 2
GYRO_NOISE, GYRO_BIAS = 0.001, 0.0005  # rad/s as the ego filter leaves them: white, constant [C]
SLIP_PER_MPS2 = 0.002  # rad of side slip at the drive axle per m/s2: 9.9 t on 551 kN/rad are 0.018 s2/m x v / v [C]


@dataclass
class Camera:
    """Rate, latency and noise of the lines of one camera."""

    period_s: float = 0.05
    latency_s: float = 0.08
    range_m: float = 70.0
    noise: float = 1.0

    @property
    def distance_m(self) -> np.ndarray:
        """(n,) of the points of a line."""
        return np.arange(0.0, self.range_m, POINT_EVERY_M)


@dataclass
class Line:
    """One line on one side (+1 left, -1 right): distance to the lane's middle, positive outward, over arc length."""

    side: int
    distance: Callable[[np.ndarray], np.ndarray] = lambda s: np.full_like(s, HALF_WIDTH_M)
    seen: Callable[[float, float], bool] = lambda s, t: True
    colour: int = 0
    type: int = 2


@dataclass
class Drive:
    """Truth of one drive at a constant speed; arrays have one element a tick."""

    segments: tuple[tuple[float, float], ...]  # (length in m, curvature in 1/m at its end)
    duration_s: float = 30.0
    speed: float = 25.0
    seed: int = 0
    sway_m: float = 0.2
    lines: tuple[Line, ...] = (Line(1), Line(-1))
    camera: Camera = field(default_factory=Camera)
    mirrored: bool = False
    tick_s: float = TICK_S

    def __post_init__(self) -> None:
        ends = np.cumsum([0.0] + [length for length, _ in self.segments])
        self.s_road = np.arange(-100.0, self.speed * self.duration_s + 300.0, SPACING_M)
        sign = -1.0 if self.mirrored else 1.0
        self.curvature_road = sign * np.interp(self.s_road, ends, [0.0] + [curvature for _, curvature in self.segments])
        ticks = round(self.duration_s / self.tick_s)
        self.time_s = self.tick_s * np.arange(ticks)
        random = np.random.default_rng(self.seed)
        phase, period_s = random.uniform(0.0, 2.0 * math.pi), random.uniform(7.0, 11.0)
        bias = sign * GYRO_BIAS * random.choice((-1.0, 1.0)) if self.camera.noise else 0.0
        rate = 2.0 * math.pi / period_s
        # The offset is prescribed; heading, yaw rate and the arc length follow from it
        self.offset = sign * self.sway_m * np.sin(rate * self.time_s + phase)
        across = sign * self.sway_m * rate * np.cos(rate * self.time_s + phase)
        self.s = np.cumsum(np.concatenate([[0.0], np.full(ticks - 1, self.speed * self.tick_s)]))
        self.curvature = np.interp(self.s, self.s_road, self.curvature_road)
        self.curvature_rate = np.interp(self.s, self.s_road, np.gradient(self.curvature_road, SPACING_M))
        self.drift = -SLIP_PER_MPS2 * self.speed**2 * self.curvature * self.speed
        self.heading_error = np.arcsin((across - self.drift) / self.speed)
        # Over the ground a little more or less than along the lane
        ground = self.speed * (1.0 - self.curvature * self.offset) / np.cos(self.heading_error)
        self.yaw_rate = np.gradient(self.heading_error, self.tick_s) + self.speed * self.curvature
        white = random.standard_normal(ticks) * GYRO_NOISE * self.camera.noise
        self.ego_yaw_rate = self.yaw_rate + bias + sign * white
        self.ego_speed = ground * (1.0 + 0.001 * self.camera.noise)
        points = len(self.camera.distance_m)
        self.noise = random.standard_normal((ticks, 2, 2, points)) * point_sigma(self.camera.distance_m) * self.camera.noise
        self.shaken = random.standard_normal((ticks, 2)) * self.camera.noise

    def cubic(self, tick: int, line: Line, error_m) -> np.ndarray:
        """c0..c3 of the line in the vehicle frame, fitted over what the camera sees."""
        s = self.s[tick] + self.camera.distance_m
        fine = np.arange(self.s[tick], s[-1] + 0.1, SPACING_M)
        curvature = np.interp(fine, self.s_road, self.curvature_road)
        middle = middle_ahead(fine, curvature, self.offset[tick], self.heading_error[tick])
        x, y, heading = (np.interp(s, fine, values) for values in middle)
        side = -line.side if self.mirrored else line.side
        distance = side * line.distance(s)
        return line_cubic(x, y, heading, distance, error_m)

    def sample(self, tick: int) -> np.ndarray:
        """The LaneSample of what the camera sees at a tick."""
        row = np.zeros((), msg.dtype("LaneSample"))
        row["valid_time_ns"] = self.time_ns(tick)
        row["received_time_ns"] = row["valid_time_ns"] + round(self.camera.latency_s * 1e9)
        row["source"] = 1
        sides = {1: "left", -1: "right"}
        row["left_sigma"] = row["right_sigma"] = cubic_sigma(self.camera.distance_m)
        shaken = sway(self.camera.distance_m, self.shaken[tick])
        places = {1: 0, -1: 0}
        for line in self.lines:
            side = -line.side if self.mirrored else line.side
            if places[side] > 1 or not line.seen(self.s[tick], self.time_s[tick]):
                continue
            name = sides[side] + ("" if places[side] == 0 else "_second")
            error = shaken + self.noise[tick, 0 if line.side > 0 else 1, places[side]]
            row[name] = self.cubic(tick, line, -error if self.mirrored else error)
            row[f"{name}_quality"], row[f"{name}_range_m"] = 3, self.camera.range_m
            row[f"{name}_type"], row[f"{name}_colour"] = line.type, line.colour
            places[side] += 1
        return row

    def time_ns(self, tick: int) -> int:
        return START_NS + round(tick * self.tick_s * 1e9)

    def ego(self, tick: int) -> np.ndarray:
        """The EgoState there: velocity and rates known, no position."""
        ego = np.zeros((), msg.dtype("EgoState"))
        ego["status"] = 1 | 2 | 8
        ego["speed"], ego["angular_rate"][2] = self.ego_speed[tick], self.ego_yaw_rate[tick]
        ego["velocity"][:2] = self.ego_speed[tick], self.drift[tick]
        return ego

    def frames(self):
        """(input frame, ego state) tick by tick; the frame is the same array each time."""
        frame = np.zeros((), msg.dtype("InputFrame"))
        period = round(self.camera.period_s / self.tick_s)
        waiting: list[np.ndarray] = []
        for tick in range(len(self.time_s)):
            frame["tick_index"], frame["tick_time_ns"] = tick, self.time_ns(tick)
            if tick % period == 0:
                waiting.append(self.sample(tick))
            arrived = [row for row in waiting if row["received_time_ns"] <= frame["tick_time_ns"]]
            waiting = waiting[len(arrived) :]
            frame["lane"]["count"] = len(arrived)
            for place, row in enumerate(arrived):
                frame["lane"]["items"][place] = row
            yield frame, self.ego(tick)

    def through(self, parameters: np.ndarray) -> np.ndarray:
        """The lane step's states, one LaneState a tick."""
        step = LaneStep(parameters)
        return np.stack([step.step(frame, ego) for frame, ego in self.frames()])
