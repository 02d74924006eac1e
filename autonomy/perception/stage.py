"""One lidar from packets to samples: decode, find, tell. The second pure function of the design, and what it keeps meanwhile.

    stage = LidarStage(sensor, config.section("vehicle"), model_of(sensor, config))
    for packet, received_ns in packets:
        stage.take(packet, received_ns)
        while stage.waits:
            perceived = stage.perceive(ego)      # the newest EgoState before this packet

The same packets and ego states give the same samples, in the truck, at the rig and in replay.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from autonomy.perception import perceive, samples
from autonomy.perception._odometry import Odometry
from autonomy.perception.perceived import NS, Look, Perceived
from autonomy.perception.sensors import LidarSensor
from autonomy.perception.standing import Standing
from autonomy.perception.standing_points import StandingPoints
from autonomy.perception.waiting_scans import WaitingScans
from drivers.lidar.decoder import Decoder, Scan
from drivers.lidar.model import LidarModel

OWN_MARGIN_M = 0.3  # [D] mirrors, and a trailer that is not quite straight behind
KEPT_LOOKS = 8  # [D] more than come in the longest delay
LOOK_AHEAD_M, LOOK_SIDE_M = 90.0, 15.0  # [D] where radars ask for the road
GROUND = 1  # label
LONGEST_GAP_S = 0.5  # [D] scans farther apart have nothing to do with each other


class LidarStage(WaitingScans[Scan]):
    """`sensor` of the vehicle file; `vehicle`: its table [vehicle], for what of a scan is the truck itself; `lidar`: the model,
    as the unit's calibration file has it. Raises UsageError."""

    def __init__(self, sensor: LidarSensor, vehicle: dict, lidar: LidarModel):
        super().__init__()
        self.sensor = sensor
        self.decoder = Decoder(lidar, cut_azimuth_rad=sensor.cut_azimuth_rad, clock="sensor")
        parameters = perceive.parameters(overrides=_own_box(vehicle))
        self.perceiver = perceive.Perceiver(parameters, sensor.mounting(), capacity=self.decoder.capacity)
        self.odometry = Odometry(parameters["odometry"]) if "odometry" in sensor.gives else None
        self.standing = Standing()
        self.points = StandingPoints(parameters, self.decoder.capacity)
        self.turn_s = 1.0 / sensor.rate_hz
        self.before_ns: int | None = None  # what the scan before was told for
        self.moved = np.zeros(6)  # the motion that was expected of the time between the scans, by the ego state of the one before
        self.eye = sensor.x_m, sensor.y_m, sensor.height_m
        self._looks: deque[Look] = deque(maxlen=KEPT_LOOKS)

    def take(self, packet: bytes, received_time_ns: int) -> None:
        """One datagram. A scan is done when a packet of the next one has come."""
        for scan in self.decoder.feed(packet, received_time_ns):
            if scan.begins_at_cut:
                self._scans.append((scan, received_time_ns))

    def take_run(self, data: np.ndarray, offsets: np.ndarray, lengths: np.ndarray, received_time_ns: np.ndarray,
                 begin: int) -> int:  # fmt: skip
        """Datagrams in one buffer of bytes, from number `begin` on, up to one that ends a scan; returns the next one's number."""
        done, scan = self.decoder.feed_run(data, offsets, lengths, received_time_ns, begin)
        if scan is not None and scan.begins_at_cut:
            self._scans.append((scan, int(received_time_ns[done - 1])))
        return done

    def perceive(self, ego: np.void) -> Perceived:
        """The oldest scan that waits; `ego`: the EgoState before the packet that ended it."""
        scan, ended_ns = self._scans.popleft()
        valid_ns = scan.stamp_ns + round(self.turn_s * NS)
        received_ns = ended_ns + round(self.sensor.delay_s * NS)
        elapsed_s = 0.0 if self.before_ns is None else (valid_ns - self.before_ns) / NS
        if not 0.0 < elapsed_s <= LONGEST_GAP_S:
            elapsed_s = 0.0
        velocity, rate = twist_of(ego)
        found = self.perceiver.perceive(scan.points, velocity, rate, self.turn_s, elapsed_s)
        stamps = valid_ns, received_ns, self.sensor.source
        told = {}
        if "obstacle" in self.sensor.gives:
            rows = self._obstacles(found, velocity, rate, elapsed_s, stamps)
            sees = bool((found.labels == GROUND).any())  # who does not even see the road has not looked
            told["obstacle"] = samples.nothing_seen(*stamps) if sees and not len(rows) else rows
        if "lane" in self.sensor.gives:
            told["lane"] = samples.lane_samples(found, *stamps)
        if self.odometry is not None:
            told |= self._odometry(found, velocity, rate, elapsed_s, stamps)
        self.before_ns = valid_ns
        x, y = found.points[:, 0], found.points[:, 1]
        ahead = (x > self.points.front_m) & (x < LOOK_AHEAD_M) & (np.abs(y) < LOOK_SIDE_M)
        self._looks.append(Look(valid_ns, received_ns, found.points[ahead], found.labels[ahead]))
        return Perceived(valid_ns, received_ns, {kind: rows for kind, rows in told.items() if len(rows)}, found)

    def look_before(self, now_ns: int) -> Look | None:
        """The newest scan whose results were there before `now_ns`."""
        return next((look for look in reversed(self._looks) if look.received_time_ns < now_ns), None)

    def _obstacles(self, found: perceive.Found, velocity, rate, elapsed_s: float, stamps) -> np.ndarray:
        rows = samples.obstacle_samples(found, *stamps)
        if not elapsed_s or not any(velocity):  # a gap, or nothing is known of the own motion
            self.standing.reset()
        if any(velocity):
            sensor = self.sensor.x_m, self.sensor.y_m
            stands = self.standing.update(samples.near_faces(rows, sensor), velocity[:2], rate[2], elapsed_s)
            samples.tell_standing(rows, stands, velocity[:2], rate[2], sensor)
        return rows

    def _odometry(self, found: perceive.Found, velocity, rate, elapsed_s: float, stamps) -> dict[str, np.ndarray]:
        if not elapsed_s:
            self.odometry.reset()
        expected, self.moved = self.moved * elapsed_s, np.array([*velocity, *rate])
        moved = self.odometry.register(self.points.of(found), expected[:3], expected[3:])
        if moved["rounds"] <= 0:
            return {}
        return {"odometry": samples.odometry_samples(moved, self.before_ns, *stamps)}


def twist_of(ego: np.void) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Velocity and angular rate in the vehicle's axes; zeros while nothing is known of them."""
    cosine, sine = math.cos(ego["yaw"]), math.sin(ego["yaw"])
    east, north, _ = ego["velocity"].tolist()
    velocity = cosine * east + sine * north, -sine * east + cosine * north, 0.0
    rate = tuple(ego["angular_rate"].tolist())
    known = all(map(math.isfinite, (*velocity, *rate)))
    return (velocity, rate) if known else ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def _own_box(vehicle: dict) -> dict[str, float]:
    """m ahead of, behind and beside the reference point that are the truck's own, as overrides of perception.toml."""
    return {
        "ground.own_front_m": float(vehicle["front_overhang_m"]) + OWN_MARGIN_M,
        "ground.own_rear_m": float(vehicle["rear_overhang_m"]) + OWN_MARGIN_M,
        "ground.own_side_m": 0.5 * float(vehicle["width_m"]) + OWN_MARGIN_M,
    }
