"""WGS 84 conversions between geodetic coordinates, ECEF and a local east-north-up frame. Arrays of shape (..., 3)."""

from __future__ import annotations

import numpy as np

EQUATOR_RADIUS_M = 6378137.0  # WGS 84
FLATTENING = 1.0 / 298.257223563  # WGS 84
ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)


def geodetic_to_ecef(latitude_deg, longitude_deg, altitude_m) -> np.ndarray:
    """ECEF metres, shape (..., 3)."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    radius = EQUATOR_RADIUS_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(latitude) ** 2)
    return np.stack(
        [
            (radius + altitude_m) * np.cos(latitude) * np.cos(longitude),
            (radius + altitude_m) * np.cos(latitude) * np.sin(longitude),
            (radius * (1.0 - ECCENTRICITY_SQUARED) + altitude_m) * np.sin(latitude),
        ],
        axis=-1,
    )


def ecef_to_geodetic(ecef: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitude and longitude in degrees, altitude in metres (Bowring's start, then fixed-point steps to below 1 um)."""
    x, y, z = np.moveaxis(np.asarray(ecef, float), -1, 0)
    distance = np.hypot(x, y)
    latitude = np.arctan2(z, distance * (1.0 - ECCENTRICITY_SQUARED))
    for _ in range(6):
        radius = EQUATOR_RADIUS_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(latitude) ** 2)
        latitude = np.arctan2(z + ECCENTRICITY_SQUARED * radius * np.sin(latitude), distance)
    radius = EQUATOR_RADIUS_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(latitude) ** 2)
    # Either form alone loses its precision near the equator or near a pole
    along_equator, along_axis = np.cos(latitude), np.sin(latitude)
    altitude = np.where(
        np.abs(along_axis) < 0.7,
        distance / np.where(along_equator == 0.0, 1.0, along_equator) - radius,
        z / np.where(along_axis == 0.0, 1.0, along_axis) - radius * (1.0 - ECCENTRICITY_SQUARED),
    )
    return np.degrees(latitude), np.degrees(np.arctan2(y, x)), altitude


def enu_rotation(latitude_deg: float, longitude_deg: float) -> np.ndarray:
    """3 x 3 matrix that turns ECEF differences into east, north, up at one place."""
    sin_lat, cos_lat = np.sin(np.radians(latitude_deg)), np.cos(np.radians(latitude_deg))
    sin_lon, cos_lon = np.sin(np.radians(longitude_deg)), np.cos(np.radians(longitude_deg))
    return np.array(
        [
            [-sin_lon, cos_lon, 0.0],
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ]
    )


def geodetic_to_enu(latitude_deg, longitude_deg, altitude_m, origin: tuple[float, float, float]) -> np.ndarray:
    """East, north, up in metres about `origin` (latitude, longitude, altitude), shape (..., 3)."""
    difference = geodetic_to_ecef(latitude_deg, longitude_deg, altitude_m) - geodetic_to_ecef(*origin)
    return difference @ enu_rotation(origin[0], origin[1]).T


def enu_to_geodetic(enu: np.ndarray, origin: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inverse of `geodetic_to_enu`."""
    return ecef_to_geodetic(np.asarray(enu, float) @ enu_rotation(origin[0], origin[1]) + geodetic_to_ecef(*origin))
