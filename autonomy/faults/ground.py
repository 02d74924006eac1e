"""Metres on the ground as degrees of longitude and latitude, for shifting a GNSS position."""

from __future__ import annotations

import numpy as np

from autonomy.geodesy import ECCENTRICITY_SQUARED, EQUATOR_RADIUS_M


def degrees_per_metre(direction: str, latitude_deg: np.ndarray) -> np.ndarray:
    """Of longitude (`east`) or latitude (`north`), by the radii of curvature of WGS 84 at zero altitude."""
    latitude = np.radians(latitude_deg)
    flatness = 1.0 - ECCENTRICITY_SQUARED * np.sin(latitude) ** 2
    if direction == "east":
        return np.degrees(np.sqrt(flatness) / (EQUATOR_RADIUS_M * np.cos(latitude)))
    return np.degrees(flatness * np.sqrt(flatness) / (EQUATOR_RADIUS_M * (1.0 - ECCENTRICITY_SQUARED)))
