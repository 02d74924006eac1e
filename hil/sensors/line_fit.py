"""What a forward camera makes of a line: one cubic about the vehicle, fitted over all of the line that it sees.

Seen from a straight, a bend that begins ahead is in the cubic already; in a transition its end is too.
"""

from __future__ import annotations

import math

import numpy as np


def middle_ahead(distance_m, curvature, offset_m: float, heading_error_rad: float):
    """(x, y, direction) (n,) in the vehicle's frame of the lane's middle at arc lengths ahead, by trapezoids.

    `curvature` (n,) in 1/m at `distance_m` (n,), beginning beside the vehicle.
    """
    steps = np.diff(distance_m)

    def summed(values, start):
        return start + np.concatenate([[0.0], np.cumsum(0.5 * steps * (values[1:] + values[:-1]))])

    direction = summed(curvature, -heading_error_rad)
    # The lane's middle beside the vehicle lies across the lane's own direction
    x = summed(np.cos(direction), offset_m * math.sin(direction[0]))
    y = summed(np.sin(direction), -offset_m * math.cos(direction[0]))
    return x, y, direction


def line_cubic(x, y, direction, left_m) -> np.ndarray:
    """c0..c3 of a line that runs `left_m` (a number or (n,)) to the left of the middle."""
    return np.polynomial.polynomial.polyfit(x - left_m * np.sin(direction), y + left_m * np.cos(direction), 3)
