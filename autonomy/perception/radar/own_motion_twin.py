"""The own motion by Doppler with matrices: every detection a candidate, the best one refined by Tukey's biweight."""

from __future__ import annotations

import numpy as np

from autonomy.msg import constants
from autonomy.perception.radar.parameters import MotionParameters

COASTED = constants("RadarDetection")["FLAG_COASTED"]
CANDIDATES, ROUNDS = 100, 10


def own_motion(rows: np.ndarray, yaw: float, prior_speed: float, prior_lateral: float, parameters: MotionParameters):
    """(velocity (2,) of the sensor, covariance (2, 2), detections used), None with too few that stand. `rows`: RadarDetection."""
    rows = rows[np.isfinite(rows["azimuth"]) & np.isfinite(rows["range_rate"]) & (rows["flags"] & COASTED == 0)]
    level = np.where(np.isfinite(rows["elevation"]), np.cos(rows["elevation"]), 1.0)
    look = level[:, None] * np.stack([np.cos(rows["azimuth"] + yaw), np.sin(rows["azimuth"] + yaw)], axis=1)
    rate = rows["range_rate"]
    sigma = np.where(rows["range_rate_sigma"] > 0.0, rows["range_rate_sigma"], parameters.range_rate_sigma)
    tried = np.arange(len(rows))[:: len(rows) // CANDIDATES + 1]
    tried = tried[look[tried, 0] >= 0.5]
    speeds = -(rate[tried] + prior_lateral * look[tried, 1]) / look[tried, 0]
    if np.isfinite(prior_speed):
        speeds = speeds[np.abs(speeds - prior_speed) <= parameters.window_mps]
        speeds = speeds[np.argsort(np.abs(speeds - prior_speed), kind="stable")]
    else:
        speeds = speeds[(speeds >= parameters.slowest_mps) & (speeds <= parameters.fastest_mps)]
    if not len(speeds):
        return None
    votes = [(np.abs(rate + look @ [speed, prior_lateral]) < parameters.gate_sigmas * sigma).sum() for speed in speeds]
    velocity = np.array([speeds[int(np.argmax(votes))], prior_lateral])
    anchor = np.diag([0.0, parameters.lateral_sigma_mps**-2])
    for _ in range(ROUNDS):
        error = (rate + look @ velocity) / sigma
        weight = np.clip(1.0 - (error / parameters.tukey_sigmas) ** 2, 0.0, None) ** 2
        used = int((np.abs(error) < parameters.tukey_sigmas).sum())
        if used < parameters.least:
            return None
        information = look.T @ (look * (weight / sigma**2)[:, None]) + anchor
        velocity = np.linalg.solve(information, -look.T @ (weight / sigma**2 * rate) + anchor @ [0.0, prior_lateral])
    scale = max(1.0, float((weight * error**2).sum()) / used)
    return velocity, scale * np.linalg.inv(information), used
