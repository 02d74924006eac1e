"""Longitudinal law with NumPy."""

from __future__ import annotations

import numpy as np


def jerk_limited(parameters, wanted: float, last: float, dt: float) -> float:
    """m/s2: the wanted acceleration within limits, reached from the last one with bounded jerk."""
    wanted = np.clip(wanted, -parameters["deceleration_maximum"], parameters["acceleration_maximum"])
    down = parameters["jerk_emergency"] if wanted < -parameters["emergency_deceleration"] else parameters["jerk_down"]
    return float(np.clip(wanted, last - down * dt, last + parameters["jerk_up"] * dt))
