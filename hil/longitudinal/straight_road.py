"""A straight road with grade for longitudinal cases, as light as the tick itself: thousands of cases in a minute.

The truck keeps the middle of its lane by itself, its wheels turn as they are asked to; along the road it moves as its `train`
makes of the stack's actuation.
The stack is the real one, ego filter included. Its start, half a minute at constant speed, is driven once for a speed
and taken up again from the snapshot for every case.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple, Protocol

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic
from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.tick_period import TICK_NS, TICK_S
from hil.radar.road_users import detected
from hil.sensors.realism import RADAR_RANGE_M, SENSORS, SIGMA
from hil.world import Actor

ORIGIN = (48.2, 11.6, 500.0)
WARM_UP_S = 30.0
GNSS_TICKS, LANE_TICKS = 10, 5
RADAR_TICKS = round(SENSORS["radar"].period_s / TICK_S)
RADAR_LATE_TICKS = round(SENSORS["radar"].latency_s / TICK_S)
LANE_HALF_WIDTH_M = 1.75
NOT_KNOWN = np.nan
STANDBY = 0  # Actuation.mode


class Train(Protocol):
    """What moves the truck along the road."""

    speed: float
    acceleration: float

    def reset(self, speed: float) -> None:
        """Rolling evenly at a speed on the level, everything at rest."""

    def step(self, actuation, grade: float) -> None:
        """One tick. Speed in m/s, acceleration along the road in m/s2, grade in rad."""

    def signals(self) -> dict[int, float]:
        """Vehicle signals beside speed: {SignalSample number: value}."""

    def shifting(self) -> bool:
        """Whether the gearbox is between two gears."""


class Other(NamedTuple):
    """Another vehicle as a perfect tracker gives it: distance to its nearest face from the truck's reference point."""

    number: int
    x: float
    y: float
    speed: float
    speed_across: float
    acceleration: float
    length: float = 4.5
    width: float = 1.85

    def actor(self) -> Actor:
        """In the truck's frame."""
        return Actor(self.number, "car", self.x + 0.5 * self.length, self.y, 0.0, self.speed, self.acceleration, self.length,
                     self.width, 1.5)  # fmt: skip


