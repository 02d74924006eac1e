"""Lane lines against the paint: of the lane the truck drives in, each side told or not, how far off, and whether it is another's.

At a construction site the yellow lines bound the lane.
"""

from __future__ import annotations

import numpy as np

from autonomy.perception.perceive import SIDES
from hil.lidar.truth import lane_lines
from hil.suites._perception.drive import Drive, Sight, site_share

SETTLED_S = 2.0  # a drive begins without memory
WRONG_M = 0.5  # so far off it is no line of this lane; a lane's sides are 3.5 m apart
NEAR_M, FAR_M = 0.0, 40.0  # where errors are told
WRONG_AT_M = (0.0, 10.0, 20.0)
STARTS_M = 0.3  # a yellow line begins on the white one
BESIDE_M = 0.6  # half a lane, less that: where a lane's line may be sought


class LaneTally:
    copied = False

    def __init__(self, drive: Drive):
        self.drive, self.scans = drive, 0
        self.sums = {"sides": 0, "told": 0, "wrong": 0, "near": 0, "near_square": 0.0, "far": 0, "far_square": 0.0}
        self.at_sites = {"sides": 0, "told": 0, "wrong": 0}
        self.wrong_scans: list[int] = []

    def add(self, sight: Sight) -> None:
        self.scans += 1
        if (sight.truth.time_ns - 1_000_000_000) * 1e-9 < SETTLED_S:
            return
        told = {SIDES[line["side"]]: line for line in sight.found.lanes}
        truth = self.truth(sight)
        for side, line in truth.items():
            tallies = [self.sums] + ([self.at_sites] if site_share(sight.s) > 0.0 else [])
            found = told.get(side)
            wrong = found is not None and self.is_wrong(found, line)
            for tally in tallies:
                tally["sides"] += 1
                tally["told"] += found is not None
                tally["wrong"] += wrong
            if wrong:
                self.wrong_scans.append(self.scans)
            elif found is not None:
                self.errors(found, line)

    def truth(self, sight: Sight) -> dict[str, np.ndarray]:
        """The valid lines to the left and right of the path driven: points (n, 2) by x."""
        scene, half = self.drive.scene, 0.5 * self.drive.road.lane_width
        at_site = site_share(sight.s) > 0.0 and self.drive.shift != 0.0
        lines = lane_lines(scene, sight.s, sight.turn.poses[0], 60.0, 5.0)
        found = {}
        for side, sign in (("left", 1.0), ("right", -1.0)):
            own = [points for marking, points in lines if (marking.colour == "yellow") == at_site
                   and abs(float(marking.offset_at(sight.s)) - sight.d - sign * half) < BESIDE_M
                   and marking.start_m <= sight.s < marking.end_m]  # fmt: skip
            if own:
                found[side] = self.continued(own[0] if at_site else self.to_site(own[0], lines), lines, at_site)
        return found

    def to_site(self, points: np.ndarray, lines: list) -> np.ndarray:
        """A white line, and from a construction site's begin on the yellow one that starts on it."""
        for marking, other in lines if self.drive.shift else []:
            begins = marking.colour == "yellow" and other[0, 0] > points[0, 0] and site_share(marking.start_m - 1.0) == 0.0
            if begins and abs(other[0, 1] - np.interp(other[0, 0], points[:, 0], points[:, 1])) < STARTS_M:
                return np.concatenate([points[points[:, 0] < other[0, 0]], other])
        return points

    def continued(self, points: np.ndarray, lines: list, at_site: bool) -> np.ndarray:
        """A line and what goes on where it ends: yellow lines come in stretches, white ones after them."""
        parts = [points]
        for _, other in sorted(lines, key=lambda item: (item[0].colour != "yellow", item[0].start_m)) if self.drive.shift else []:
            end = parts[-1][-1]
            gap = other[(other[:, 0] > end[0]) & (other[:, 0] < end[0] + 2.0)]
            if len(gap) and abs(gap[0, 1] - end[1]) < 0.3:
                parts.append(other[other[:, 0] > end[0]])
        return np.concatenate(parts)

    @staticmethod
    def off(found: np.void, line: np.ndarray, x: float) -> float:
        """Told minus painted, m to the left."""
        return float(np.polyval(found["c"][::-1], x) - np.interp(x, line[:, 0], line[:, 1]))

    def is_wrong(self, found: np.void, line: np.ndarray) -> bool:
        """Where the vehicle is, and ahead as far as the line was seen."""
        return any(abs(self.off(found, line, x)) > WRONG_M for x in WRONG_AT_M
                   if x == 0.0 or found["x_min"] <= x <= min(found["x_max"], line[-1, 0]))  # fmt: skip

    def errors(self, found: np.void, line: np.ndarray) -> None:
        self.sums["near"] += 1
        self.sums["near_square"] += self.off(found, line, NEAR_M) ** 2
        if found["x_max"] >= FAR_M and line[-1, 0] >= FAR_M:
            self.sums["far"] += 1
            self.sums["far_square"] += self.off(found, line, FAR_M) ** 2

    def tally(self) -> dict:
        return {"scans": self.scans, **self.sums, **{f"site_{name}": value for name, value in self.at_sites.items()},
                "wrong_scans": self.wrong_scans[:50]}  # fmt: skip
