"""Longitudinal law with NumPy."""

from __future__ import annotations

import numpy as np

LED_FROM, LED_WHOLLY = 1.8, 2.6


def jerk_limited(parameters, wanted: float, last: float, dt: float, emergency: int = 0, braking_jerk: float = 0.0) -> float:
    """m/s2: the wanted acceleration within limits, reached from the last one with bounded jerk."""
    p = {name: float(parameters[name]) for name in parameters.dtype.names}
    most = p["emergency_deceleration" if emergency == 2 else "deceleration_maximum"]
    wanted = np.clip(wanted, -most, p["acceleration_maximum"])
    down = p["jerk_emergency"] if emergency == 2 else max(min((last - wanted) / p["ramp_time_s"], braking_jerk), p["jerk_down"])
    release = np.clip((wanted - last) / p["release_time_s"], p["jerk_release"], p["jerk_release_maximum"])
    up = release if last < -p["release_deceleration"] else p["jerk_up"]
    return float(np.clip(wanted, last - down * dt, last + up * dt))


def led(wanted: float, expected: float, most: float) -> float:
    """m/s2 asked for on top of firm braking: what is not given yet, but with it never more than `most`."""
    share = np.clip((-wanted - LED_FROM) / (LED_WHOLLY - LED_FROM), 0.0, 1.0)
    return float(np.clip(share * (wanted - expected), max(-1.0, min(-most - wanted, 0.0)), 0.0))


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
