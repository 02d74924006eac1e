"""Grade along a route, a point every STEP_M metres: from a map, or learned drive by drive from the ego filter.

The file is text. Its first line is `# autonomy.route_grade/1 points=<n> sha256=<of the rest>`, then come the column names and a
row a point: latitude_deg, longitude_deg (WGS 84), grade (rad, uphill in the direction of the rows), sigma (rad), drives. Row k
holds the mean grade between point k and point k + 1. A grade that is not known is `nan`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonomy.errors import BadInputError
from autonomy.geodesy import geodetic_to_enu

STEP_M = 25.0
SCHEMA = "autonomy.route_grade/1"
COLUMNS = "latitude_deg,longitude_deg,grade,sigma,drives"
STEEPEST = 0.25  # rad, no public road is as steep [D]
SPACING_SHARE = 0.2  # by which two points may be nearer or further apart [D]
BESIDE_M = 30.0  # further off, the truck is not on the route [D]
ALONG = 0.5  # cosine of the angle to the route beyond which another way is driven: the opposite one, or one that crosses [D]
SIGMA_FLOOR = 0.0015  # rad: mounting and body pitch, which averaging does not take away [D]
SEARCH = 40  # points looked at on either side of the last place


@dataclass
class RouteGrade:
    """Columns of the file, (n,) each."""

    latitude_deg: np.ndarray
    longitude_deg: np.ndarray
    grade: np.ndarray
    sigma: np.ndarray
    drives: np.ndarray

    def __post_init__(self):
        self._origin = (float(self.latitude_deg[0]), float(self.longitude_deg[0]), 0.0)
        self._points = geodetic_to_enu(self.latitude_deg, self.longitude_deg, np.zeros(len(self.grade)), self._origin)[:, :2]
        self._last: int | None = None

    def __len__(self) -> int:
        return len(self.grade)

    def lost(self) -> None:
        """The next position is looked for along the whole route, not near the last one."""
        self._last = None

    @property
    def length_m(self) -> float:
        return STEP_M * (len(self) - 1)

    def position(self, latitude_deg: float, longitude_deg: float, course: float | None = None) -> float | None:
        """m along the route; None beside it, before its first or behind its last point. `course` (rad, counter-clockwise from
        east): only where the route goes about the same way."""
        here = geodetic_to_enu(latitude_deg, longitude_deg, 0.0, self._origin)[:2]
        first = 0 if self._last is None else max(self._last - SEARCH, 0)
        end = len(self) - 1 if self._last is None else min(self._last + SEARCH, len(self) - 1)
        start, along = self._points[first:end], np.diff(self._points[first : end + 1], axis=0)
        length = np.maximum(np.hypot(*along.T), 1e-6)
        share = np.clip(np.sum((here - start) * along, axis=1) / length**2, 0.0, 1.0)
        off = np.hypot(*(start + share[:, None] * along - here).T)
        if course is not None:
            off = np.where(along @ (math.cos(course), math.sin(course)) >= ALONG * length, off, np.inf)
        best = int(np.argmin(off))
        if off[best] > BESIDE_M:
            self._last = None
            return None
        self._last = first + best
        return STEP_M * (self._last + float(share[best]))

    def ahead(self, position_m: float, count: int, step_m: float) -> tuple[np.ndarray, np.ndarray]:
        """(grade, sigma) in rad, means over `count` steps from a position; NaN where nothing is known."""
        edges = position_m + step_m * np.arange(count + 1)
        known = np.isfinite(self.grade)
        height = np.concatenate([[0.0], np.cumsum(np.where(known, self.grade, 0.0)) * STEP_M])
        lengths = STEP_M * np.arange(len(self) + 1)
        grade = np.diff(np.interp(edges, lengths, height)) / step_m
        rows = np.clip((edges[:-1] + 0.5 * step_m) // STEP_M, 0, len(self) - 1).astype(int)
        inside = (edges[1:] <= lengths[-1]) & (edges[:-1] >= 0.0) & known[rows]
        return np.where(inside, grade, np.nan), np.where(inside, self.sigma[rows], np.nan)

    def learn(self, position_m: np.ndarray, grade: np.ndarray, sigma: np.ndarray) -> None:
        """One drive's grades (rad) and sigmas at positions (m); it counts once a point, as its errors are the same all along."""
        rows = (np.asarray(position_m) // STEP_M).astype(int)
        usable = (rows >= 0) & (rows < len(self)) & np.isfinite(grade) & np.isfinite(sigma) & (np.abs(grade) < STEEPEST)
        for row in np.unique(rows[usable]).tolist():
            here = usable & (rows == row)
            mean, doubt = float(np.mean(grade[here])), math.hypot(float(np.mean(sigma[here])), SIGMA_FLOOR)
            if np.isfinite(self.grade[row]):
                old, new = self.sigma[row] ** -2, doubt**-2
                mean, doubt = (old * self.grade[row] + new * mean) / (old + new), (old + new) ** -0.5
            self.grade[row], self.sigma[row] = mean, max(doubt, SIGMA_FLOOR)
            self.drives[row] += 1

    def save(self, path: Path) -> None:
        rows = zip(self.latitude_deg.tolist(), self.longitude_deg.tolist(), self.grade.tolist(), self.sigma.tolist(),
                   self.drives.tolist(), strict=True)  # fmt: skip
        body = "\n".join([COLUMNS, *(f"{a:.8f},{b:.8f},{g:.6f},{s:.6f},{int(n)}" for a, b, g, s, n in rows)]) + "\n"
        digest = hashlib.sha256(body.encode()).hexdigest()
        path.write_text(f"# {SCHEMA} points={len(self)} sha256={digest}\n{body}", encoding="utf-8")


def restore(path: Path) -> RouteGrade:
    """A saved route after checks: whole, evenly spaced, grades a road can have. Raises BadInputError with line and remedy."""
    try:
        head, _, body = path.read_text(encoding="utf-8").partition("\n")
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: is no text, so no file of grades; give what 'autonomy route learn' wrote") from None
    words = dict(word.split("=", 1) for word in head.split() if "=" in word)
    if SCHEMA not in head.split():
        raise BadInputError(f"{path}: line 1 does not name {SCHEMA}: no file of grades, or of another version")
    if hashlib.sha256(body.encode()).hexdigest() != words.get("sha256"):
        raise BadInputError(f"{path}: the rows are not those that were saved (sha256 differs); learn the route anew")
    names, *lines = body.splitlines()
    if names != COLUMNS or str(len(lines)) != words.get("points") or len(lines) < 2:
        raise BadInputError(f"{path}: line 2 must be '{COLUMNS}', with {words.get('points')} rows, at least 2, behind it")
    try:
        table = np.array([[float(value) for value in line.split(",")] for line in lines])
        route = RouteGrade(*table.T.copy())
    except (ValueError, TypeError):
        raise BadInputError(f"{path}: a row does not hold the 5 numbers of '{COLUMNS}'") from None
    spacing = np.hypot(*np.diff(route._points, axis=0).T)
    wrong = np.flatnonzero(~(np.abs(spacing / STEP_M - 1.0) < SPACING_SHARE))
    if len(wrong):
        raise BadInputError(f"{path}: line {wrong[0] + 3}: {spacing[wrong[0]]:.0f} m to the next point, {STEP_M:.0f} m expected")
    known = np.isfinite(route.grade)
    wrong = np.flatnonzero(known & ~((np.abs(route.grade) < STEEPEST) & (route.sigma > 0.0)))
    if len(wrong):
        raise BadInputError(f"{path}: line {wrong[0] + 3}: grade {route.grade[wrong[0]]:g} rad, sigma {route.sigma[wrong[0]]:g}: "
                            "no road is like that")  # fmt: skip
    return route
