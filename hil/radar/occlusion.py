"""What share of each road user a sensor sees past the others: by the angles that their outlines take, from above."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hil.world import Actor

RAYS_PER_BODY = 41


def corners(actor: Actor) -> np.ndarray:
    """(4, 2) of its outline, world."""
    c, s = math.cos(actor.yaw), math.sin(actor.yaw)
    along, across = 0.5 * actor.length * np.array([c, s]), 0.5 * actor.width * np.array([-s, c])
    middle = np.array([actor.x, actor.y])
    return np.array([middle + along + across, middle + along - across, middle - along - across, middle - along + across])


def visible_shares(actors: Sequence[Actor], x: float, y: float) -> np.ndarray:
    """(n,) 0..1, seen from the point (x, y): of rays spread evenly over a body's angle, those that meet it first."""
    if not actors:
        return np.zeros(0)
    outlines = np.stack([corners(actor) for actor in actors]) - [x, y]
    begin, end = _intervals(outlines)
    share = (np.arange(RAYS_PER_BODY) + 0.5) / RAYS_PER_BODY
    angle = begin[:, None] + (end - begin)[:, None] * share
    distance = _distances(outlines, angle.ravel()).reshape(len(actors), *angle.shape)
    body = np.arange(len(actors))
    return np.mean(distance[body, body] <= distance.min(axis=0) + 1e-9, axis=1)


def _intervals(outlines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest azimuth of each outline (n, 4, 2), unbroken."""
    azimuth = np.arctan2(outlines[..., 1], outlines[..., 0])
    first = azimuth[:, :1]
    azimuth = first + np.remainder(azimuth - first + math.pi, 2.0 * math.pi) - math.pi
    return azimuth.min(axis=1), azimuth.max(axis=1)


def _distances(outlines: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(n, rays) from the origin to the nearest side of each outline along each angle; inf where it passes."""
    direction = np.stack([np.cos(angle), np.sin(angle)])
    a, b = outlines, np.roll(outlines, -1, axis=1)
    side = b - a
    across = side[..., 0, None] * direction[1] - side[..., 1, None] * direction[0]
    along = np.divide(side[..., 0, None] * a[..., 1, None] - side[..., 1, None] * a[..., 0, None], across,
                      out=np.full_like(across, np.inf), where=across != 0.0)  # fmt: skip
    share = np.divide(direction[0] * a[..., 1, None] - direction[1] * a[..., 0, None], across,
                      out=np.full_like(across, np.inf), where=across != 0.0)  # fmt: skip
    # a + share side = distance direction: the same sign convention for both
    hit = (along > 0.0) & (share >= 0.0) & (share <= 1.0)
    return np.where(hit, along, np.inf).min(axis=1)
