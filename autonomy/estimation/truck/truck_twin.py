"""The kinematic trailer stated plainly: its angle as the solution of one differential equation (SciPy)."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp


def articulation(time_s: np.ndarray, speed: np.ndarray, yaw_rate: np.ndarray, vehicle, start: float = 0.0) -> np.ndarray:
    """Trailer yaw minus tractor yaw in rad at `time_s` (n,), for speed in m/s and yaw rate in rad/s held from tick to tick.

    Rolling without slip: gamma' = -(v / L_t) sin gamma - r (1 + (c_f / L_t) cos gamma).
    """
    length, hitch = float(vehicle["trailer_wheelbase_m"]), float(vehicle["hitch_offset_m"])
    angles = [start]
    for i in range(1, len(time_s)):

        def rate(_, angle, v=speed[i], r=yaw_rate[i]):
            return -v / length * np.sin(angle) - r * (1.0 + hitch / length * np.cos(angle))

        angles.append(solve_ivp(rate, (time_s[i - 1], time_s[i]), [angles[-1]], rtol=1e-10, atol=1e-12).y[0, -1])
    return np.array(angles)
