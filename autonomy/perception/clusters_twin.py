"""Grid clusters by SciPy's connected components: the twin of ext/autonomy/perception/_clusters.pyx."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

COLUMNS, ROWS, MEASURABLE_M = 1280, 640, 0.1


def cells_of(points: np.ndarray, height: np.ndarray, p: dict) -> tuple[np.ndarray, np.ndarray]:
    """(place int [n] of each point's cell, -1 outside or too high; used bool [n])."""
    column = np.floor((points[:, 0] + p["behind_m"]) / p["cell_m"])
    row = np.floor(points[:, 1] / p["cell_m"] + 0.5 * ROWS)
    used = (height < p["clearance_m"]) & (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    return np.where(used, row * COLUMNS + column, -1).astype(int), used


def find_clusters(points: np.ndarray, height: np.ndarray, sensor: np.ndarray, p: dict) -> np.ndarray:
    """int [n]: number of the cluster of points [n, 3] above the ground, -1 none. `sensor`: (3,) m."""
    place, used = cells_of(points, height, p)
    places, of = np.unique(place[used], return_inverse=True)
    counts = np.bincount(of)
    x, y = (np.bincount(of, points[used, k]) / counts for k in range(2))
    top, bottom = np.full(len(places), -np.inf), np.full(len(places), np.inf)
    np.maximum.at(top, of, height[used])
    np.minimum.at(bottom, of, height[used])
    at = {int(value): k for k, value in enumerate(places)}
    pairs = []
    for k, value in enumerate(places):
        row, column = divmod(int(value), COLUMNS)
        r = np.hypot(x[k], y[k])
        along, across = (3, 2) if r > p["reach_three_m"] else (2, 1) if r > p["reach_two_m"] else (1, 1)
        for dr in range(across + 1):
            for dc in range(-along if dr else 1, along + 1):
                other = at.get((row + dr) * COLUMNS + column + dc) if 0 <= column + dc < COLUMNS and row + dr < ROWS else None
                if other is not None and bottom[other] <= top[k] + p["rise_m"] and bottom[k] <= top[other] + p["rise_m"]:
                    pairs.append((k, other))
        if bottom[k] > p["bridge_bottom_m"] and top[k] - bottom[k] < p["bridge_step_m"]:
            other = _bridge(k, row, column, x, y, top, at, sensor, p)
            if other is not None:
                pairs.append((k, other))
    first, second = np.array(pairs, int).reshape(-1, 2).T
    joined = coo_matrix((np.ones(len(first)), (first, second)), (len(places), len(places)))
    found = np.full(len(points), -1)
    found[used] = connected_components(joined, directed=False)[1][of]
    return found


def _bridge(k, row, column, x, y, top, at, sensor, p) -> int | None:
    """The cell towards the sensor that a roof's cell belongs to."""
    offset, above = sensor[:2] - [x[k], y[k]], sensor[2] - top[k]
    r = np.hypot(*offset)
    if above < MEASURABLE_M or r < p["bridge_m"]:
        return None
    direction = offset / r
    reach = min(p["bridge_beams"] * r**2 / above + p["cell_m"], p["bridge_m"])
    if abs(direction[1]) * reach > p["bridge_aside_m"]:
        reach = p["bridge_aside_m"] / abs(direction[1])
    for step in range(1, int(reach / p["cell_m"]) + 1):
        c, r_ = int(column + 0.5 + step * direction[0]), int(row + 0.5 + step * direction[1])
        if not (0 <= c < COLUMNS and 0 <= r_ < ROWS):
            return None
        other = at.get(r_ * COLUMNS + c)
        if other is not None and other != k and abs(top[other] - top[k]) < p["bridge_step_m"]:
            return other
    return None
