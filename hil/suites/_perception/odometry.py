"""Lidar odometry over a drive: where it ends beside where the truck is, as a share of the way; the told motion alone."""

from __future__ import annotations

import math

import numpy as np
from autonomy.perception._odometry import Odometry

from autonomy.perception.perceive import parameters
from autonomy.perception.standing_points import StandingPoints
from hil.suites._perception.drive import OWN, TRUCK_MPS, TURN_S, Drive, Sight

SPEED_WRONG, YAW_RATE_WRONG = 0.01, 0.002  # before wheel speed and gyro are calibrated


class OdometryTally:
    copied = False

    def __init__(self, drive: Drive):
        self.drive, self.scans = drive, 0
        sections = parameters(overrides=OWN)
        self.odometry, self.standing = Odometry(sections["odometry"]), StandingPoints(sections, 400_000)
        self.reckoned, self.yaw = np.zeros(2), 0.0
        self.begin = self.end = None

    def add(self, sight: Sight) -> None:
        told = self.motion(sight) if self.begin is not None else (0.0, 0.0)
        self.odometry.register(self.standing.of(sight.found), (told[0], 0.0, 0.0), (0.0, 0.0, told[1]))
        middle = self.yaw + 0.5 * told[1]
        self.reckoned += told[0] * np.array([math.cos(middle), math.sin(middle)])
        self.yaw += told[1]
        self.begin = sight.turn.poses[0] if self.begin is None else self.begin
        self.end = sight.turn.poses[0]
        self.scans += 1

    def motion(self, sight: Sight) -> tuple[float, float]:
        """Way and turn since the scan before, as wrongly as told."""
        moved, turned = sight.turn.poses[0] - self.end, sight.turn.poses[0][3] - self.end[3]
        return math.hypot(*moved[:2]) * (1.0 + SPEED_WRONG), turned + YAW_RATE_WRONG * TURN_S

    def tally(self) -> dict:
        moved = (self.end - self.begin)[:3]
        cosine, sine = math.cos(self.begin[3]), math.sin(self.begin[3])
        truth = np.array([cosine * moved[0] + sine * moved[1], cosine * moved[1] - sine * moved[0]])
        way = TRUCK_MPS * TURN_S * (self.scans - 1)
        return {"scans": self.scans, "way_m": way, "odometry_m": float(np.hypot(*(self.odometry.pose[1][:2] - truth))),
                "reckoned_m": float(np.hypot(*(self.reckoned - truth)))}  # fmt: skip
