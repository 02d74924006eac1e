"""Longitudinal law with NumPy."""

from __future__ import annotations

import numpy as np


def jerk_limited(parameters, wanted: float, last: float, dt: float, emergency: int = 0) -> float:
    """m/s2: the wanted acceleration within limits, reached from the last one with bounded jerk."""
    most = parameters["emergency_deceleration" if emergency == 2 else "deceleration_maximum"]
    wanted = np.clip(wanted, -most, parameters["acceleration_maximum"])
    down = parameters[("jerk_down", "jerk_firm", "jerk_emergency")[emergency]]
    up = parameters["jerk_firm" if last < -parameters["release_deceleration"] else "jerk_up"]
    return float(np.clip(wanted, last - down * dt, last + up * dt))


def disturbance(rate: float, speeds, expected, dt: float) -> np.ndarray:
    """m/s2 found after each tick from the speeds and the accelerations expected between them: a Luenberger observer of
    x = (speed, disturbance) with both poles at -rate."""
    A, L = np.array([[1.0, dt], [0.0, 1.0]]), np.array([2.0 * rate, rate**2]) * dt
    x, found = np.array([speeds[0], 0.0]), [0.0]
    for speed, acceleration in zip(speeds[1:], expected, strict=True):
        x = A @ x + [acceleration * dt, 0.0]
        x = x + L * (speed - x[0])
        found.append(x[1])
    return np.array(found)
