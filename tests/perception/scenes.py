"""Scans that tests make: the benchmark's street, and points by hand."""

from __future__ import annotations

import numpy as np

from autonomy.bench.perception import HEIGHT_M, street
from autonomy.msg import dtype
from autonomy.perception.perceive import Mounting, Perceiver, parameters

__all__ = ["HEIGHT_M", "as_points", "box", "ground", "perceiver", "street"]


def perceiver(capacity: int = 200_000, mounting: Mounting | None = None, **overrides: float) -> Perceiver:
    """`overrides` as section__key."""
    told = {name.replace("__", "."): value for name, value in overrides.items()}
    return Perceiver(parameters(overrides=told), mounting or Mounting(height_m=HEIGHT_M), capacity)


def as_points(xyz: np.ndarray, intensity: np.ndarray | int = 10) -> np.ndarray:
    points = np.zeros(len(xyz), dtype("LidarPoint"))
    for k, axis in enumerate("xyz"):
        points[axis] = np.asarray(xyz)[:, k]
    points["intensity"] = intensity
    return points


def ground(rng: np.random.Generator, count: int = 20_000, size_m: float = 60.0) -> np.ndarray:
    """[count, 3] flat, 1 cm rough, around the sensor at its height."""
    return np.column_stack([rng.uniform(-size_m, size_m, (count, 2)), rng.normal(-HEIGHT_M, 0.01, count)])


def box(
    rng: np.random.Generator, middle: tuple[float, float], size: tuple[float, float, float], yaw: float, count: int = 600
) -> np.ndarray:
    """[~count, 3] on the two sides that look to the sensor, from 0.2 m above the ground on."""
    length, width, height = size
    along, up, which = rng.uniform(-0.5, 0.5, count), rng.uniform(0.2, height, count), rng.random(count) < 0.5
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    seen_from = turn.T @ -np.asarray(middle)
    local = np.where(which[:, None], np.column_stack([along * length, np.full(count, 0.5 * width * np.sign(seen_from[1]))]),
                     np.column_stack([np.full(count, 0.5 * length * np.sign(seen_from[0])), along * width]))  # fmt: skip
    return np.column_stack([local @ turn.T + middle, up - HEIGHT_M])