class StraightRoad:
    """One stack on one road. `begin(speed)` starts a case, `step(others)` drives one tick of it.

    The others are known as ready-made tracks, or with `radar` by exact positions and range rates in every tick; with `noise`, a
    seed, as the radar of the rig sees them: every RADAR_TICKS, with noise, latency, its range and what it misses.
    """

    def __init__(self, stack, train: Train, *, radar: bool = False, noise: int | None = None):
        self.stack, self.train, self.radar = stack, train, radar or noise is not None
        self.noise = noise
        self.frame = np.zeros(1, msg.dtype("InputFrame"))
        self.out = np.zeros(1, msg.dtype("OutputFrame"))
        self.started: dict[tuple[float, float], tuple[bytes, int, float]] = {}
        self._views()

    def begin(self, speed: float, set_speed: float | None = None, grade: float = 0.0) -> None:
        """At a steady speed with the stack driving; the first call for a speed and grade takes a while."""
        self.set_speed = speed if set_speed is None else set_speed
        self.grade = self.grade_before = grade
        key = (speed, grade)
        if key not in self.started:
            self.started[key] = self._warm_up(speed)
        blob, self.tick, self.s = self.started[key]
        self.stack.restore(blob)
        self.train.reset(speed)
        self._begin_noise()
        self.height = self.s * math.sin(grade)

    def step(self, others=(), engage: bool = True) -> np.void:
        """Senses, ticks, moves. Returns the tick's OutputFrame, overwritten by the next one."""
        self._sense(others, engage)
        self.stack.tick(self.frame[0], out=self.out)
        train = self.train
        before = train.speed
        train.step(self.out["actuation"][0], self.grade)
        self._turn_wheels()
        moved = 0.5 * (before + train.speed) * TICK_S
        self.s += moved
        self.height += moved * math.sin(self.grade)
        self.tick += 1
        return self.out[0]

    def _warm_up(self, speed: float) -> tuple[bytes, int, float]:
        """Driver first, then the stack, at constant speed."""
        self.tick, self.s, self.height = 100, 0.0, 0.0
        self._begin_noise()
        wanted, self.set_speed = self.set_speed, speed
        self.stack.restore(self._fresh)
        self.train.reset(speed)
        ticks = round(WARM_UP_S / TICK_S)
        for k in range(ticks):
            self._sense((), engage=k > 0.5 * ticks)
            self.stack.tick(self.frame[0], out=self.out)
            self._turn_wheels()
            self.s += speed * TICK_S
            self.height += speed * TICK_S * math.sin(self.grade)
            self.tick += 1
        self.set_speed = wanted
        return self.stack.snapshot(), self.tick, self.s

    def _views(self) -> None:
        """Arrays onto the frame's fields, made once: a tick then costs a few assignments."""
        frame = self.frame
        self._fresh = self.stack.snapshot()
        for kind, source in (("imu", 1), ("wheel", 11), ("shaft", 3), ("steering", 11), ("gnss", 1), ("lane", 1)):
            row = frame[kind]["items"][:, 0]
            for name, (field, *_) in row.dtype.fields.items():
                if field.base == np.float64:
                    row[name] = NOT_KNOWN
            row["source"] = source
            setattr(self, f"_{kind}", row)
        vehicle = self.stack.parameters["vehicle"]
        self._front_m = float(vehicle["front_overhang_m"])
        self._steering_ratio = float(vehicle["steering_ratio"])
        self._shaft_per_speed = float(vehicle["driveline_ratio"]) / float(vehicle["wheel_radius_m"])
        for name in ("acceleration_y", "angular_rate_x", "angular_rate_y", "angular_rate_z"):
            self._imu[name] = 0.0
        self._shaft["clutch_slip"], self._shaft["driveline_engaged"] = 0.0, 1
        self._steering["steering_wheel_angle"] = 0.0
        for name, value in (("velocity_north", 0.0), ("course_deg", 90.0), ("position_sigma", 0.3), ("altitude_sigma", 0.5),
                            ("speed_sigma", 0.05), ("course_sigma_deg", 0.3), ("fix_type", 3), ("satellites", 14)):  # fmt: skip
            self._gnss[name] = value
        for side, width in (("left", LANE_HALF_WIDTH_M), ("right", -LANE_HALF_WIDTH_M)):
            self._lane[side] = (width, 0.0, 0.0, 0.0)
            self._lane[f"{side}_sigma"], self._lane[f"{side}_quality"] = (0.04, 0.002, 1e-4, 1e-6), 3
            self._lane[f"{side}_range_m"] = 80.0
        self._kinds = {"imu": self._imu, "wheel": self._wheel, "shaft": self._shaft, "steering": self._steering}
        self._list = frame["radar" if self.radar else "object"]
        self._others = self._list["items"][0]

    def _sense(self, others, engage: bool) -> None:
        frame, now, train = self.frame, self.tick * TICK_NS, self.train
        frame["tick_index"], frame["tick_time_ns"] = self.tick, now
        frame["set_speed_mps"], frame["engage"] = self.set_speed, engage
        # Pitch is positive nose down: an ascent that begins turns it below zero
        self._imu["angular_rate_y"] = -(self.grade - self.grade_before) / TICK_S
        self.grade_before = self.grade
        self._imu["acceleration_x"] = train.acceleration + STANDARD_GRAVITY_MPS2 * math.sin(self.grade)
        self._imu["acceleration_z"] = STANDARD_GRAVITY_MPS2 * math.cos(self.grade)
        self._wheel["vehicle_speed"] = train.speed
        self._shaft["shaft_speed"] = train.speed * self._shaft_per_speed
        self._shaft["shift_in_progress"] = train.shifting()
        for kind, row in self._kinds.items():
            row["valid_time_ns"] = row["received_time_ns"] = now
            frame[kind]["count"] = 1
        self._every(GNSS_TICKS, "gnss", self._gnss)
        self._every(LANE_TICKS, "lane", self._lane)
        if frame["gnss"]["count"][0]:
            flat = self.s * math.cos(self.grade), 0.0, self.height
            self._gnss["latitude_deg"], self._gnss["longitude_deg"], self._gnss["altitude_m"] = enu_to_geodetic(flat, ORIGIN)
            self._gnss["velocity_east"], self._gnss["speed"] = train.speed * math.cos(self.grade), train.speed
            self._gnss["velocity_up"] = train.speed * math.sin(self.grade)
        self._put_signals(train.signals(), now)
        self._put_others(others, now)

    def _turn_wheels(self) -> None:
        if int(self.out["actuation"]["mode"][0]) != STANDBY:
            self._steering["steering_wheel_angle"] = self.out["actuation"]["road_wheel_angle_rad"][0] * self._steering_ratio

    def _every(self, ticks: int, kind: str, row) -> None:
        due = self.tick % ticks == 0
        self.frame[kind]["count"] = 1 if due else 0
        if due:
            row["valid_time_ns"] = row["received_time_ns"] = self.tick * TICK_NS

    def _put_signals(self, signals: dict[int, float], now: int) -> None:
        rows = self.frame["signal"]["items"][0]
        for i, (number, value) in enumerate(signals.items()):
            rows[i] = (now, now, value, number, 0, 0, 0)
        self.frame["signal"]["count"] = len(signals)

    def _begin_noise(self) -> None:
        self.random, self.sight = (np.random.default_rng(seed) for seed in (self.noise, [self.noise or 0, 5]))
        self.images: deque[tuple[int, list[Other]]] = deque()

    def _late(self, others, now: int) -> tuple[list[Other], int]:
        """What the radar tells in this tick, and of when."""
        if self.tick % RADAR_TICKS == 0:
            normal = self.random.standard_normal((len(others), 3)) * (SIGMA["range"], SIGMA["lateral"], SIGMA["range_rate"])
            found = detected([other.actor() for other in others], self._front_m, 0.0, self.sight)
            self.images.append((now, [other._replace(x=other.x + dx, y=other.y + dy, speed=other.speed - self.train.speed + rate)
                                      for other, (dx, dy, rate), is_found in zip(others, normal.tolist(), found, strict=True)
                                      if is_found and 1.0 < other.x < RADAR_RANGE_M]))  # fmt: skip
        if not self.images or now - self.images[0][0] < RADAR_LATE_TICKS * TICK_NS:
            return [], now
        then, image = self.images.popleft()
        return image, then

    def _put_others(self, others, now: int) -> None:
        own, then = self.train.speed, now
        if self.noise is not None:
            own = 0.0            # the image holds range rates
            others, then = self._late(others, now)
        for i, other in enumerate(others):
            row = self._others[i]
            row["valid_time_ns"], row["received_time_ns"] = then, now
            row["x"], row["y"], row["source"] = other.x, other.y, 1
            if self.radar:
                row["range_rate"], row["target_id"] = other.speed - own, other.number
                row["x_sigma"] = row["y_sigma"] = NOT_KNOWN
            else:
                row["velocity_x"], row["velocity_y"], row["acceleration_x"] = other.speed, other.speed_across, other.acceleration
                row["length"], row["width"], row["existence"], row["object_id"] = other.length, other.width, 1.0, other.number
        self._list["count"] = len(others)
