"""Realistic samples: what each sensor makes of the truth, with the rates, noise, latencies and losses of realism.py."""

from __future__ import annotations

import heapq
import math
from functools import cache

import numpy as np

from autonomy import config as configuration
from autonomy import msg
from autonomy.errors import UsageError
from autonomy.geodesy import enu_to_geodetic
from autonomy.physics import STANDARD_GRAVITY_MPS2
from hil.radar.road_users import detected
from hil.sensors.line_fit import cubic_sigma, line_cubic, middle_ahead, point_sigma, sway
from hil.sensors.powertrain import Powertrain, engine_reference_nm
from hil.sensors.realism import (
    ACCELERATION_BIAS,
    ARTICULATION_OFFSET_SIGMA,
    GNSS_ALTITUDE_SIGMA,
    GNSS_COURSE_SIGMA_DEG,
    GNSS_DRIFT_SIGMA,
    GNSS_DRIFT_TIME_S,
    GNSS_POSITION_SIGMA,
    GNSS_SATELLITES,
    GNSS_SPEED_SIGMA,
    GYRO_BIAS,
    LANE_RANGE_M,
    ORIGIN,
    RADAR_HALF_ANGLE,
    RADAR_RANGE_M,
    SENSOR_SOURCE,
    SENSORS,
    SHAFT_SOURCE,
    SIGMA,
    STEERING_OFFSET,
    STEERING_SOURCE,
    TRAILER_SOURCE,
    WHEEL_SCALE,
    WHEEL_SOURCES,
)
from hil.world import Truth
from hil.worlds.road import PREVIEW_DISTANCES

NOT_AVAILABLE = 1  # validity
SIGNALS = msg.constants("SignalSample")
CARRIED_AS = {"trailer": "signal"}  # kinds of sensor that have no kind of sample of their own
Dropouts = dict[str, list[tuple[float, float]]]


def checked_dropouts(dropouts: Dropouts) -> Dropouts:
    """Raises UsageError for a kind no sensor gives, or a window that ends before it starts."""
    for kind, windows in dropouts.items():
        if kind not in SENSORS:
            raise UsageError(f"dropouts: '{kind}' is no sensor; use one of {', '.join(SENSORS)}")
        for start, end in windows:
            if not 0.0 <= start < end:
                raise UsageError(f"dropouts of {kind}: {start:g} s to {end:g} s is no window; give a start and a later end")
    return dropouts


