"""What a forward camera makes of a line: one cubic about the vehicle, fitted over all of the line that it sees.

Seen from a straight, a bend that begins ahead is in the cubic already; in a transition its end is too.
"""

from __future__ import annotations

import math

import numpy as np

from hil.sensors.realism import LANE_PIXEL_RAD, LANE_POINT_EVERY_M, LANE_POINT_SIGMA_M, LANE_SWAY_SIGMA


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


def line_cubic(x, y, direction, left_m, error_m=0.0) -> np.ndarray:
    """c0..c3 of a line that runs `left_m` (a number or (n,)) to the left of the middle, seen with an error at each point."""
    return np.polynomial.polynomial.polyfit(x - left_m * np.sin(direction), y + left_m * np.cos(direction) + error_m, 3)


def point_sigma(distance_m: np.ndarray) -> np.ndarray:
    """(n,) m, of points of a line at equal steps ahead; denser points are so much worse each."""
    every = distance_m[1] - distance_m[0]
    return np.hypot(LANE_POINT_SIGMA_M, LANE_PIXEL_RAD * distance_m) * math.sqrt(LANE_POINT_EVERY_M / every)


def sway(distance_m: np.ndarray, normal) -> np.ndarray:
    """(n,) m, what a shaken camera moves all lines by; `normal` (2,) standard normal."""
    return LANE_SWAY_SIGMA[0] * normal[0] + LANE_SWAY_SIGMA[1] * normal[1] * distance_m


def cubic_sigma(distance_m: np.ndarray) -> np.ndarray:
    """(4,) of c0..c3 that a cubic over points at these distances has."""
    reach = distance_m[-1]
    scale = reach ** np.arange(4)
    to_cubic = np.linalg.pinv(np.vander(distance_m / reach, 4, increasing=True)) / scale[:, None]
    sigma = np.sqrt(to_cubic**2 @ point_sigma(distance_m) ** 2)
    return np.hypot(sigma, (*LANE_SWAY_SIGMA, 0.0, 0.0))
