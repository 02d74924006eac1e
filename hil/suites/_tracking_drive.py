"""The tracker alone in dense traffic that the detection model sees: one drive, and every tenth of a second what is true beside
what is tracked."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from autonomy import config as configuration
from autonomy import msg
from autonomy.parameters import load_section
from autonomy.tick_period import TICK_NS, TICK_S
from hil.sensors import detections
from hil.sensors.detections import Scene, nearest_point, visibility
from hil.suites._tracking_ideal import IdealDetector
from hil.worlds.dense_motorway import LANE_WIDTH_M, OWN_FRONT_M, STEP_S, DenseMotorway

EVALUATED_EVERY = 10  # ticks
RANGE_M = 120.0
HIDDEN = 0.7  # of a body: beyond, nobody is expected to see it ...
REMEMBERED_S = 1.0  # ... but for so long after it was seen
START_NS = 1_000_000_000
EGO_VALID = 1 | 2 | 4 | 8  # EgoState.status: aligned, position and velocity valid
CUT_IN_RANGE_M = 70.0
ROLES = msg.constants("Track")
TYRE_INSIDE_M = 0.05  # of the body's side


@dataclass
class Moment:
    """True objects that count, others that may be tracked or not, and the confirmed tracks."""

    number: np.ndarray  # (n,)
    truth: np.ndarray  # (n, 4) x of the nearest face, y, speed along, speed across
    others: np.ndarray  # (k, 2) x of the nearest face, y
    other_lengths: np.ndarray
    track_id: np.ndarray  # (m,)
    tracks: np.ndarray  # (m, 4)
    time_s: float = 0.0


@dataclass
class Flagging:
    """A vehicle of the next lane ahead, followed tick by tick: when its tyre crosses the line, when it was flagged."""

    duration_s: float
    started_s: float
    crossed_s: float | None = None
    flagged_s: float | None = None


@dataclass
class Drive:
    moments: list[Moment] = field(default_factory=list)
    cut_ins: list[Flagging] = field(default_factory=list)
    false_flags: int = 0  # of vehicles that only wander
    calm_flags: int = 0  # of those that keep their lane
    wandered_s: float = 0.0
    duration_s: float = 0.0
    scans: list = field(default_factory=list)  # (tick, sensor, Detections, own speed) where asked for
    ideal: IdealDetector | None = None  # where asked for


def parameters() -> np.ndarray:
    """[tracks] of the demonstration truck, with the sensors of the detection model."""
    found = load_section(configuration.load("vehicles/demo_truck"), "tracks", "TracksParameters")
    kinds = msg.constants("TracksSensor")
    for row, sensor in zip(found["sensor"], detections.load(), strict=False):
        row["x_m"], row["y_m"], row["yaw_rad"] = sensor.x_m, sensor.y_m, math.radians(sensor.yaw_deg)
        row["half_angle_rad"], row["range_m"] = math.radians(sensor.half_angle_deg), sensor.range_m
        row["period_s"], row["source"], row["along_sight"] = sensor.period_s, sensor.source, 1
        row["kind"] = kinds["KIND_OBSTACLE" if sensor.kind == "lidar" else "KIND_RADAR"]
        row["detection_probability"] = 0.9
        row["clutter_per_m2"] = 1e-4
    return found


def moved(scene: Scene, own_speed: float, seconds: float) -> Scene:
    """A scene a little later: everybody goes on."""
    return scene._replace(x=scene.x + (scene.velocity_x - own_speed) * seconds, y=scene.y + scene.velocity_y * seconds)


def put_scan(frame, sensor, found: detections.Detections, valid_ns: int, now_ns: int) -> None:
    """Detections behind the items of the frame."""
    kind = "obstacle" if sensor.kind == "lidar" else "radar"
    first, count = int(frame[kind]["count"]), len(found.x)
    rows = frame[kind]["items"][first : first + count]
    rows["valid_time_ns"], rows["received_time_ns"], rows["source"], rows["validity"] = valid_ns, now_ns, sensor.source, 0
    rows["x"], rows["y"], rows["range_rate"] = found.x, found.y, found.range_rate
    if kind == "radar":
        rows["x_sigma"], rows["y_sigma"] = found.x_sigma, found.y_sigma
    else:
        rows["velocity_x"] = rows["velocity_y"] = np.nan
        rows["yaw"], rows["length"], rows["width"], rows["classification"] = found.yaw, found.length, found.width, \
            found.classification  # fmt: skip
        rows["existence"] = 1.0
    frame[kind]["count"] = first + count


class _Run:
    def __init__(self, seed: int, keep_scans: bool, settings: np.ndarray | None, ideal: bool):
        from autonomy.estimation.tracks._tracks import TracksStep

        self.world = DenseMotorway(seed)
        self.sensors = detections.load()
        self.detectors = [detections.Detector(sensor, seed) for sensor in self.sensors]
        self.step = TracksStep(parameters() if settings is None else settings)
        self.frame, self.ego, self.lane = (np.zeros((), msg.dtype(name)) for name in ("InputFrame", "EgoState", "LaneState"))
        self.ego["status"], self.ego["orientation"][0] = EGO_VALID, 1.0
        self.lane["status"], self.lane["width_left"], self.lane["width_right"] = 1, 0.5 * LANE_WIDTH_M, 0.5 * LANE_WIDTH_M
        self.waiting: deque = deque()
        self.last_seen: dict[int, float] = {}
        self.followed: dict[int, Flagging] = {}
        self.flagged_before: dict[int, float] = {}
        self.drive, self.keep_scans = Drive(ideal=IdealDetector() if ideal else None), keep_scans

    def run(self, duration_s: float) -> Drive:
        own_before = self.world.own_speed
        per_step = round(STEP_S / TICK_S)
        for tick in range(round(duration_s / TICK_S)):
            if tick % per_step == 0:
                self.scene = self.world.scene()
                own_before, self.base_s = self.world.own_speed, self.world.time_s
                self.places = {vehicle.number: vehicle for vehicle in self.world.vehicles}
            since = (tick % per_step) * TICK_S
            self._sense(tick, since)
            self._tick(tick, since, own_before)
            if (tick + 1) % per_step == 0:
                self.world.step()
        self.drive.duration_s = duration_s
        return self.drive

    def _sense(self, tick: int, since: float) -> None:
        for sensor, detector in zip(self.sensors, self.detectors, strict=True):
            if (tick - round(sensor.phase_s / TICK_S)) % round(sensor.period_s / TICK_S) == 0:
                scene = moved(self.scene, self.world.own_speed, since)
                found = detector.detect(scene, self.world.own_speed)
                self.waiting.append((tick + round(sensor.latency_s / TICK_S), tick, sensor, found))
                self._remember(sensor, scene, tick * TICK_S)
                if self.keep_scans:
                    self.drive.scans.append((tick, sensor, found, self.world.own_speed))

    def _remember(self, sensor, scene: Scene, now_s: float) -> None:
        """Who could be seen."""
        seen, occluded = visibility(sensor, scene)
        x, y = nearest_point(sensor, scene)
        near = np.hypot(x, y) <= RANGE_M
        for number in scene.number[seen & near & (occluded <= HIDDEN)]:
            self.last_seen[int(number)] = now_s

    def _tick(self, tick: int, since: float, own_speed: float) -> None:
        frame, now_ns = self.frame, START_NS + tick * TICK_NS
        frame["tick_index"], frame["tick_time_ns"] = tick, now_ns
        frame["radar"]["count"] = frame["obstacle"]["count"] = 0
        for item in [item for item in self.waiting if item[0] <= tick]:
            put_scan(frame, item[2], item[3], START_NS + item[1] * TICK_NS, now_ns)
            if self.drive.ideal is not None:
                self.drive.ideal.take(item[2], item[3], item[1] * TICK_S)
            self.waiting.remove(item)
        self.ego["speed"] = self.ego["velocity"][0] = own_speed
        tracks = self.step.step(frame, self.ego, self.lane)
        rows = tracks["tracks"][: int(tracks["count"])]
        rows = rows[rows["status"] >= 2]
        scene = moved(self.scene, own_speed, since)
        self._flags(rows, scene, tick * TICK_S)
        if tick % EVALUATED_EVERY == 0:
            self.drive.moments.append(self._moment(rows, scene, tick * TICK_S))

    def _moment(self, rows, scene: Scene, now_s: float) -> Moment:
        rear = scene.x - 0.5 * scene.length
        table = np.column_stack([rear, scene.y, scene.velocity_x, scene.velocity_y])
        reached = np.hypot(np.clip(0.0, rear, rear + scene.length), scene.y) <= RANGE_M
        ahead = rear > OWN_FRONT_M   # beside and behind, no sensor sees the rear
        known = np.array([now_s - self.last_seen.get(int(number), -1e9) <= REMEMBERED_S for number in scene.number], bool)
        counts = known & reached & ahead
        track = np.column_stack([rows["x"], rows["y"], rows["velocity_x"], rows["velocity_y"]])
        kept = (np.hypot(rows["x"], rows["y"]) <= RANGE_M) & (rows["x"] > OWN_FRONT_M)
        return Moment(scene.number[counts], table[counts], table[~counts, :2], scene.length[~counts],
                      rows["track_id"][kept].astype(np.int64), track[kept], now_s)  # fmt: skip

    def _flags(self, rows, scene: Scene, now_s: float) -> None:
        """Cut-ins and who only wanders, of the lane to the left, ahead."""
        expected = np.isin(rows["role"], [ROLES["ROLE_CUT_IN"], ROLES["ROLE_LEAD"]])
        flagged = rows[expected | (rows["entry_time_s"] == 0.0)]
        rear = scene.x - 0.5 * scene.length
        concerned = {}
        for i, number in enumerate(scene.number):
            vehicle = self.places.get(int(number))
            if vehicle is None or not OWN_FRONT_M < rear[i] < OWN_FRONT_M + CUT_IN_RANGE_M:
                continue
            coming = vehicle.change is not None and vehicle.change.target_m == 0.0
            if not coming and (vehicle.base != LANE_WIDTH_M or vehicle.change is not None):
                continue
            concerned[vehicle.number] = vehicle, coming
            is_flagged = bool(np.any((np.abs(flagged["x"] - rear[i]) < 3.0) & (np.abs(flagged["y"] - scene.y[i]) < 1.2)))
            if coming:
                self._follow(vehicle, is_flagged, scene.y[i], scene.width[i], now_s)
            else:
                self._false(vehicle, is_flagged, now_s)
        if self.drive.ideal is not None:
            self._decide(concerned, now_s)

    def _decide(self, concerned: dict, now_s: float) -> None:
        """The ideal detector about the same vehicles."""
        ideal = self.drive.ideal
        ideal.follow({number: vehicle.speed for number, (vehicle, _) in concerned.items()}, now_s)
        for number, (vehicle, coming) in concerned.items():
            ideal.decide(number, now_s, coming, vehicle.wanders)
            if coming and number in self.followed and self.followed[number].crossed_s == now_s:
                ideal.crossed(number, now_s)

    def _follow(self, vehicle, is_flagged: bool, y: float, width: float, now_s: float) -> None:
        begun = vehicle.change.start_s
        one = self.followed.get(vehicle.number)
        if one is None or one.started_s != begun:
            if now_s > begun + 0.2:
                return   # came into range after it had begun
            one = Flagging(vehicle.change.duration_s, begun)
            self.followed[vehicle.number] = one
            self.drive.cut_ins.append(one)
        if one.crossed_s is None:
            if not is_flagged:
                one.flagged_s = None
            elif one.flagged_s is None:
                one.flagged_s = now_s
            if y - 0.5 * width + TYRE_INSIDE_M < 0.5 * LANE_WIDTH_M:
                one.crossed_s = now_s

    def _false(self, vehicle, is_flagged: bool, now_s: float) -> None:
        if vehicle.wanders:
            self.drive.wandered_s += TICK_S
        if not is_flagged:
            return
        # One event while it goes on, with pauses of less than a second
        if now_s - self.flagged_before.get(vehicle.number, -9.0) > 1.0:
            if vehicle.wanders:
                self.drive.false_flags += 1
            else:
                self.drive.calm_flags += 1
        self.flagged_before[vehicle.number] = now_s


def drive(seed: int, duration_s: float, *, keep_scans: bool = False, settings: np.ndarray | None = None,
          ideal: bool = False) -> Drive:  # fmt: skip
    return _Run(seed, keep_scans, settings, ideal).run(duration_s)
