"""A route and its grades from recorded drives: the way from the ego filter's positions, the grade from what TruckState says.

    route = road_of(drive)               # the way of the first drive, no grade known
    taught = teach(route, drive)         # and what each drive says of it, the first included
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from autonomy.errors import BadInputError
from autonomy.geodesy import enu_to_geodetic, geodetic_to_enu
from autonomy.planning.route_grade import STEP_M, RouteGrade
from autonomy.planning.stored_road import POSITION_VALID, SLOWEST_MPS, is_placed

__all__ = ["Drive", "Taught", "drive_of", "road_of", "teach"]

EVERY_M = 5.0  # of a drive a row is looked at: five a point of the route
LEAST_POINTS = 2  # of a route


class Drive(NamedTuple):
    """Rows (n,) about EVERY_M apart, in the order in which they were driven."""

    latitude_deg: np.ndarray
    longitude_deg: np.ndarray
    course: np.ndarray  # rad, counter-clockwise from east
    grade: np.ndarray  # rad, positive uphill
    sigma: np.ndarray


class Taught(NamedTuple):
    """m of a drive on the route, and beside it or in the other direction."""

    on_m: float
    off_m: float


def drive_of(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> Drive:
    """Of (EgoState (n,), TruckState (n,)) of the same ticks, piece by piece. Left out: no position or one in doubt, no speed."""
    kept, driven_m = [], 0.0
    for ego, truck in parts:
        usable = (ego["status"] & POSITION_VALID > 0) & is_placed(ego["sigma"]) & (ego["speed"] > SLOWEST_MPS)
        ego, truck = ego[usable], truck[usable]
        if not len(ego):
            continue
        steps = ego["speed"] * np.clip(np.diff(ego["time_ns"], prepend=ego["time_ns"][0]) / 1e9, 0.0, 1.0)
        along = driven_m + np.cumsum(steps)
        fresh = np.diff(along // EVERY_M, prepend=driven_m // EVERY_M if kept else -1.0) > 0
        driven_m = float(along[-1])
        if fresh.any():
            kept.append(_columns(ego[fresh], truck[fresh]))
    if not kept:
        return Drive(*np.zeros((5, 0)))
    return Drive(*np.concatenate(kept, axis=1))


def road_of(drive: Drive) -> RouteGrade:
    """The way of a drive as a route without grades, a point every STEP_M in a straight line from the one before.

    Raises BadInputError when the drive is shorter than two of them.
    """
    points = np.zeros((0, 2))
    if len(drive.grade):
        origin = (float(drive.latitude_deg[0]), float(drive.longitude_deg[0]), 0.0)
        points = _stepped(geodetic_to_enu(drive.latitude_deg, drive.longitude_deg, np.zeros(len(drive.grade)), origin)[:, :2])
    if len(points) < LEAST_POINTS:
        raise BadInputError(f"less than {STEP_M:.0f} m were driven with a position and above {SLOWEST_MPS:g} m/s")
    latitude, longitude, _ = enu_to_geodetic(np.column_stack([points, _heights(points)]), origin)
    return RouteGrade(latitude, longitude, *(np.full(len(points), value) for value in (np.nan, np.nan, 0.0)))


def teach(route: RouteGrade, drive: Drive) -> Taught:
    """Adds what a drive says of the route's grades, weighed by its sigma (RouteGrade.learn)."""
    route.lost()
    rows = zip(drive.latitude_deg.tolist(), drive.longitude_deg.tolist(), drive.course.tolist(), strict=True)
    found = np.array([np.nan if place is None else place for place in (route.position(*row) for row in rows)], float)
    route.lost()
    on = np.isfinite(found)
    route.learn(found[on], drive.grade[on], drive.sigma[on])
    return Taught(EVERY_M * int(on.sum()), EVERY_M * int((~on).sum()))


def _columns(ego: np.ndarray, truck: np.ndarray) -> np.ndarray:
    """(5, n): a Drive's. The filter may have set its origin anew on the way."""
    found = np.zeros((5, len(ego)))
    origins = np.column_stack([ego[f"origin_{name}"] for name in ("latitude_deg", "longitude_deg", "altitude_m")])
    for origin in np.unique(origins, axis=0):
        rows = (origins == origin).all(axis=1)
        found[0, rows], found[1, rows], _ = enu_to_geodetic(ego["position"][rows], tuple(origin.tolist()))
    found[2], found[3], found[4] = ego["course"], truck["grade"], truck["grade_sigma"]
    return found


def _stepped(way: np.ndarray) -> np.ndarray:
    """Points (m, 2) on the line through `way` (n, 2), each STEP_M from the one before."""
    points = [way[0]]
    for start, end in zip(way[:-1], way[1:], strict=True):
        while np.hypot(*(end - points[-1])) >= STEP_M:
            points.append(_crossing(points[-1], start, end))
            start = points[-1]
    return np.array(points)


def _crossing(centre: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Where the line from `start`, which is nearer to the centre than STEP_M, to `end`, which is not, is that far from it."""
    along, from_centre = end - start, start - centre
    a, b, c = along @ along, along @ from_centre, from_centre @ from_centre - STEP_M**2
    return start + (-b + np.sqrt(max(b * b - a * c, 0.0))) / a * along


def _heights(points: np.ndarray) -> np.ndarray:
    """m of points of the ellipsoid over the plane that touches it at the first one: the earth curves away."""
    return -np.sum(points**2, axis=1) / (2.0 * 6_371_000.0)
