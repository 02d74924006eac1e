"""An IMU's axes against the vehicle's, for what writes messages as a sensor would."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["on_sensor"]


def on_sensor(vehicle: Sequence[float], axes: Sequence[int] | None) -> list[float]:
    """A vector in vehicle axes along the sensor's x, y, z. `axes`: as route_config.axis_numbers gives them, None = the same."""
    turned = [0.0, 0.0, 0.0]
    for value, axis in zip(vehicle, axes or (1, 2, 3), strict=True):
        turned[abs(axis) - 1] = math.copysign(1.0, axis) * value
    return turned
