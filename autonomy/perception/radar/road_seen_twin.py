"""Whether rays of a lidar went through a place and met the road behind it, with arrays."""

from __future__ import annotations

import numpy as np

from autonomy.perception.radar.parameters import RoadParameters

NOTHING, ROAD, STANDS = 0, 1, 2
GROUND_LABELS, BINS, LEAST_GROUND = (1, 3), 10, 6


def look_through(p: RoadParameters, points: np.ndarray, labels: np.ndarray, eye: tuple[float, float, float], x: float,
                 y: float) -> int:  # fmt: skip
    """NOTHING, ROAD or STANDS; `points` (n, 4): x, y, z, height above the ground."""
    sight = np.array([x - eye[0], y - eye[1]])
    distance = float(np.linalg.norm(sight))
    if distance < 1.0:
        return NOTHING
    sight /= distance
    flat = points[:, :2].astype(float) - eye[:2]
    along, across = flat @ sight, flat @ np.array([-sight[1], sight[0]])
    is_ground = np.isin(labels, GROUND_LABELS)
    inside = np.abs(across) <= p.half_width_m
    height = points[:, 3]
    body = ~is_ground & inside & (along > distance - p.body_before_m) & (along <= distance + p.body_behind_m)
    if (body & (height > p.body_low_m) & (height < p.body_high_m)).any():
        return STANDS
    before = is_ground & inside & (along >= distance - p.before_m) & (along <= distance)
    if before.sum() < LEAST_GROUND or np.ptp(along[before]) < p.ground_apart_m or along[before].max() < distance - p.ground_gap_m:
        return NOTHING
    ground = np.polyfit(along[before] - distance, points[before, 2].astype(float), 1)[1]
    behind = is_ground & (along >= distance + p.low_behind_m)
    along, across, z = along[behind], across[behind], points[behind, 2]
    across = across * distance / along
    passed = eye[2] + (z - eye[2]) * distance / along - ground
    inside = np.abs(across) < p.half_width_m
    bins = np.minimum(((across + p.half_width_m) * (0.5 * BINS / p.half_width_m)).astype(int), BINS - 1)
    low = inside & (passed > p.low_m) & (passed < p.low_to_m)
    high = inside & (passed > p.high_m) & (passed < p.high_to_m) & (along > distance + p.high_behind_m)
    return ROAD if len(set(bins[low])) == BINS == len(set(bins[high])) else NOTHING
