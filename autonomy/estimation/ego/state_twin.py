"""The ego filter's states in their order, as in ext/autonomy/estimation/ego/_state.pxd, and rotations in NumPy, for its twins."""

from __future__ import annotations

import numpy as np

P, V, A, BG, BA = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12), slice(12, 15)
SCALE, MOUNTING, DELAY, AXLE, GNSS, SLIP, STATES = 15, slice(16, 18), slice(18, 21), 21, slice(22, 25), 25, 26


def skew(a: np.ndarray) -> np.ndarray:
    return np.array([[0.0, -a[2], a[1]], [a[2], 0.0, -a[0]], [-a[1], a[0], 0.0]])


def rotation(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of a rotation vector (Rodrigues)."""
    angle = np.linalg.norm(vector)
    if angle < 1e-12:
        return np.eye(3) + skew(vector)
    axis = skew(vector / angle)
    return np.eye(3) + np.sin(angle) * axis + (1.0 - np.cos(angle)) * axis @ axis


def about(axis: int, angle: float) -> np.ndarray:
    return rotation(angle * np.eye(3)[axis])