class Messages:
    """Samples with rate, noise, latency and losses. `config`: a Config or what `config.load` takes, for the vehicle's steering
    ratio and wheels.

    `dropouts`: {kind: [(start, end), ...]} in seconds from the first truth. A GNSS receiver goes on and says it has no fix, as
    in a tunnel; any other sensor is silent. `trailer_sensing`: a sensor tells the articulation. `steering_offset_rad`: of the
    steering wheel's sensor.
    """

    noise = 1.0
    takes_lane_path = False  # true: the stored path goes in beside what the camera sees, as with a scenario that has a map
    over_bus = False  # true: commands travel over a bus, as their samples do

    @property
    def channels(self) -> list[str]:
        """The topics a log of these sensors has."""
        return list(dict.fromkeys(f"/in/{CARRIED_AS.get(kind, kind)}" for kind in self.schedule))

    def __init__(self, config, seed: int = 0, dropouts: Dropouts | None = None, *, trailer_sensing: bool = False,
                 steering_offset_rad: float = STEERING_OFFSET):  # fmt: skip
        config = configuration.loaded(config)
        vehicle = config.section("vehicle")
        self.steering_ratio = float(vehicle["steering_ratio"])
        self.front_m = float(vehicle["front_overhang_m"])
        self.shaft_per_speed = float(vehicle["driveline_ratio"]) / float(vehicle["wheel_radius_m"])
        self.random = np.random.default_rng(seed)
        # Of jitter and losses, and of what the radar detects: the noise stays as it is without them
        self.chance, self.sight = (np.random.default_rng([seed, stream]) for stream in (1, 5))
        self.dropouts = checked_dropouts(dropouts or {})
        self.powertrain = Powertrain(engine_reference_nm(config), self.noise, seed)
        self.start_ns: int | None = None
        self.schedule = {kind: timing for kind, timing in SENSORS.items() if kind != "trailer" or trailer_sensing}
        self.steering_offset = self.noise * steering_offset_rad
        self.articulation_offset = self.noise * ARTICULATION_OFFSET_SIGMA * np.random.default_rng([seed, 3]).standard_normal()
        self.next_ns: dict[str, int] = {}
        self.waiting: list[tuple[int, int, str, np.ndarray]] = []
        self.counter = 0
        self.seen: set[int] = set()
        self.gnss_drift = self.noise * GNSS_DRIFT_SIGMA * self.random.standard_normal(3)
        self.attitude: tuple[int, float, float] | None = None  # time, pitch and roll of the last IMU sample
        self.road_wheel_angle = 0.0
        self.motion = (0.0, 0.0, 0.0)  # yaw rate, lateral, longitudinal acceleration as the stability control sees them

    def sense(self, truth: Truth) -> dict[str, np.ndarray]:
        """Everything that arrives by the truth's time."""
        arrived: dict[str, list[np.ndarray]] = {}
        for kind, row in self._arrived(truth):
            arrived.setdefault(kind, []).append(row)
        return {kind: np.concatenate(rows) if len(rows) > 1 else rows[0] for kind, rows in arrived.items()}

    def _arrived(self, truth: Truth):
        now = truth.time_ns
        if self.start_ns is None:
            self.start_ns = now
        for kind, timing in self.schedule.items():
            if now < self.next_ns.get(kind, 0):
                continue
            period_ns = round(timing.period_s * 1e9)
            self.next_ns[kind] = max(self.next_ns.get(kind, now), now - period_ns) + period_ns
            rows = self._measured(kind, truth)
            received_ns = now + round(timing.latency_s * 1e9)
            if timing.jitter_s:
                received_ns += round(timing.jitter_s * 1e9 * self.chance.random())
            if timing.loss and self.chance.random() < timing.loss:
                continue
            for row in rows:
                row["valid_time_ns"], row["received_time_ns"] = now, received_ns
                heapq.heappush(self.waiting, (received_ns, self.counter, CARRIED_AS.get(kind, kind), row))
                self.counter += 1
        while self.waiting and self.waiting[0][0] <= now:
            _, _, kind, row = heapq.heappop(self.waiting)
            yield kind, row

    def _measured(self, kind: str, truth: Truth) -> list[np.ndarray]:
        rows = getattr(self, f"_{kind}")(truth)
        if not self._drops_out(kind, truth):
            return rows
        return [self._no_fix()] if kind == "gnss" else []

    def _drops_out(self, kind: str, truth: Truth) -> bool:
        elapsed_s = (truth.time_ns - self.start_ns) / 1e9
        return any(start <= elapsed_s < end for start, end in self.dropouts.get(kind, ()))

    def _no_fix(self) -> np.ndarray:
        row = self._row("Gnss", SENSOR_SOURCE)
        row["validity"], row["fix_type"], row["satellites"] = NOT_AVAILABLE, 0, 0
        return row

    def _normal(self, name: str) -> float:
        return self.noise * SIGMA[name] * self.random.standard_normal()

    def _row(self, kind: str, source: int) -> np.ndarray:
        row = _empty(kind).copy()
        row["source"] = source
        return row

    def _imu(self, truth: Truth):
        """Specific force and angular rate at the reference point, along the axes of the vehicle as it leans."""
        ego, row = truth.ego, self._row("Imu", SENSOR_SOURCE)
        before_ns, pitch, roll = self.attitude or (truth.time_ns - 1, ego.pitch, ego.roll)
        elapsed_s = (truth.time_ns - before_ns) / 1e9
        pitch_rate, roll_rate = (ego.pitch - pitch) / elapsed_s, (ego.roll - roll) / elapsed_s
        self.attitude = truth.time_ns, ego.pitch, ego.roll
        sin_pitch, cos_pitch, sin_roll, cos_roll = (
            function(angle) for angle in (ego.pitch, ego.roll) for function in (math.sin, math.cos)
        )
        force = (ego.acceleration - STANDARD_GRAVITY_MPS2 * sin_pitch,
                 ego.lateral_acceleration + STANDARD_GRAVITY_MPS2 * cos_pitch * sin_roll,
                 STANDARD_GRAVITY_MPS2 * cos_pitch * cos_roll)  # fmt: skip
        rates = (roll_rate - ego.yaw_rate * sin_pitch, pitch_rate * cos_roll + ego.yaw_rate * cos_pitch * sin_roll,
                 ego.yaw_rate * cos_pitch * cos_roll - pitch_rate * sin_roll)  # fmt: skip
        for axis, acceleration, rate, acceleration_bias, rate_bias in zip(
                "xyz", force, rates, ACCELERATION_BIAS, GYRO_BIAS, strict=True):  # fmt: skip
            row[f"acceleration_{axis}"] = acceleration + self.noise * acceleration_bias + self._normal("acceleration")
            row[f"angular_rate_{axis}"] = rate + self.noise * rate_bias + self._normal("angular_rate")
        return [row]

    def _wheel_scale(self) -> float:
        return WHEEL_SCALE if self.noise else 1.0

    def _wheel(self, truth: Truth):
        rows = []
        for source in WHEEL_SOURCES:
            row = self._row("Wheel", source)
            row["vehicle_speed"] = max(0.0, truth.ego.velocity * self._wheel_scale() + self._normal("speed"))
            rows.append(row)
        return rows

    def _shaft(self, truth: Truth):
        row, plant = self._row("Shaft", SHAFT_SOURCE), truth.ego.plant
        if plant is None:
            shaft = truth.ego.velocity * self._wheel_scale() * self.shaft_per_speed
        else:  # slip of the driven wheels and all; the tyres are as large as the plant has them
            shaft = float(plant["shaft_speed"]) + self.powertrain.swing(truth)
        row["shaft_speed"] = max(0.0, shaft + self._normal("shaft"))
        shifting = plant is not None and bool(plant["shift_in_progress"])
        engaged = plant is None or int(plant["gear"]) != 0  # 0 in a shift and in neutral
        row["clutch_slip"], row["driveline_engaged"], row["shift_in_progress"] = 0.0, engaged, shifting
        return [row]

    def _signal(self, truth: Truth):
        """What engine, gearbox, retarder and brakes tell, where the world's plant has them."""
        rows = []
        for name, value, source in self.powertrain.signals(truth):
            row = self._row("Signal", source)
            row["signal"], row["value"] = SIGNALS[name], value
            rows.append(row)
        return rows

    def _steering(self, truth: Truth):
        row = self._row("Steering", STEERING_SOURCE)
        self.motion = truth.ego.yaw_rate, truth.ego.lateral_acceleration, truth.ego.acceleration
        self.road_wheel_angle = truth.ego.road_wheel_angle
        row["steering_wheel_angle"] = truth.ego.road_wheel_angle * self.steering_ratio + self.steering_offset \
            + self._normal("steering")  # fmt: skip
        return [row]

    def _trailer(self, truth: Truth):
        row = self._row("Signal", TRAILER_SOURCE)
        row["signal"] = SIGNALS["TRAILER_ARTICULATION"]
        row["value"] = truth.ego.articulation + self.articulation_offset + self._normal("articulation")
        return [row]

    def _gnss(self, truth: Truth):
        ego, row = truth.ego, self._row("Gnss", SENSOR_SOURCE)
        white = self._normal("position"), self._normal("position"), self._normal("altitude")
        share = self.schedule["gnss"].period_s / GNSS_DRIFT_TIME_S
        step = self.noise * GNSS_DRIFT_SIGMA * math.sqrt(2.0 * share) * self.random.standard_normal(3)
        self.gnss_drift = (1.0 - share) * self.gnss_drift + step
        enu = np.array([ego.x, ego.y, ego.z]) + white + self.gnss_drift
        row["latitude_deg"], row["longitude_deg"], row["altitude_m"] = enu_to_geodetic(enu, ORIGIN)
        east, north, up = (value + self._normal("velocity") for value in truth.velocity_enu())
        row["velocity_east"], row["velocity_north"], row["velocity_up"] = east, north, up
        row["speed"], row["course_deg"] = math.hypot(east, north), math.degrees(math.atan2(east, north)) % 360.0
        row["position_sigma"], row["altitude_sigma"], row["speed_sigma"] = GNSS_POSITION_SIGMA, GNSS_ALTITUDE_SIGMA, \
            GNSS_SPEED_SIGMA  # fmt: skip
        row["course_sigma_deg"] = GNSS_COURSE_SIGMA_DEG
        row["fix_type"], row["satellites"] = 3, GNSS_SATELLITES
        return [row]

    def _radar(self, truth: Truth):
        """The nearest face of each actor that is detected, range rate along the vehicle's axis."""
        ego, rows = truth.ego, []
        cosine, sine = math.cos(ego.yaw), math.sin(ego.yaw)
        visible = set()
        for actor, is_detected in zip(truth.actors, self._detected(truth), strict=True):
            dx, dy = actor.x - ego.x, actor.y - ego.y
            x, y = cosine * dx + sine * dy, -sine * dx + cosine * dy
            x -= 0.5 * actor.length
            if not 1.0 < x < RADAR_RANGE_M or abs(math.atan2(y, x)) > RADAR_HALF_ANGLE:
                continue
            row = self._row("RadarPoint", SENSOR_SOURCE)
            row["x"], row["y"] = x + self._normal("range"), y + self._normal("lateral")
            closing = actor.speed * math.cos(actor.yaw - ego.yaw) - ego.velocity + ego.yaw_rate * y
            row["range_rate"] = closing + self._normal("range_rate")
            row["target_id"], row["is_new"] = actor.id, actor.id not in self.seen
            if is_detected:
                visible.add(actor.id)
                rows.append(row)
        self.seen = visible
        return rows

    def _detected(self, truth: Truth) -> np.ndarray:
        """(n,) of the actors, by the radar at the truck's front; all of them without noise."""
        if not self.noise:
            return np.ones(len(truth.actors), bool)
        ego, front = truth.ego, self.front_m
        return detected(truth.actors, ego.x + front * math.cos(ego.yaw), ego.y + front * math.sin(ego.yaw), self.sight)

    def _lane(self, truth: Truth):
        """Both boundaries as cubics about the vehicle, fitted over what the camera sees of them."""
        road, row = truth.road, self._row("Lane", SENSOR_SOURCE)
        s, curvature = np.array(road.preview or [(s, road.curvature + road.curvature_rate * s) for s in PREVIEW_DISTANCES]).T
        seen = s <= LANE_RANGE_M
        s = s[seen]
        middle = middle_ahead(s, curvature[seen], road.offset, road.heading_error)
        shaken = sway(s, self.random.standard_normal(2))
        for side, width in (("left", road.width_left), ("right", -road.width_right)):
            error = self.noise * (shaken + self.random.standard_normal(len(s)) * point_sigma(s))
            row[side] = line_cubic(*middle, width, error)
            row[f"{side}_sigma"], row[f"{side}_range_m"], row[f"{side}_quality"] = cubic_sigma(s), LANE_RANGE_M, 3
        return [row]


@cache
def _empty(kind: str) -> np.ndarray:
    """A sample (1,) that says nothing: numbers NaN, codes zero."""
    row = np.zeros(1, msg.dtype(f"{kind}Sample" if kind != "RadarPoint" else kind))
    for name, (field, *_) in row.dtype.fields.items():
        if field == np.float64:
            row[name] = np.nan
    return row
