"""Estimated against reference motion at the reference's times, with the filter's own 3-sigma bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic, geodetic_to_enu


@dataclass(frozen=True)
class Errors:
    """Arrays (n,) over `time_ns`; errors are estimate minus reference, forward and left seen from the reference's heading."""

    time_ns: np.ndarray
    position: dict[str, tuple[np.ndarray, np.ndarray]]  # "forward", "left", "up": error in m, its sigma
    velocity: dict[str, tuple[np.ndarray, np.ndarray]]  # in m/s
    heading: tuple[np.ndarray, np.ndarray]  # rad, the mean left out
    heading_mean: float  # rad, the constant turn between the two vehicles' axes


def origin_of(ego: np.ndarray) -> tuple[float, float, float] | None:
    """Latitude, longitude in degrees, altitude in m of the first ENU frame the filter settled on; None before a fix."""
    settled = np.flatnonzero((ego["status"] & msg.constants("EgoState")["STATUS_POSITION_VALID"]) > 0)
    if not settled.size:
        return None
    row = ego[settled[0]]
    return float(row["origin_latitude_deg"]), float(row["origin_longitude_deg"]), float(row["origin_altitude_m"])


def positions(ego: np.ndarray, origin: tuple[float, float, float]) -> np.ndarray:
    """(n, 3) ENU metres about one origin, NaN where the filter knows no position; a filter that began anew is joined on."""
    known = (ego["status"] & msg.constants("EgoState")["STATUS_POSITION_VALID"]) > 0
    found = np.where(known[:, None], ego["position"], np.nan)
    frames = np.stack([ego["origin_latitude_deg"], ego["origin_longitude_deg"], ego["origin_altitude_m"]], axis=1)
    for frame in np.unique(frames[known], axis=0):
        if tuple(frame) != origin:
            rows = known & (frames == frame).all(axis=1)
            found[rows] = geodetic_to_enu(*enu_to_geodetic(ego["position"][rows], tuple(frame)), origin)
    return found


def reference_positions(poses: np.ndarray, origin: tuple[float, float, float]) -> np.ndarray:
    """(n, 3) ENU metres about the origin."""
    return geodetic_to_enu(poses["latitude_deg"], poses["longitude_deg"], poses["altitude_m"], origin)


def yaw_of(orientation: np.ndarray) -> np.ndarray:
    """Yaw in rad of quaternions w, x, y, z of shape (n, 4)."""
    w, x, y, z = np.moveaxis(orientation, -1, 0)
    return np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def compare(ego: np.ndarray, poses: np.ndarray) -> Errors | None:
    """Errors at every reference time that the estimate covers; None without two common times.

    The estimate is interpolated linearly between ticks. Off the diagonal only the east-north position covariance is
    known, so the bounds of velocity leave out the correlation of its axes.
    """
    origin = origin_of(ego)
    if origin is None or len(poses) < 2 or len(ego) < 2:
        return None
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(ego["time_ns"])) > 0])
    ego = ego[rising]
    poses = poses[(poses["time_ns"] >= ego["time_ns"][0]) & (poses["time_ns"] <= ego["time_ns"][-1])]
    if len(poses) < 2 or len(ego) < 2:
        return None
    at, known_at = (poses["time_ns"] - ego["time_ns"][0]) / 1e9, (ego["time_ns"] - ego["time_ns"][0]) / 1e9

    def there(values: np.ndarray) -> np.ndarray:
        return np.interp(at, known_at, values)

    yaw = yaw_of(poses["orientation"])
    position = np.stack([there(column) for column in positions(ego, origin).T], axis=1) - reference_positions(poses, origin)
    truth = np.stack([poses["velocity_east"], poses["velocity_north"], poses["velocity_up"]], axis=1)
    velocity = np.stack([there(column) for column in ego["velocity"].T], axis=1) - truth
    velocity[np.isnan(position[:, 0])] = np.nan
    sigma = np.stack([there(column) for column in ego["sigma"].T], axis=1)
    heading = there(np.unwrap(np.nan_to_num(ego["yaw"]))) - np.unwrap(yaw)
    heading = np.where(np.isnan(position[:, 0]), np.nan, (heading + np.pi) % (2.0 * np.pi) - np.pi)
    usable = heading[np.isfinite(heading)]
    # The mean of directions, not of numbers: the constant turn may lie near half a turn
    mean = float(np.angle(np.exp(1j * usable).mean())) if usable.size else 0.0
    heading = (heading - mean + np.pi) % (2.0 * np.pi) - np.pi
    return Errors(
        poses["time_ns"],
        _along(position, sigma[:, 0:3], there(ego["covariance_xy"]), yaw),
        _along(velocity, sigma[:, 3:6], np.zeros(len(at)), yaw),
        (heading, sigma[:, 8]),
        mean,
    )


def _along(
    error: np.ndarray, sigma: np.ndarray, covariance: np.ndarray, yaw: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """East-north-up errors and sigmas turned into forward, left, up."""
    c, s = np.cos(yaw), np.sin(yaw)
    east, north = sigma[:, 0] ** 2, sigma[:, 1] ** 2
    forward = c * c * east + s * s * north + 2.0 * c * s * covariance
    left = s * s * east + c * c * north - 2.0 * c * s * covariance
    return {
        "forward": (c * error[:, 0] + s * error[:, 1], np.sqrt(np.maximum(forward, 0.0))),
        "left": (-s * error[:, 0] + c * error[:, 1], np.sqrt(np.maximum(left, 0.0))),
        "up": (error[:, 2], sigma[:, 2]),
    }
