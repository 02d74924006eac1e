"""Motion compensation point by point with SciPy's rotations: the twin of ext/autonomy/perception/_deskew.pyx."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm
from scipy.spatial.transform import Rotation


def deskew(
    points: np.ndarray, velocity: np.ndarray, rate: np.ndarray, times: np.ndarray, knots: np.ndarray, reference_s: float
) -> np.ndarray:
    """float [n, 3] of LidarPoint [n]: where each point lies in the chassis at the reference. The chassis moves by the matrix
    exponential of its twist; the sensor's pose (k, 6) is interpolated linearly between its times (k,), in s after the
    reference."""
    at = points["time_offset_ns"] * 1e-9 - reference_s
    placed = np.empty((len(points), 3))
    twist = np.zeros((4, 4))
    twist[:3, 3] = velocity
    twist[:3, :3] = [[0, -rate[2], rate[1]], [rate[2], 0, -rate[0]], [-rate[1], rate[0], 0]]
    for i, time_s in enumerate(at):
        pose = np.array([np.interp(time_s, times, knots[:, k]) for k in range(6)])
        local = Rotation.from_rotvec(pose[3:]).apply([points[axis][i] for axis in "xyz"]) + pose[:3]
        placed[i] = (expm(twist * time_s) @ np.append(local, 1.0))[:3]
    return placed
