"""What stands along a motorway, in coordinates of the road: rails, barriers, gantries, bridges, signs, posts. By seed."""

from __future__ import annotations

import numpy as np

from hil.lidar.cross_section import CrossSection
from hil.lidar.labels import Label, Shape

# A box of the road: its middle at arc length s and offset d, its foot `bottom` above the road there; `turned` against the road
DTYPE = np.dtype([("s", "f8"), ("d", "f8"), ("turned", "f8"), ("length", "f8"), ("width", "f8"), ("bottom", "f8"),
                  ("height", "f8"), ("reflectivity", "f4"), ("retro", "f4"), ("post", "f4"), ("label", "u1"), ("shape", "u1"),
                  ("instance", "i4")])  # fmt: skip

PIECE_M = 10.0  # of rails and walls: on 500 m of radius its chord is 2.5 cm off
RAIL_HEIGHT_M, RAIL_POSTS_M = 0.75, 2.0  # W-beam of class H1 [M]
BARRIER_HEIGHT_M, BARRIER_WIDTH_M = 0.9, 0.5  # concrete, step profile as a wall [M]
CLEARANCE_M, DECK_M = 4.7, 1.3  # of bridges [M]
GANTRY_M = 5.6
STEEL, CONCRETE, PAINTED = 0.35, 0.30, 0.45  # reflectivities at 905 nm [M]
SIGN_RETRO = 8.0  # microprismatic sheeting, many times a white wall [M]


class _Builder:
    def __init__(self):
        self.rows, self.count = [], 0

    def add(self, s, d, length, width, bottom, height, label, reflectivity, *, retro=0.0, post=0.0, shape=Shape.BOX, turned=0.0,
            same=False):  # fmt: skip
        """One box; `same`: of the instance before."""
        self.count += 0 if same else 1
        self.rows.append((s, d, turned, length, width, bottom, height, reflectivity, retro, post, label, shape, self.count))

    def along(self, start, end, d, width, height, reflectivity, *, post=0.0, shape=Shape.BOX):
        """A rail or wall in pieces, one instance."""
        self.count += 1
        for s in np.arange(start, end, PIECE_M):
            length = min(PIECE_M, end - s)
            self.add(s + 0.5 * length, d, length, width, 0.0, height, Label.EDGE, reflectivity, post=post, shape=shape, same=True)

    def array(self) -> np.ndarray:
        rows = np.array(self.rows, DTYPE) if self.rows else np.zeros(0, DTYPE)
        return rows[np.argsort(rows["s"], kind="stable")]


def nothing() -> np.ndarray:
    return np.zeros(0, DTYPE)


def motorway(section: CrossSection, length_m: float, seed: int) -> np.ndarray:
    """(n,) of DTYPE, sorted by s, over the whole road and some hundred metres beyond its ends."""
    random = np.random.default_rng([seed, 7])
    build, begin, end = _Builder(), -200.0, length_m + 300.0
    _median(build, section, begin, end, random)
    _sides(build, section, begin, end, random)
    _overhead(build, section, begin, end, random)
    _signs(build, section, begin, end, random)
    return build.array()


def _median(build, section, begin, end, random) -> None:
    """By stretches of some 800 m either a rail on each side or a concrete wall in the middle."""
    low, high = section.median
    s = begin
    while s < end:
        stop = min(s + random.uniform(500.0, 1200.0), end)
        if random.random() < 0.6:
            for d in (low + 0.3, high - 0.3):
                build.along(s, stop, d, 0.08, RAIL_HEIGHT_M, STEEL, post=RAIL_POSTS_M, shape=Shape.FENCE)
        else:
            build.along(s, stop, 0.5 * (low + high), BARRIER_WIDTH_M, BARRIER_HEIGHT_M, CONCRETE)
        s = stop


def _sides(build, section, begin, end, random) -> None:
    """Rails for two thirds of the way, noise walls for a tenth, posts every 50 m."""
    for edge, sign in ((section.right_edge, -1.0), (section.left_edge, 1.0)):
        s = begin
        while s < end:
            stop = min(s + random.uniform(150.0, 700.0), end)
            kind = random.random()
            if kind < 0.65:
                build.along(s, stop, edge + sign * 0.4, 0.08, RAIL_HEIGHT_M, STEEL, post=RAIL_POSTS_M, shape=Shape.FENCE)
            if kind > 0.9 or kind < 0.08:
                build.along(s, stop, edge + sign * 3.5, 0.2, 4.5, CONCRETE)
            s = stop
        for s in np.arange(begin, end, 50.0):
            build.add(s, edge + sign * 0.9, 0.12, 0.12, -0.2, 1.15, Label.STRUCTURE, PAINTED)
            build.add(s, edge + sign * 0.9, 0.14, 0.14, 0.68, 0.18, Label.STRUCTURE, 0.1, retro=3.0, same=True)


def _overhead(build, section, begin, end, random) -> None:
    """A bridge or a sign gantry every 300 to 900 m."""
    s = begin + random.uniform(50.0, 400.0)
    low, high = section.right_edge, section.left_edge
    middle, median = 0.5 * (low + high), 0.5 * sum(section.median)
    while s < end:
        if random.random() < 0.5:
            width = random.uniform(8.0, 16.0)
            build.add(
                s, middle, width, high - low + 30.0, CLEARANCE_M + random.uniform(0.0, 0.8), DECK_M, Label.STRUCTURE, CONCRETE
            )
            build.add(s, median, 0.8 * width, 0.9, -0.3, CLEARANCE_M + 0.8, Label.STRUCTURE, CONCRETE, same=True)
            for d in (low - 4.0, high + 4.0):
                build.add(s, d, width, 1.0, -1.5, CLEARANCE_M + 2.0, Label.STRUCTURE, CONCRETE, same=True)
        else:
            build.add(s, 0.5 * (low + median), 0.8, median - low + 1.0, GANTRY_M, 0.9, Label.STRUCTURE, STEEL)
            for d in (low - 0.8, median):
                build.add(s, d, 0.5, 0.5, -0.3, GANTRY_M + 0.5, Label.STRUCTURE, STEEL, same=True)
            for lane in range(section.lanes):
                build.add(s - 0.5, lane * section.lane_width_m, 0.1, 2.6, GANTRY_M - 0.2, 2.4, Label.STRUCTURE, PAINTED,
                          retro=SIGN_RETRO, same=True)  # fmt: skip
        s += random.uniform(300.0, 900.0)


def _signs(build, section, begin, end, random) -> None:
    """Boards beside the hard shoulder, every 100 to 500 m."""
    s = begin + random.uniform(0.0, 200.0)
    while s < end:
        width, height = random.choice([(0.9, 0.9), (1.2, 1.2), (3.0, 2.4), (4.5, 3.5)])
        d = section.right_edge - 1.6 - 0.5 * width
        build.add(s, d, 0.08, width, 2.0, height, Label.STRUCTURE, PAINTED, retro=SIGN_RETRO)
        for side in (-0.3, 0.3) if width > 2.0 else (0.0,):
            build.add(s + 0.1, d + side * width, 0.1, 0.1, -0.6, 2.6 + height, Label.STRUCTURE, STEEL, same=True)
        s += random.uniform(100.0, 500.0)
