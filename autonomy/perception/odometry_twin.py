"""A scan against a map of voxels, in NumPy: the twin of the registration in ext/autonomy/perception/_odometry.pyx."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

AROUND = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]])


def voxels(points: np.ndarray, p: dict) -> dict[tuple, tuple[np.ndarray, np.ndarray]]:
    """Place -> (mean, information of the thin directions) of the voxels that bind."""
    keys, of = np.unique(np.floor(points / p["voxel_m"]).astype(int), axis=0, return_inverse=True)
    found = {}
    for k, key in enumerate(keys):
        inside = points[of.ravel() == k]
        if len(inside) < p["points_least"]:
            continue
        values, vectors = np.linalg.eigh(np.cov(inside.T))
        thin = values < p["thin_m"] ** 2
        if 0 < thin.sum() < 3:
            weight = 1 / (np.maximum(values[thin], 0) + p["noise_m"] ** 2)
            found[tuple(key)] = inside.mean(axis=0), (vectors[:, thin] * weight) @ vectors[:, thin].T
    return found


def register(
    before: np.ndarray, points: np.ndarray, translation: np.ndarray, rotation: np.ndarray, p: dict
) -> tuple[np.ndarray, np.ndarray]:
    """(translation, rotation vector) of the vehicle from scan `before` [n, 3] to scan `points` [m, 3], around what is
    expected."""
    binding, at, turn, total = voxels(before, p), np.array(translation, float), Rotation.from_rotvec(rotation), np.zeros(6)
    sigma = np.repeat([p["prior_m"] + p["prior_share"] * np.linalg.norm(translation), p["prior_rad"]], 3)
    for _ in range(int(p["rounds_most"])):
        h, g = np.diag(sigma**-2.0), -total / sigma**2
        for placed in turn.apply(points) + at:
            match = _binding(binding, placed, p)
            if match is None:
                continue
            d, arm = match[0] - placed, placed - at
            weight = (p["robust_m"] ** 2 / (p["robust_m"] ** 2 + p["noise_m"] ** 2 * (d @ match[1] @ d))) ** 2
            j = np.hstack([np.eye(3), -np.array([[0, -arm[2], arm[1]], [arm[2], 0, -arm[0]], [-arm[1], arm[0], 0]])])
            h, g = h + weight * j.T @ match[1] @ j, g + weight * j.T @ match[1] @ d
        step = np.linalg.solve(h, g)
        at, turn, total = at + step[:3], Rotation.from_rotvec(step[3:]) * turn, total + step
        if np.abs(step[:3]).sum() + 20 * np.abs(step[3:]).sum() < p["settled_m"]:
            break
    return at, turn.as_rotvec()


def _binding(binding: dict, placed: np.ndarray, p: dict) -> tuple[np.ndarray, np.ndarray] | None:
    key = np.floor(placed / p["voxel_m"]).astype(int)
    if tuple(key) in binding:
        return binding[tuple(key)]
    near = [binding[tuple(key + step)] for step in AROUND[1:] if tuple(key + step) in binding]
    near = [voxel for voxel in near if ((placed - voxel[0]) ** 2).sum() < p["voxel_m"] ** 2]
    return min(near, key=lambda voxel: ((placed - voxel[0]) ** 2).sum(), default=None)
