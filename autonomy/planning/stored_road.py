"""The road ahead from a stored route, at the place that the ego filter tells, as long as that road is the one that is driven."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic
from autonomy.planning.cruise import POINTS, STEP_M, UNKNOWN_ROAD, RoadAhead
from autonomy.planning.route_grade import BESIDE_M, RouteGrade

__all__ = ["Standing", "StoredRoad", "is_placed", "place"]

POSITION_VALID = msg.constants("EgoState")["STATUS_POSITION_VALID"]
PLACE_SIGMA_M = 0.5 * BESIDE_M  # with more the truck may as well be on the road beside
SLOWEST_MPS = 2.0  # below it a course tells no direction [D]
CHECKED_M = 500.0  # over which stored and measured grade are compared ...
DOUBTED = 0.01  # rad RMS ... and from which the stored one is not believed [D]


class Standing(IntEnum):
    """How the truck stands to the route; in all but the first case nothing is told of the road."""

    ON = 0
    NO_POSITION = 1
    PLACE_IN_DOUBT = 2
    OFF = 3
    OTHER_GRADE = 4
    NOT_LEARNED = 5

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS = {
    Standing.ON: "on the route", Standing.NO_POSITION: "no position yet", Standing.PLACE_IN_DOUBT: "the place is in doubt",
    Standing.OFF: "off the route", Standing.OTHER_GRADE: "the road is another one than stored",
    Standing.NOT_LEARNED: "nothing is known of the next kilometres",
}  # fmt: skip


class StoredRoad:
    """Called with the output of a tick. `standing` says why the last answer was UNKNOWN_ROAD, `position_m` where on the route."""

    def __init__(self, route: RouteGrade):
        self.route = route
        self.standing, self.position_m = Standing.NO_POSITION, np.nan
        self.compared: list[tuple[float, float]] = []  # position, measured less stored grade

    def __call__(self, out) -> RoadAhead:
        self.position_m = np.nan
        self.standing, ahead = self._looked_up(out["ego"])
        return ahead

    def _looked_up(self, ego) -> tuple[Standing, RoadAhead]:
        if not int(ego["status"]) & POSITION_VALID:
            return Standing.NO_POSITION, UNKNOWN_ROAD
        if not is_placed(ego["sigma"]):
            return Standing.PLACE_IN_DOUBT, UNKNOWN_ROAD
        course = float(ego["course"]) if float(ego["speed"]) > SLOWEST_MPS else None
        position = self.route.position(*place(ego), course)
        if position is None:
            self.compared.clear()
            return Standing.OFF, UNKNOWN_ROAD
        self.position_m = position
        here, _ = self.route.ahead(position, 1, STEP_M)
        if np.isfinite(here[0]):
            self.compared.append((position, float(ego["grade"]) - float(here[0])))
        self.compared = [row for row in self.compared if 0.0 <= position - row[0] <= CHECKED_M]
        if self.doubted():
            return Standing.OTHER_GRADE, UNKNOWN_ROAD
        grade, sigma = self.route.ahead(position, POINTS, STEP_M)
        if not np.isfinite(grade).any():
            return Standing.NOT_LEARNED, UNKNOWN_ROAD
        return Standing.ON, RoadAhead(grade, sigma, UNKNOWN_ROAD.limit)

    def doubted(self) -> bool:
        """Whether the road driven is another one than the stored."""
        rows = np.array(self.compared)
        long_enough = len(rows) > 1 and rows[-1, 0] - rows[0, 0] > 0.5 * CHECKED_M
        return bool(long_enough and np.sqrt(np.mean(rows[:, 1] ** 2)) > DOUBTED)


def is_placed(sigma) -> np.ndarray:
    """Whether EgoState.sigma (..., 9) places the truck on one road and not on the one beside."""
    sigma = np.asarray(sigma)
    return np.hypot(sigma[..., 0], sigma[..., 1]) <= PLACE_SIGMA_M


def place(ego) -> tuple:
    """Latitude and longitude (deg) of an EgoState."""
    origin = tuple(float(ego[f"origin_{name}"]) for name in ("latitude_deg", "longitude_deg", "altitude_m"))
    latitude, longitude, _ = enu_to_geodetic(np.array(ego["position"]), origin)
    return latitude, longitude
