"""False obstacles where the truck drives: told within its lane, where nothing is.

Gantries, bridges, signs, rain and spray are about.
"""

from __future__ import annotations

import math

import numpy as np

from hil.lidar.surface import along
from hil.suites._perception.drive import Drive, Sight
from hil.suites._perception.users import boxes_now, inside

SETTLED_SCANS = 10  # of a drive: it begins without memory
FROM_M, TO_M = 8.0, 80.0
HALF_WIDTH_M = 1.5  # the truck's and a little more
NEAR_ACTOR_M = 1.0
SHOWN = ("x", "y", "length", "width", "top", "bottom")
SAME_M, SAME_SCANS = 6.0, 10  # seen again so near and so soon it is the same event


def touches(one: np.void, box: np.void) -> bool:
    """Whether a told box comes as near to a true one: spray that is one with its vehicle makes that larger, and is none more."""
    along, across = np.meshgrid(np.linspace(-0.5, 0.5, 7) * one["length"], np.linspace(-0.5, 0.5, 5) * one["width"])
    cosine, sine = math.cos(one["yaw"]), math.sin(one["yaw"])
    return bool(inside(one["x"] + cosine * along - sine * across, one["y"] + sine * along + cosine * across, box,
                       NEAR_ACTOR_M).any())  # fmt: skip


class CorridorTally:
    copied = False

    def __init__(self, drive: Drive):
        self.drive, self.scans, self.events, self.told = drive, 0, [], 0
        self.last: list[tuple[int, float, float]] = []  # scan, arc length, offset

    def add(self, sight: Sight) -> None:
        self.scans += 1
        if self.scans <= SETTLED_SCANS:
            return
        told = sight.found.obstacles
        told = told[(told["edge"] == 0) & (told["x"] > FROM_M) & (told["x"] < TO_M) & (np.abs(told["y"]) < 12.0)]
        if not len(told):
            return
        path = self.path(sight)
        across = told["y"] - np.interp(told["x"], path[:, 0], path[:, 1])
        told = told[np.abs(across) < HALF_WIDTH_M]
        boxes = boxes_now(sight)
        for one in told:
            if any(touches(one, box) for box in boxes[np.abs(boxes["x"] - one["x"]) < FROM_M + one["length"] + boxes["length"]]):
                continue
            self.told += 1
            self.note(sight.s + float(one["x"]), one)

    def path(self, sight: Sight) -> np.ndarray:
        """(n, 2) of the middle of the truck's lane ahead, vehicle's frame."""
        s = np.arange(sight.s, sight.s + TO_M + 10.0, 2.0)
        x, y, _, heading = along(self.drive.road, s)[:4]
        d, pose = self.drive.path(sight.s), sight.turn.poses[0]
        east, north = x - d * np.sin(heading) - pose[0], y + d * np.cos(heading) - pose[1]
        cosine, sine = math.cos(pose[3]), math.sin(pose[3])
        return np.column_stack([cosine * east + sine * north, cosine * north - sine * east])

    def note(self, s: float, one: np.void) -> None:
        """Counts an event once: what stands keeps its arc length, what goes along its distance."""
        self.last = [other for other in self.last if self.scans - other[0] <= SAME_SCANS]
        known = any(abs(other[1] - s) < SAME_M or abs(other[2] - one["x"]) < SAME_M for other in self.last)
        self.last.append((self.scans, s, float(one["x"])))
        if not known:
            self.events.append((self.scans, int(one["points"]), *(round(float(one[name]), 2) for name in SHOWN)))

    def tally(self) -> dict:
        return {"scans": self.scans, "told": self.told, "false": len(self.events), "events": self.events[:50]}
