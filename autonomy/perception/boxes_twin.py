"""Direction by closeness over every degree, then extents: the twin of ext/autonomy/perception/_boxes.pyx."""

from __future__ import annotations

import numpy as np


def closeness(cells: np.ndarray, yaw: float, closest_m: float) -> float:
    """Sum of one over the distance to the nearest side of the rectangle around cells [n, 2]."""
    turned = cells @ np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    sides = np.minimum(turned - turned.min(axis=0), turned.max(axis=0) - turned).min(axis=1)
    return float((1.0 / np.maximum(sides, closest_m)).sum())


def direction(cells: np.ndarray, closest_m: float) -> float:
    """Yaw of a side, rad, 0 .. pi/2, among all whole degrees."""
    yaws = np.radians(np.arange(90))
    return float(yaws[np.argmax([closeness(cells, yaw, closest_m) for yaw in yaws])])


def enclose(points: np.ndarray, yaw: float) -> dict[str, float]:
    """Box of points [n, 3] whose one side looks along `yaw`; its yaw is that of the longer side, -pi/2 .. pi/2."""
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    low, high = (points[:, :2] @ turn).min(axis=0), (points[:, :2] @ turn).max(axis=0)
    x, y = turn @ (0.5 * (low + high))
    length, width = high - low
    if width > length:
        length, width, yaw = width, length, yaw + 0.5 * np.pi
    z = points[:, 2]
    return {"x": x, "y": y, "z": 0.5 * (z.min() + z.max()), "length": length, "width": width, "height": z.max() - z.min(),
            "yaw": (yaw + 0.5 * np.pi) % np.pi - 0.5 * np.pi}  # fmt: skip
