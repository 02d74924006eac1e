"""How high a lidar stands, when nobody tells: the level on which most near points below it lie."""

from __future__ import annotations

import numpy as np

NEAR_M, FAR_M = 3.0, 20.0  # ring around the sensor that holds mostly road
HIGHEST_M = 6.0  # no road vehicle is higher
BIN_M = 0.1
ENOUGH = 0.4  # share of the fullest level: the lowest level with so many points is the ground, a fuller one a wall's or a roof's
FEWEST = 50  # points to tell anything


def estimate_height(points: np.ndarray) -> float | None:
    """Metres above the ground of the frame of `points` (LidarPoint [n]); None when there are too few near points below it."""
    x, y, z = (points[axis].astype(float) for axis in "xyz")
    with np.errstate(invalid="ignore"):
        r = np.hypot(x, y)
        near = (r > NEAR_M) & (r < FAR_M) & (z > -HIGHEST_M) & (z < 1.0)
    if near.sum() < FEWEST:
        return None
    # Each point counts for the area it stands for, which grows with range
    counts, edges = np.histogram(z[near], np.arange(-HIGHEST_M, 1.0 + BIN_M, BIN_M), weights=r[near])
    smooth = np.convolve(counts, [0.5, 1.0, 0.5], mode="same")
    lowest = int(np.argmax(smooth >= ENOUGH * smooth.max()))
    while lowest + 1 < len(smooth) and smooth[lowest + 1] > smooth[lowest]:
        lowest += 1
    return -float(edges[lowest] + 0.5 * BIN_M)
