"""What a truck's sensors make of the truth, at three levels: perfect samples, realistic samples, raw bytes.

    Perfect()                 every tick, no noise, no latency
    Messages(config, seed)    rates, noise and latencies of SENSORS; samples as the input frame holds them
    Bytes(config, seed)       the same samples as CAN frames, by the vehicle's own DBC files

`sense(truth)` is called once a tick in order of time. Perfect and Messages return {kind: array of <Kind>Sample rows};
`put` copies them into an input frame. Bytes returns RawRecord(time_ns, channel, bytes of one CanFrame).
"""

from __future__ import annotations

import heapq
import math
from typing import NamedTuple

import numpy as np

from autonomy import config as configuration
from autonomy import msg
from autonomy.geodesy import enu_to_geodetic
from hil.truth import Truth

ORIGIN = (48.2, 11.6, 500.0)  # latitude, longitude in degrees, altitude in m of the world's ENU frame
GRAVITY = 9.80665  # m/s2, CGPM 1901
WHEEL_SCALE = 0.992  # worn tyres: wheels say this share of the true speed
GYRO_BIAS = (0.001, -0.0015, 0.0012)  # rad/s
ACCELERATION_BIAS = (0.03, -0.02, 0.05)  # m/s2
STEERING_OFFSET = 0.01  # rad at the steering wheel
# kind: (period s, latency s). J1939 rates as measured on full trucks; GNSS and radar as their data sheets promise [M].
SENSORS = {"imu": (0.01, 0.002), "shaft": (0.01, 0.005), "steering": (0.01, 0.005), "wheel": (0.1, 0.06), "gnss": (0.1, 0.1),
           "radar": (0.05, 0.05), "lane": (0.05, 0.08)}  # fmt: skip
WHEEL_SOURCES = (11, 0)  # ABS (EBC2) and engine (CCVS1)
SHAFT_SOURCE, STEERING_SOURCE, SENSOR_SOURCE = 3, 11, 1
LANE_RANGE_M = 80.0  # a camera's
LANE_SIGMA = (0.04, 0.002, 1e-4, 1e-6)  # c0..c3
RADAR_RANGE_M, RADAR_HALF_ANGLE = 180.0, math.radians(20.0)
# One standard deviation of white noise
SIGMA = {"acceleration": 0.05, "angular_rate": 0.0015, "speed": 0.03, "steering": 0.003, "position": 0.10, "altitude": 0.18,
         "velocity": 0.05, "range": 0.25, "lateral": 0.20, "range_rate": 0.10, "shaft": 0.15}  # fmt: skip
# A receiver's error is mostly slow (orbits, ionosphere, its own filter): first-order Gauss-Markov, beside the white noise above
GNSS_DRIFT_SIGMA, GNSS_DRIFT_TIME_S = np.array([0.30, 0.30, 0.60]), 120.0
GNSS_POSITION_SIGMA, GNSS_ALTITUDE_SIGMA = 0.35, 0.6  # what the receiver says of both together


class RawRecord(NamedTuple):
    time_ns: int
    channel: str
    data: bytes


def put(frame: np.void, contents: dict[str, np.ndarray]) -> None:
    """Writes contents into a zeroed input frame; what finds no room is counted in `overflow`."""
    for kind, rows in contents.items():
        room = len(frame[kind]["items"])
        frame[kind]["items"][: min(len(rows), room)] = rows[:room]
        frame[kind]["count"] = min(len(rows), room)
        frame[kind]["overflow"] += max(0, len(rows) - room)


