"""A road as functions of arc length: where it goes, how it is banked and graded, its lanes, friction and limit.

The reference line is the middle of the rightmost lane. It is sampled every half metre; curvature, grade and bank are linear
between the ends of segments, so that every change of curvature is a clothoid. Scalars are looked up in plain lists: a call
of NumPy for one number costs ten times as much, and a closed loop asks some fifty times a tick.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SPACING_M = 0.5
PREVIEW_STEP_M = 5.0  # as LaneState.preview
PREVIEW_M = np.arange(0.0, 160.0, PREVIEW_STEP_M)
PREVIEW_DISTANCES = PREVIEW_M.tolist()
PER_PREVIEW = round(PREVIEW_STEP_M / SPACING_M)


@dataclass(frozen=True)
class Segment:
    """A stretch; curvature, grade and bank are those at its end, reached linearly from the end of the one before."""

    length_m: float
    curvature: float = 0.0  # 1/m, left positive
    grade: float = 0.0  # rise over run
    bank: float = 0.0  # rise over run, left side higher positive
    friction: float = 0.8  # of the whole segment, as the following
    speed_limit_mps: float = 25.0
    lanes: int = 2


class Pose(NamedTuple):
    x: float
    y: float
    heading: float
    curvature: float


class Road:
    """`segments` in order. `speed_limits`, `frictions` and `lane_counts` hold one value a sample, for `step_value`."""

    def __init__(self, segments: Iterable[Segment], lane_width_m: float = 3.5):
        segments = list(segments)
        ends = np.cumsum([0.0] + [segment.length_m for segment in segments])
        self.lane_width = lane_width_m
        self.s = np.arange(0.0, ends[-1], SPACING_M)
        self.length = float(self.s[-1])
        self.curvature = _linear(self.s, ends, segments, "curvature")
        self.grade = _linear(self.s, ends, segments, "grade")
        self.bank = _linear(self.s, ends, segments, "bank")
        of = np.minimum(np.searchsorted(ends, self.s, side="right") - 1, len(segments) - 1)
        self.frictions, self.speed_limits, self.lane_counts = (
            [getattr(segments[index], name) for index in of] for name in ("friction", "speed_limit_mps", "lanes")
        )
        self.heading = _integral(self.curvature)
        chord = 0.5 * (self.heading[1:] + self.heading[:-1])
        self.x = np.concatenate([[0.0], np.cumsum(np.cos(chord) * SPACING_M)])
        self.y = np.concatenate([[0.0], np.cumsum(np.sin(chord) * SPACING_M)])
        self.z = _integral(self.grade)
        self._lists = {name: getattr(self, name).tolist() for name in ("x", "y", "z", "heading", "curvature", "grade", "bank")}
        self._rows = list(zip(*(self._lists[name] for name in Pose._fields), strict=True))
        self._points, self._turns = self.x + 1j * self.y, np.exp(-1j * self.heading)
        self._last = len(self.s) - 2

    def at(self, s: float) -> Pose:
        """Of the reference line; beyond the ends it goes on straight."""
        place = s / SPACING_M
        index = min(max(int(place), 0), self._last)
        share = place - index
        a, b = self._rows[index], self._rows[index + 1]
        return Pose(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share,
                    a[3] + (b[3] - a[3]) * share)  # fmt: skip

    def value(self, name: str, s: float) -> float:
        """`z`, `grade`, `bank` ... at an arc length."""
        index, share = self._place(s)
        values = self._lists[name]
        return values[index] + (values[index + 1] - values[index]) * share

    def step_value(self, values: list, s: float):
        """Of what is constant by segment: friction, limit, number of lanes."""
        return values[min(max(int(s / SPACING_M), 0), self._last)]

    def preview(self, s: float) -> np.ndarray:
        """Curvature at PREVIEW_M ahead."""
        index, share = self._place(s)
        count = len(PREVIEW_M)
        rows = self.curvature[index : index + PER_PREVIEW * count + 1 : 1]
        if len(rows) <= PER_PREVIEW * (count - 1) + 1:
            rows = np.pad(rows, (0, PER_PREVIEW * count + 1 - len(rows)), mode="edge")
        near, far = rows[:-1:PER_PREVIEW][:count], rows[1::PER_PREVIEW][:count]
        return near + (far - near) * share

    def project(self, x: float, y: float, near: float, rounds: int = 2) -> tuple[float, float]:
        """(arc length, offset to the left of the reference line) of a point, searched around `near`."""
        s = near
        for _ in range(rounds):
            px, py, heading, curvature = self.at(s)
            cosine, sine = math.cos(heading), math.sin(heading)
            dx, dy = x - px, y - py
            # Along a circle of this curvature a point off the line is passed sooner or later than its chord says
            s += (dx * cosine + dy * sine) / max(1.0 - curvature * (dy * cosine - dx * sine), 0.1)
        px, py, heading, _ = self.at(s)
        return s, (y - py) * math.cos(heading) - (x - px) * math.sin(heading)

    def offsets(self, points: np.ndarray, near: float) -> np.ndarray:
        """(n,) offset to the left of the reference line of points x + iy within some 20 m of the arc length `near`.

        Each point is seen from the sample nearest to its foot: what is left along the line there is at most half a metre,
        where the line is a parabola to 1e-5 m.
        """
        x, y, heading, _ = self.at(near)
        ahead = ((points - complex(x, y)) * complex(math.cos(heading), -math.sin(heading))).real
        index = np.clip((near + ahead) / SPACING_M + 0.5, 0, self._last).astype(np.int64)
        seen = (points - self._points[index]) * self._turns[index]
        return seen.imag - 0.5 * self.curvature[index] * seen.real**2

    def _place(self, s: float) -> tuple[int, float]:
        place = s / SPACING_M
        index = min(max(int(place), 0), self._last)
        return index, place - index


def _linear(s: np.ndarray, ends: np.ndarray, segments: list[Segment], name: str) -> np.ndarray:
    values = [getattr(segment, name) for segment in segments]
    return np.interp(s, ends, values[:1] + values if name != "curvature" else [0.0] + values)


def _integral(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * SPACING_M)])
