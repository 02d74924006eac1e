"""Scans of a radar on a road between two rails, without rays: road users, rails, ghosts, something in the lane, clutter."""

from __future__ import annotations

import numpy as np

from autonomy.msg import dtype
from autonomy.perception.radar.parameters import Mounting

CYCLE_S = 0.05
MOUNTING = Mounting()


def detections(x, y, speed_x, velocity: float, yaw_rate: float = 0.0, random=None, rcs=10.0, existence=0.9, elevation=np.nan):
    """RadarDetections of points of the vehicle's frame; `speed_x` over ground. `random`: for noise, None without."""
    x, y, speed_x = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float), np.asarray(speed_x, float))
    rows = np.zeros(len(x), dtype("RadarDetection"))
    ahead = x - MOUNTING.x_m
    rows["range"], rows["azimuth"] = np.hypot(ahead, y), np.arctan2(y, ahead)
    rows["elevation"] = elevation
    rows["range_rate"] = ((speed_x - velocity) * ahead - yaw_rate * MOUNTING.x_m * y) / rows["range"]
    rows["range_sigma"], rows["azimuth_sigma"], rows["range_rate_sigma"] = 0.25, 0.005, 0.1
    rows["rcs_dbsm"], rows["existence"] = rcs, existence
    if random is not None:
        rows["range"] += random.normal(0.0, 0.2, len(x))
        rows["azimuth"] += random.normal(0.0, 0.004, len(x))
        rows["range_rate"] += random.normal(0.0, 0.1, len(x))
    return rows


def road(scan: int, random: np.random.Generator, velocity: float = 22.0, obstacle_m: float | None = None) -> np.ndarray:
    """One scan: rails at 6 m and -5 m, a lead, a faster car with its mirror image now and then, clutter."""
    time_s = scan * CYCLE_S
    posts = np.arange(10.0, 120.0, 10.0) - velocity * time_s % 10.0
    posts = posts[random.random(len(posts)) < 0.8]
    parts = [detections(posts + 10.0, 6.0, 0.0, velocity, random=random, rcs=-6.0),
             detections(posts + 8.0, -5.0, 0.0, velocity, random=random, rcs=-6.0),
             detections([40.0 + time_s], [0.2], [velocity + 1.0], velocity, random=random)]  # fmt: skip
    side = 20.0 + 4.0 * time_s
    parts.append(detections([side], [3.5], [velocity + 4.0], velocity, random=random))
    if random.random() < 0.3:
        parts.append(detections([side], [8.5], [velocity + 4.0], velocity, random=random, rcs=0.0))
    if obstacle_m is not None and obstacle_m - velocity * time_s > 8.0:
        parts.append(detections([obstacle_m - velocity * time_s], [0.0], [0.0], velocity, random=random))
    clutter = random.poisson(0.7)
    parts.append(detections(random.uniform(20.0, 150.0, clutter), random.uniform(-8.0, 8.0, clutter),
                            random.uniform(-40.0, 20.0, clutter), velocity, random=random, existence=0.3))  # fmt: skip
    return np.concatenate(parts)