class Messages:
    """Samples with rate, noise and latency. `config`: a Config, for the vehicle's steering ratio and wheels."""

    noise = 1.0
    sees_lane = True

    @property
    def channels(self) -> list[str]:
        """The topics a log of these sensors has."""
        return [f"/in/{kind}" for kind in self.schedule]

    def __init__(self, config, seed: int = 0):
        vehicle = config.section("vehicle")
        self.steering_ratio = float(vehicle["steering_ratio"])
        self.shaft_per_speed = float(vehicle["driveline_ratio"]) / float(vehicle["wheel_radius_m"])
        self.random = np.random.default_rng(seed)
        self.schedule = dict(SENSORS)
        self.next_ns: dict[str, int] = {}
        self.waiting: list[tuple[int, int, str, np.ndarray]] = []
        self.counter = 0
        self.seen: set[int] = set()
        self.gnss_drift = self.noise * GNSS_DRIFT_SIGMA * self.random.standard_normal(3)
        self.attitude: tuple[int, float, float] | None = None  # time, pitch and roll of the last IMU sample
        self.motion = (0.0, 0.0, 0.0)  # yaw rate, lateral, longitudinal acceleration as the stability control sees them

    def sense(self, truth: Truth) -> dict[str, np.ndarray]:
        """Everything that arrives by the truth's time."""
        arrived: dict[str, list[np.ndarray]] = {}
        for kind, row in self._arrived(truth):
            arrived.setdefault(kind, []).append(row)
        return {kind: np.concatenate(rows) for kind, rows in arrived.items()}

    def _arrived(self, truth: Truth):
        now = truth.time_ns
        for kind, (period_s, latency_s) in self.schedule.items():
            if now >= self.next_ns.get(kind, 0):
                self.next_ns[kind] = max(self.next_ns.get(kind, now), now - round(period_s * 1e9)) + round(period_s * 1e9)
                for row in getattr(self, f"_{kind}")(truth):
                    row["valid_time_ns"], row["received_time_ns"] = now, now + round(latency_s * 1e9)
                    heapq.heappush(self.waiting, (int(row["received_time_ns"][0]), self.counter, kind, row))
                    self.counter += 1
        while self.waiting and self.waiting[0][0] <= now:
            _, _, kind, row = heapq.heappop(self.waiting)
            yield kind, row

    def _normal(self, name: str) -> float:
        return self.noise * SIGMA[name] * self.random.standard_normal()

    def _row(self, kind: str, source: int) -> np.ndarray:
        row = np.zeros(1, msg.dtype(f"{kind}Sample" if kind != "RadarPoint" else kind))
        for name, (field, *_) in row.dtype.fields.items():
            if field == np.float64:
                row[name] = np.nan
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
        force = (ego.acceleration - GRAVITY * sin_pitch, ego.lateral_acceleration + GRAVITY * cos_pitch * sin_roll,
                 GRAVITY * cos_pitch * cos_roll)  # fmt: skip
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
        row = self._row("Shaft", SHAFT_SOURCE)
        row["shaft_speed"] = max(0.0, truth.ego.velocity * self._wheel_scale() * self.shaft_per_speed + self._normal("shaft"))
        row["clutch_slip"], row["driveline_engaged"], row["shift_in_progress"] = 0.0, 1, 0
        return [row]

    def _steering(self, truth: Truth):
        row = self._row("Steering", STEERING_SOURCE)
        self.motion = truth.ego.yaw_rate, truth.ego.lateral_acceleration, truth.ego.acceleration
        row["steering_wheel_angle"] = truth.ego.road_wheel_angle * self.steering_ratio + self.noise * STEERING_OFFSET \
            + self._normal("steering")  # fmt: skip
        return [row]

    def _gnss(self, truth: Truth):
        ego, row = truth.ego, self._row("Gnss", SENSOR_SOURCE)
        white = self._normal("position"), self._normal("position"), self._normal("altitude")
        share = self.schedule["gnss"][0] / GNSS_DRIFT_TIME_S
        step = self.noise * GNSS_DRIFT_SIGMA * math.sqrt(2.0 * share) * self.random.standard_normal(3)
        self.gnss_drift = (1.0 - share) * self.gnss_drift + step
        enu = np.array([ego.x, ego.y, ego.z]) + white + self.gnss_drift
        row["latitude_deg"], row["longitude_deg"], row["altitude_m"] = enu_to_geodetic(enu, ORIGIN)
        east = ego.velocity * math.cos(ego.yaw) + self._normal("velocity")
        north = ego.velocity * math.sin(ego.yaw) + self._normal("velocity")
        row["velocity_east"], row["velocity_north"], row["velocity_up"] = east, north, self._normal("velocity")
        row["speed"], row["course_deg"] = math.hypot(east, north), math.degrees(math.atan2(east, north)) % 360.0
        row["position_sigma"], row["altitude_sigma"], row["speed_sigma"] = GNSS_POSITION_SIGMA, GNSS_ALTITUDE_SIGMA, 0.05
        row["course_sigma_deg"] = 0.3
        row["fix_type"], row["satellites"] = 3, 14
        return [row]

    def _radar(self, truth: Truth):
        """Each actor's nearest face, range rate along the vehicle's axis."""
        ego, rows = truth.ego, []
        cosine, sine = math.cos(ego.yaw), math.sin(ego.yaw)
        visible = set()
        for actor in truth.actors:
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
            visible.add(actor.id)
            rows.append(row)
        self.seen = visible
        return rows

    def _lane(self, truth: Truth):
        """Both boundaries as cubics about the vehicle, from the road's clothoid there."""
        road, row = truth.road, self._row("Lane", SENSOR_SOURCE)
        shape = (-road.offset, -road.heading_error, 0.5 * road.curvature, road.curvature_rate / 6.0)
        for side, width in (("left", road.width_left), ("right", -road.width_right)):
            noise = self.noise * self.random.standard_normal(4) * LANE_SIGMA
            row[side] = np.array(shape) + (width, 0.0, 0.0, 0.0) + noise
            row[f"{side}_sigma"], row[f"{side}_range_m"], row[f"{side}_quality"] = LANE_SIGMA, LANE_RANGE_M, 3
        return [row]


