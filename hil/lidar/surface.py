"""A stretch of the scene made ready for the ray caster: the road in cells, its paint in bins, what stands beside it as boxes.

The window's frame is level, its origin on the road's reference line, x along the road there. Single precision is enough in it.
It is made anew every SHIFT_M of travel; its cells and furniture depend on the anchor only, so a drive and its repetition agree.
"""

from __future__ import annotations

import math

import numpy as np

from hil.lidar._caster import dtypes
from hil.lidar._cells import fill_cells
from hil.lidar.labels import Detail
from hil.lidar.markings import stripes

PRIMITIVE, LINE = dtypes()[4:]
SHIFT_M = 40.0
BEHIND_M, AHEAD_M, ASIDE_M = 140.0, 280.0, 96.0
CELL_M, NODE_M = 4.0, 1.0
FROM_D_M, TO_D_M = -24.0, 56.0  # offsets that paint and puddles may have
BIN_S_M, BIN_D_M, IN_BIN = 8.0, 0.5, 4  # as ext/hil/lidar/_data.pxd
WET_PER_S, WET_PER_D = 1.0, 2.0
MOST_LINES = 255


class Window:
    """Built from a Scene about the arc length `anchor`."""

    def __init__(self, scene, anchor: float):
        road = scene.road
        self.anchor = anchor
        x, y, z, heading = (float(value[0]) for value in along(road, np.array([anchor]))[:4])
        self.origin, self.yaw = np.array([x, y, z]), heading
        self.s, self.d = anchor - BEHIND_M - 40.0, FROM_D_M
        length = BEHIND_M + AHEAD_M + 80.0
        self.cells = self._cells(road, length)
        self.corner, self.per_m = (-BEHIND_M, -ASIDE_M), 1.0 / CELL_M
        self.wet = self._wet(scene, length)
        near = [marking for marking in scene.markings if marking.end_m > self.s and marking.start_m < self.s + length]
        self.lines = stripes(near, LINE)
        if len(self.lines) > MOST_LINES:
            raise ValueError(f"lidar scene: {len(self.lines)} stripes of paint within {length:g} m; at most {MOST_LINES}")
        self.bins_left_out = 0
        self.bins = self._bins(length)
        self.lines = self.lines if len(self.lines) else np.zeros(1, LINE)
        self.furniture = self._furniture(scene)
        self._furniture_places = self.furniture["centre"][:, :2].astype(float)

    def points(self, xyz: np.ndarray) -> np.ndarray:
        """(n, 3) of the world in the window's frame."""
        east, north, up = (np.asarray(xyz, float) - self.origin).T
        cosine, sine = math.cos(self.yaw), math.sin(self.yaw)
        return np.column_stack([cosine * east + sine * north, cosine * north - sine * east, up])

    def ground(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Height of the paved road's plane, and its slopes along x and y, at points of the window's frame."""
        nx, ny = self.cells.shape[:2]
        i = np.minimum(np.maximum(((x - self.corner[0]) * self.per_m).astype(int), 0), nx - 1)
        j = np.minimum(np.maximum(((y - self.corner[1]) * self.per_m).astype(int), 0), ny - 1)
        cell = self.cells[i, j]
        dx = x - (self.corner[0] + (i + 0.5) * CELL_M)
        dy = y - (self.corner[1] + (j + 0.5) * CELL_M)
        return cell[..., 3] + cell[..., 4] * dx + cell[..., 5] * dy, cell[..., 4], cell[..., 5]

    def furniture_from(self, place: np.ndarray) -> np.ndarray:
        """The nearest first, as seen from a point (2,): what they hide need not be looked at."""
        return self.furniture[np.argsort(np.hypot(*(self._furniture_places - place).T), kind="stable")]

    def _cells(self, road, length: float) -> np.ndarray:
        s = self.s + np.arange(0.0, length + NODE_M, NODE_M)
        x, y, z, heading, curvature, grade, bank = along(road, s)
        place = self.points(np.column_stack([x, y, z]))
        nodes = np.column_stack([place[:, 0], place[:, 1], heading - self.yaw, curvature, place[:, 2], grade, bank])
        return fill_cells(s, nodes, -BEHIND_M, -ASIDE_M, CELL_M, int((BEHIND_M + AHEAD_M) / CELL_M), int(2.0 * ASIDE_M / CELL_M))

    def _wet(self, scene, length: float) -> np.ndarray:
        """Films of water, 0..255: puddles are ellipses, dry at their rim."""
        film = np.full(
            (int(length * WET_PER_S), int((TO_D_M - FROM_D_M) * WET_PER_D)), round(255 * scene.weather.water_film), np.uint8
        )
        s = self.s + (np.arange(film.shape[0]) + 0.5) / WET_PER_S
        d = self.d + (np.arange(film.shape[1]) + 0.5) / WET_PER_D
        for puddle in scene.puddles:
            if abs(puddle.s - self.s - 0.5 * length) > 0.5 * (length + puddle.length_m):
                continue
            rows, columns = np.abs(s - puddle.s) < puddle.length_m, np.abs(d - puddle.d) < puddle.width_m
            out = ((s[rows, None] - puddle.s) / (0.5 * puddle.length_m)) ** 2 + (
                (d[columns] - puddle.d) / (0.5 * puddle.width_m)
            ) ** 2
            place = np.ix_(rows, columns)
            film[place] = np.maximum(film[place], (255 * np.clip(3.0 * (1.0 - out), 0.0, 1.0)).astype(np.uint8))
        return film

    def _bins(self, length: float) -> np.ndarray:
        """(s, d, IN_BIN) numbers of the stripes that pass each bin, counted from 1; 0 ends a bin's list."""
        rows, columns = int(length / BIN_S_M), int((TO_D_M - FROM_D_M) / BIN_D_M)
        bins, count = np.zeros((rows, columns, IN_BIN), np.uint8), np.zeros((rows, columns), int)
        s = self.s + BIN_S_M * np.arange(rows)
        for number, line in enumerate(self.lines, start=1):
            begin, end = np.maximum(s, line["start_m"]), np.minimum(s + BIN_S_M, line["end_m"])
            a, b = (line["offset_m"] + line["slope"] * (at - line["start_m"]) for at in (begin, end))
            low = np.floor((np.minimum(a, b) - line["half_width_m"] - self.d) / BIN_D_M).astype(int)
            high = np.floor((np.maximum(a, b) + line["half_width_m"] - self.d) / BIN_D_M).astype(int)
            for aside in range(int((high - low).max()) + 1):
                row = np.flatnonzero((begin < end) & (low + aside <= high) & (low + aside >= 0) & (low + aside < columns))
                column = low[row] + aside
                place = count[row, column]
                self.bins_left_out += int((place >= IN_BIN).sum())
                row, column, place = (values[place < IN_BIN] for values in (row, column, place))
                bins[row, column, place] = number
                count[row, column] += 1
        return bins

    def _furniture(self, scene) -> np.ndarray:
        """What stands here, as rows of the kernel's Primitive."""
        rows = scene.furniture
        near = rows[np.searchsorted(rows["s"], self.anchor - BEHIND_M) : np.searchsorted(rows["s"], self.anchor + AHEAD_M)]
        x, y, z, heading, _, grade, bank = along(scene.road, near["s"])
        world = np.column_stack([x - near["d"] * np.sin(heading), y + near["d"] * np.cos(heading),
                                 z + bank * near["d"] + near["bottom"] + 0.5 * near["height"]])  # fmt: skip
        found = np.zeros(len(near), PRIMITIVE)
        found["centre"] = self.points(world)
        yaw = heading + near["turned"] - self.yaw
        found["cosine"], found["sine"], found["grade"] = np.cos(yaw), np.sin(yaw), grade
        found["half"] = 0.5 * np.column_stack([near["length"], near["width"], near["height"]])
        found["reflectivity"], found["retro"], found["post_m"] = near["reflectivity"], near["retro"], near["post"]
        found["instance"], found["label"], found["shape"] = near["instance"], near["label"], near["shape"]
        found["slot"], found["detail"] = -1, Detail.PLAIN
        return found


def along(road, s: np.ndarray) -> tuple[np.ndarray, ...]:
    """x, y, z, heading, curvature, grade, bank of a road's reference line; beyond its ends it goes on straight."""
    at = np.clip(s, 0.0, road.length)
    heading, curvature, grade, bank = (
        np.interp(at, road.s, values) for values in (road.heading, road.curvature, road.grade, road.bank)
    )
    beyond = s - at
    curvature = np.where(beyond == 0.0, curvature, 0.0)
    x, y, z = (np.interp(at, road.s, values) for values in (road.x, road.y, road.z))
    return (x + beyond * np.cos(heading), y + beyond * np.sin(heading), z + beyond * grade, heading, curvature, grade,
            bank)  # fmt: skip
