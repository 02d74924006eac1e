"""Scans as they are shown: some thousand points of each, with the boxes and the lines that were found in it.

Thinned by label, so that a lane's paint and a far car are not lost among the road: of each label one point a cube, and where
that is too many, those that a fixed hash of their number puts first. The same scan gives the same points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autonomy.perception._voxels import VoxelSampler
from autonomy.perception.perceived import Perceived
from autonomy.perception.samples import STRUCTURE
from autonomy.viewers.geometry import DRAWN_STEP_M

MOST_POINTS = 5000
BEHIND_M, AHEAD_M, SIDE_M = 60.0, 160.0, 30.0  # [D] what of a scan is shown: the road and what stands beside it
NONE, GROUND, OBSTACLE, MARKING, EDGE, NOISE = range(6)  # labels, see docs/perception.md
# [D] by label, the rarest first: edge of a cube, and how much it may take of the room that is left
THINNED = ((NOISE, 0.2, 0.1), (MARKING, 0.15, 0.3), (EDGE, 0.25, 0.2), (OBSTACLE, 0.15, 0.65), (GROUND, 0.6, 1.0))
HASH, HASH_BITS = np.uint64(2654435761), np.uint64(0xFFFFFFFF)  # Knuth's multiplicative hash

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("height", "<f4"), ("label", "u1"), ("padding", "u1", (3,))])
BOX = np.dtype([("x", "<f4"), ("y", "<f4"), ("yaw", "<f4"), ("length", "<f4"), ("width", "<f4"), ("classification", "u1"),
                ("is_fixed", "u1")])  # fmt: skip
LINE = np.dtype([("c", "<f8", (4,)), ("x_min", "<f4"), ("x_max", "<f4"), ("side", "u1"), ("type", "u1"), ("edge_kind", "u1")])


@dataclass(frozen=True)
class ShownScan:
    """In vehicle axes at `valid_time_ns`; its results were there at `received_time_ns`. `scanned`: points before thinning."""

    valid_time_ns: int
    received_time_ns: int
    source: int
    scanned: int
    points: np.ndarray  # POINT
    boxes: np.ndarray  # BOX; is_fixed: of a road edge, a wall or a sign, which the tick is not told
    lines: np.ndarray  # LINE


class ShownScans:
    """Takes every scan of a run, thins it and tells each of `watchers`."""

    def __init__(self, *watchers: Callable[[ShownScan], None]):
        self._watchers, self._sampler = watchers, VoxelSampler()

    def __call__(self, perceived: Perceived, source: int) -> None:
        scan = shown(perceived, source, self._sampler)
        for watcher in self._watchers:
            watcher(scan)


def shown(perceived: Perceived, source: int, sampler: VoxelSampler) -> ShownScan:
    found = perceived.found
    boxes, lines = np.zeros(len(found.obstacles), BOX), np.zeros(len(found.lanes), LINE)
    for name in ("x", "y", "yaw", "length", "width", "classification"):
        boxes[name] = found.obstacles[name]
    boxes["is_fixed"] = (found.obstacles["edge"] != 0) | (found.obstacles["classification"] == STRUCTURE)
    for name in LINE.names:
        lines[name] = found.lanes[name]
    points = _thinned(found.points, found.labels, sampler)
    return ShownScan(perceived.valid_time_ns, perceived.received_time_ns, source, len(found.labels), points, boxes, lines)


def _thinned(points: np.ndarray, labels: np.ndarray, sampler: VoxelSampler) -> np.ndarray:
    """At most MOST_POINTS rows of POINT, by label and then in the scan's order."""
    x, y = points[:, 0], points[:, 1]
    near = (x > -BEHIND_M) & (x < AHEAD_M) & (np.abs(y) < SIDE_M)  # which none that is not finite is
    chosen, room = [], MOST_POINTS
    for label, cube_m, share in THINNED:
        rows = np.flatnonzero(near & (labels == label))
        columns = [np.ascontiguousarray(points[rows, axis]) for axis in range(3)]
        rows = _some(rows[sampler.sample(*columns, cube_m)], int(share * room))
        chosen.append(rows)
        room -= len(rows)
    rows = np.concatenate(chosen)
    thinned = np.zeros(len(rows), POINT)
    for axis, name in enumerate(("x", "y", "z", "height")):
        thinned[name] = np.round(points[rows, axis] / DRAWN_STEP_M) * DRAWN_STEP_M
    thinned["label"] = labels[rows]
    return thinned


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    hashes = (rows.astype(np.uint64) * HASH) & HASH_BITS  # no two are equal: the factor is odd
    return np.sort(rows[np.argpartition(hashes, most)[:most]])