class Perfect(Messages):
    """The truth itself, every tick, as samples. `config` as for Messages, by default the demonstration's truck."""

    noise = 0.0

    def __init__(self, config=None):
        super().__init__(config if config is not None else configuration.load("vehicles/demo_truck"))
        self.schedule = {kind: (0.01, 0.0) for kind in SENSORS}


class Bytes(Messages):
    """The samples of Messages as CAN frames: J1939 on bus 0, the sensors' own messages on bus 1."""

    sees_lane = False  # no lane camera on these buses: the lane comes from a stored path
    channels = ("/raw/can/0", "/raw/can/1")

    def __init__(self, config, seed: int = 0):
        super().__init__(config, seed)
        from drivers.can.router import Router

        del self.schedule["lane"]
        self.codec = Router.from_config(config).codec
        self.frame = np.zeros(1, msg.dtype("CanFrame"))
        self.imu_count = 0
        self.radar_count = 0
        self.radar_time = 0

    def sense(self, truth: Truth) -> list[RawRecord]:
        records = []
        for kind, row in self._arrived(truth):
            time_ns = int(row["received_time_ns"][0])
            for bus, message, values, address in getattr(self, f"_{kind}_messages")(row[0]):
                records.append(self._record(time_ns, bus, message, values, address))
        return records

    def _record(self, time_ns: int, bus: int, message: str, values: dict[str, float], address: int | None) -> RawRecord:
        identifier, data = self.codec.encode(message, values, bus=bus, source_address=address)
        frame = self.frame[0]
        frame["time_ns"], frame["id"], frame["bus"], frame["length"] = time_ns, identifier, bus, len(data)
        frame["data"] = np.frombuffer(data.ljust(8, b"\0"), np.uint8)
        return RawRecord(time_ns, f"/raw/can/{bus}", frame.tobytes())

    def _imu_messages(self, row):
        self.imu_count = (self.imu_count + 1) % 16
        for message, quantity in (("IMU_ACCELERATION", "acceleration"), ("IMU_ANGULAR_RATE", "angular_rate")):
            values = {f"{quantity}_{axis}": float(row[f"{quantity}_{axis}"]) for axis in "xyz"}
            yield 1, message, values | {"counter": self.imu_count}, None

    def _wheel_messages(self, row):
        speed = float(row["vehicle_speed"]) * 3.6
        if int(row["source"]) == 0:
            yield 0, "CCVS1", {"wheel_based_vehicle_speed": speed, "parking_brake_switch": 0, "brake_switch": 0}, 0
            return
        relative = {f"relative_speed_{wheel}": 0.0 for wheel in ("front_left", "front_right", "rear1_left", "rear1_right")}
        yield 0, "EBC2", {"front_axle_speed": speed, **relative}, 11

    def _shaft_messages(self, row):
        yield 0, "ETC1", {"output_shaft_speed": float(row["shaft_speed"]) * 30.0 / math.pi, "clutch_slip": 0.0,
                          "driveline_engaged": 1, "shift_in_progress": 0}, SHAFT_SOURCE  # fmt: skip

    def _steering_messages(self, row):
        yaw_rate, lateral, longitudinal = self.motion
        yield 0, "VDC2", {"steering_wheel_angle": float(row["steering_wheel_angle"]), "yaw_rate": yaw_rate,
                          "lateral_acceleration": lateral,
                          "longitudinal_acceleration": longitudinal}, STEERING_SOURCE  # fmt: skip

    def _gnss_messages(self, row):
        yield 1, "GNSS_POSITION", {"latitude": float(row["latitude_deg"]), "longitude": float(row["longitude_deg"])}, None
        yield 1, "GNSS_VELOCITY", {f"velocity_{axis}": float(row[f"velocity_{axis}"]) for axis in ("east", "north", "up")}, None
        yield 1, "GNSS_ALTITUDE", {"altitude": float(row["altitude_m"]), "speed": float(row["speed"]),
                                   "course": float(row["course_deg"])}, None  # fmt: skip
        yield 1, "GNSS_STATUS", {"position_sigma": float(row["position_sigma"]), "altitude_sigma": float(row["altitude_sigma"]),
                                 "speed_sigma": float(row["speed_sigma"]), "course_sigma": float(row["course_sigma_deg"]),
                                 "fix_type": 3, "satellites": 14}, None  # fmt: skip

    def _radar_messages(self, row):
        time_ns = int(row["received_time_ns"])
        self.radar_count = self.radar_count + 1 if time_ns == self.radar_time else 0
        self.radar_time = time_ns
        if self.radar_count < 16:
            values = {name: float(row[name]) for name in ("x", "y", "range_rate", "target_id", "is_new")}
            yield 1, f"RADAR_TARGET_{self.radar_count}", values | {"valid": 1}, None
