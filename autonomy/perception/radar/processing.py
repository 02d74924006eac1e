"""Scans of one radar, one after the other: own motion by Doppler, then a label for each detection. See docs/radar.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autonomy.errors import UsageError
from autonomy.msg import constants, dtype
from autonomy.perception.radar._own_motion import OwnMotionKernel
from autonomy.perception.radar._road_seen import RoadKernel
from autonomy.perception.radar._screen import ScreenKernel
from autonomy.perception.radar.parameters import MotionParameters, Mounting, RoadParameters, ScreenParameters

DETECTION = constants("RadarDetection")
KEPT = tuple(DETECTION[f"LABEL_{name}"] for name in ("MOVING", "OBSTACLE", "STANDING"))
WATCHED_M, WATCHED_SIDE_M = 55.0, 8.0  # [C] beyond, rays of a 64-beam lidar do not meet the road behind
LONGEST_S = 0.5  # between scans; after more the memory means nothing any more


@dataclass(frozen=True)
class OwnMotion:
    """Of the sensor, along and across the vehicle, by Doppler; `covariance` (2, 2) of both. NaN where too little stands."""

    speed: float
    lateral: float
    covariance: np.ndarray
    yaw_rate: float  # rad/s, when the reference point does not slip sideways
    yaw_rate_sigma: float
    test_ratio: float  # of the speed against that of the wheels; above 1 they dispute, NaN without one
    used: int
    total: int

    @property
    def is_known(self) -> bool:
        return math.isfinite(self.speed)


@dataclass(frozen=True)
class Processed:
    """`detections`: a copy with over_ground, looks and label. `barriers`: offsets to the left of the own path, m."""

    detections: np.ndarray
    motion: OwnMotion
    barriers: list[float]

    @property
    def kept(self) -> np.ndarray:
        """What a tracker should take: what moves, what stands beside the road, confirmed obstacles."""
        return self.detections[np.isin(self.detections["label"], KEPT)]


class RadarProcessor:
    """One radar with its memory of earlier scans."""

    def __init__(self, mounting: Mounting | None = None, motion: MotionParameters | None = None,
                 screen: ScreenParameters | None = None):  # fmt: skip
        self.mounting, self.motion, self.parameters = (
            mounting or Mounting(),
            motion or MotionParameters(),
            screen or ScreenParameters(),
        )
        self._road = RoadKernel(RoadParameters())
        self._own_motion = OwnMotionKernel(self.motion, self.mounting.yaw)
        self.reset()

    def reset(self) -> None:
        """Forgets earlier scans."""
        self._screen = ScreenKernel(self.parameters, self.mounting)
        self._time_ns: int | None = None

    def process(self, detections: np.ndarray, time_ns: int, speed: float = math.nan, yaw_rate: float = 0.0, *,
                speed_sigma: float = 0.3, curvature: float | None = None) -> Processed:  # fmt: skip
        """`detections` of RadarDetection; `speed` m/s of the vehicle's reference point and `yaw_rate` rad/s as the vehicle tells
        them, NaN and 0 when unknown; `curvature` 1/m of the lane, by default of the arc being driven. Scans in the order of
        time_ns. Raises UsageError."""
        if detections.dtype != dtype("RadarDetection"):
            raise UsageError(f"radar detections of {detections.dtype}: must be rows of RadarDetection")
        if self._time_ns is not None and not 0 < time_ns - self._time_ns < LONGEST_S * 1e9:
            self.reset()
        rows = detections.copy()
        memory, mounting = rows.view(np.uint8), self.mounting
        lateral = yaw_rate * mounting.x_m
        told = self._own_motion.estimate(memory, speed - yaw_rate * mounting.y_m, speed_sigma, lateral)
        motion = self._motion(told)
        elapsed_s = 0.0 if self._time_ns is None else 1e-9 * (time_ns - self._time_ns)
        self._time_ns = time_ns
        velocity_x, velocity_y, sigma = speed - yaw_rate * mounting.y_m, lateral, speed_sigma
        if motion.is_known and not motion.test_ratio > 1.0:
            velocity_x, sigma = motion.speed, math.sqrt(motion.covariance[0, 0])
            velocity_y = lateral if math.isfinite(speed) else motion.lateral
        if not math.isfinite(velocity_x):  # nobody knows: nothing is labelled
            return Processed(rows, motion, [])
        reference = velocity_x + yaw_rate * mounting.y_m
        if curvature is None:
            curvature = yaw_rate / reference if reference > 3.0 else 0.0
        self._screen.screen(memory, elapsed_s, reference, yaw_rate, velocity_x, velocity_y, sigma, curvature)
        return Processed(rows, motion, self._screen.barriers())

    def see_road(self, points: np.ndarray, labels: np.ndarray, eye: tuple[float, float, float], elapsed_s: float,
                 speed: float, yaw_rate: float) -> None:  # fmt: skip
        """A scan of a lidar: `points` (n, 4) float32 and labels as in perceive.Found, in the vehicle's frame `elapsed_s` before
        the radar's last scan; `eye`: where the lidar sits. What stands where it saw road again and again is above the road."""
        turn, ahead = yaw_rate * elapsed_s, speed * elapsed_s
        cosine, sine = math.cos(turn), math.sin(turn)
        looks = []
        for x, y in self._screen.places():
            then_x, then_y = cosine * x - sine * y + ahead, sine * x + cosine * y + 0.5 * turn * ahead
            near = 0.0 < then_x - eye[0] < WATCHED_M and abs(then_y) < WATCHED_SIDE_M
            looks.append(self._road.look_through(points, labels, eye, then_x, then_y) if near else 0)
        self._screen.see_road(looks)

    def counts(self) -> dict[str, int]:
        """landmarks and movers remembered now; overflow: what found no room in the memory, since the last reset."""
        return self._screen.counts()

    def _motion(self, told: dict) -> OwnMotion:
        covariance = np.array([[told["speed_variance"], told["covariance"]], [told["covariance"], told["lateral_variance"]]])
        ahead = self.mounting.x_m if abs(self.mounting.x_m) > 0.5 else math.nan
        return OwnMotion(told["speed"], told["lateral"], covariance, told["lateral"] / ahead,
                         math.sqrt(told["lateral_variance"]) / abs(ahead), told["test_ratio"], told["used"],
                         told["total"])  # fmt: skip
