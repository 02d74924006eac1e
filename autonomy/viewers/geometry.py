"""What the outputs mean in space, for many ticks at once: the vehicle's pose, the lane's lines, the paths of the plan.

Vehicle frame: x forward, y left from the reference point on the ground under the drive axle. Map frame: east, north, up
about the ego filter's origin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic

STEP_M = msg.constants("LaneState")["PREVIEW_STEP_M"]
STOP_STEP_M = msg.constants("Plan")["FALLBACK_STEP_M"]
BEHIND_M = 20.0  # the lane is drawn from here
LINE_POINTS = 24
STOP_POINTS = 16
DRAWN_STEP_M = 2.0**-8  # coordinates are drawn to 4 mm: the bytes that leaves zero pack well
TURN_STEP = 2.0**-14  # of a quaternion's parts
POSITION_VALID = msg.constants("EgoState")["STATUS_POSITION_VALID"]


class Lines(NamedTuple):
    """Of n ticks, (n, LINE_POINTS, 2) metres in the vehicle frame; zero where `known` (n,) is False."""

    known: np.ndarray
    left: np.ndarray
    right: np.ndarray
    wanted: np.ndarray  # where the plan wants the vehicle, from where it is


class Poses(NamedTuple):
    """Of n ticks, always finite: before the filter has started the vehicle stands in the map's origin."""

    known: np.ndarray  # (n,) the position is valid
    position: np.ndarray  # (n, 3) m, map
    quaternion: np.ndarray  # (n, 4) x, y, z, w: vehicle to map


def poses(ego: np.ndarray) -> Poses:
    """From rows of EgoState."""
    position, quaternion = ego["position"].copy(), ego["orientation"][:, [1, 2, 3, 0]]
    finite = np.isfinite(position).all(axis=1) & np.isfinite(quaternion).all(axis=1) & quaternion.any(axis=1)
    position[~finite] = 0.0
    quaternion[~finite] = (0.0, 0.0, 0.0, 1.0)
    return Poses(finite & ((ego["status"] & POSITION_VALID) > 0), position, quaternion)


def geodetic(ego: np.ndarray) -> np.ndarray:
    """(n, 3) latitude and longitude in degrees, altitude in metres; NaN while the position is not valid."""
    found = np.full((len(ego), 3), np.nan)
    known = poses(ego).known
    origins = np.stack([ego[f"origin_{name}"] for name in ("latitude_deg", "longitude_deg", "altitude_m")], axis=1)
    for origin in np.unique(origins[known], axis=0):  # one, unless the filter started over
        rows = known & (origins == origin).all(axis=1)
        found[rows] = np.stack(enu_to_geodetic(ego["position"][rows], tuple(origin)), axis=1)
    return found


def lines(lane: np.ndarray, lateral_target_m: np.ndarray) -> Lines:
    """From rows of LaneState: as far ahead as its preview is valid."""
    behind = int(BEHIND_M / STEP_M)
    known = (lane["status"] > 0) & np.isfinite(lane["offset"]) & np.isfinite(lane["heading_error"])
    curvature = np.concatenate([np.repeat(lane["curvature"][:, None], behind, axis=1), lane["preview"]], axis=1)
    curvature = np.where(known[:, None] & np.isfinite(curvature), curvature, 0.0)
    offset, heading = (np.where(known, lane[name], 0.0) for name in ("offset", "heading_error"))
    path = integrated(curvature, STEP_M, behind, -heading)
    path[:, :, 1] -= offset[:, None]
    most = STEP_M * (lane["preview"].shape[1] - 1)
    ahead = np.clip(np.nan_to_num(lane["valid_distance_m"]), STEP_M, most)
    share = np.linspace(0.0, 1.0, LINE_POINTS)
    whole = sampled(path, share * (BEHIND_M + ahead)[:, None] / STEP_M)
    onward = sampled(path, (BEHIND_M + share * ahead[:, None]) / STEP_M)
    found = (
        _beside(whole, lane["width_left"]), _beside(whole, -lane["width_right"]), _beside(onward, lateral_target_m)
    )  # fmt: skip
    return Lines(known, *(np.where(known[:, None, None], rounded(each, DRAWN_STEP_M), 0.0) for each in found))


def _beside(path: np.ndarray, distance_m: np.ndarray) -> np.ndarray:
    """(n, k, 2): paths moved to the left by (n,)."""
    normal = np.stack([-np.sin(path[:, :, 2]), np.cos(path[:, :, 2])], axis=2)
    return path[:, :, :2] + np.nan_to_num(distance_m)[:, None, None] * normal


def stop_paths(plan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(valid (n,), points (n, STOP_POINTS, 2) in the vehicle frame) of the fallback stop, from rows of Plan."""
    valid = (plan["fallback_valid"] > 0) & np.isfinite(plan["fallback_distance"])
    curvature = np.where(valid[:, None] & np.isfinite(plan["fallback_curvature"]), plan["fallback_curvature"], 0.0)
    path = integrated(curvature, STOP_STEP_M, 0, np.zeros(len(plan)))
    most = STOP_STEP_M * (curvature.shape[1] - 1)
    distance = np.where(valid, np.clip(plan["fallback_distance"], 0.0, most), 0.0)
    points = sampled(path, np.linspace(0.0, 1.0, STOP_POINTS) * distance[:, None] / STOP_STEP_M)
    return valid, rounded(points[:, :, :2], DRAWN_STEP_M)


def integrated(curvature: np.ndarray, step_m: float, origin: int, heading: np.ndarray) -> np.ndarray:
    """(n, k, 3): x, y, heading of paths with `curvature` (n, k) every step; vertex `origin` lies at 0, 0, `heading` (n,)."""
    turned = np.zeros_like(curvature)
    np.cumsum(0.5 * step_m * (curvature[:, 1:] + curvature[:, :-1]), axis=1, out=turned[:, 1:])
    turned += (heading - turned[:, origin])[:, None]
    between = 0.5 * (turned[:, 1:] + turned[:, :-1])
    path = np.zeros((*curvature.shape, 3))
    np.cumsum(step_m * np.cos(between), axis=1, out=path[:, 1:, 0])
    np.cumsum(step_m * np.sin(between), axis=1, out=path[:, 1:, 1])
    path[:, :, :2] -= path[:, origin : origin + 1, :2].copy()
    path[:, :, 2] = turned
    return path


def sampled(path: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Paths (n, k, d) at the fractional vertices `places` (n, m), linearly between them."""
    low = np.clip(places.astype(int), 0, path.shape[1] - 2)
    share = (places - low)[:, :, None]
    rows = np.arange(len(path))[:, None]
    return (1.0 - share) * path[rows, low] + share * path[rows, low + 1]


def rounded(values: np.ndarray, step: float) -> np.ndarray:
    return np.round(values / step) * step


def rotated(quaternion: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) turned by quaternions (..., 4) x, y, z, w."""
    (x, y, z, w), (a, b, c) = np.moveaxis(quaternion, -1, 0), np.moveaxis(vectors, -1, 0)
    s, t, u = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return np.stack([a + w * s + y * u - z * t, b + w * t + z * s - x * u, c + w * u + x * t - y * s], axis=-1)


def yaw_quaternion(yaw: np.ndarray) -> np.ndarray:
    """(..., 4) x, y, z, w of turns about z."""
    found = np.zeros((*np.shape(yaw), 4))
    found[..., 2], found[..., 3] = np.sin(0.5 * yaw), np.cos(0.5 * yaw)
    return found
