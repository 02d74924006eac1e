"""Voxel sampling with numpy.unique: the twin of ext/autonomy/perception/_voxels.pyx."""

from __future__ import annotations

import numpy as np


def sample(x: np.ndarray, y: np.ndarray, z: np.ndarray, size_m: float) -> np.ndarray:
    """Numbers of the points that are first in their cube; 1024 cubes across and 512 up and down from the origin."""
    per_m = np.float32(1.0 / size_m)
    u, v, w = x * per_m + np.float32(1024), y * per_m + np.float32(1024), z * per_m + np.float32(512)
    inside = np.flatnonzero((u >= 0) & (u < 2047) & (v >= 0) & (v < 2048) & (w >= 0) & (w < 1024))
    cubes = np.column_stack([u, v, w])[inside].astype(int)
    _, first = np.unique(cubes, axis=0, return_index=True)
    return np.sort(inside[first])
