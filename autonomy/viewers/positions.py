"""Positions on the earth, for map panels: the estimate, the receivers' own fixes, the reference."""

from __future__ import annotations

import numpy as np

from autonomy.viewers import geometry
from autonomy.viewers.geometry import Poses
from autonomy.viewers.moments import VALID, Moments
from autonomy.viewers.motion import VEHICLE
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import Memory

FIX = Memory("sensor_msgs/NavSatFix", {"header.frame_id": VEHICLE})
NO_FIX, HAS_FIX = -1, 0  # NavSatStatus.status
UNKNOWN, DIAGONAL_KNOWN, KNOWN = 0, 2, 3  # position_covariance_type


def estimates(moments: Moments, poses: Poses) -> np.ndarray:
    """The estimate; without a fix and NaN while it is not valid."""
    ego = moments.outputs["ego"]
    rows = FIX.rows(len(ego))
    fill.stamp(rows["header"], moments.time_ns)
    _place(rows, geometry.geodetic(ego))
    rows["status"]["status"] = np.where(poses.known, HAS_FIX, NO_FIX)
    covariance = rows["position_covariance"]
    covariance[:, ::4] = np.square(ego["sigma"][:, :3])
    covariance[:, 1] = covariance[:, 3] = ego["covariance_xy"]
    rows["position_covariance_type"] = np.where(poses.known, KNOWN, UNKNOWN)
    return rows


def fixes(samples: np.ndarray) -> np.ndarray:
    """From rows of GnssSample, stamped with the time of the fix."""
    rows = FIX.rows(len(samples))
    fill.stamp(rows["header"], samples["valid_time_ns"])
    _place(rows, np.stack([samples[name] for name in ("latitude_deg", "longitude_deg", "altitude_m")], axis=1))
    usable = (samples["validity"] == VALID) & np.isfinite(samples["latitude_deg"]) & (samples["fix_type"] != 0)
    rows["status"]["status"] = np.where(usable, HAS_FIX, NO_FIX)
    told = np.isfinite(samples["position_sigma"])
    horizontal = np.square(np.where(told, samples["position_sigma"], 0.0))
    rows["position_covariance"][:, 0] = rows["position_covariance"][:, 4] = horizontal
    rows["position_covariance"][:, 8] = np.where(told, np.square(np.nan_to_num(samples["altitude_sigma"])), 0.0)
    rows["position_covariance_type"] = np.where(told, DIAGONAL_KNOWN, UNKNOWN)
    return rows


def references(poses: np.ndarray) -> np.ndarray:
    """From rows of ReferencePose."""
    rows = FIX.rows(len(poses))
    fill.stamp(rows["header"], poses["time_ns"])
    _place(rows, np.stack([poses[name] for name in ("latitude_deg", "longitude_deg", "altitude_m")], axis=1))
    return rows


def _place(rows: np.ndarray, geodetic: np.ndarray) -> None:
    for axis, name in enumerate(("latitude", "longitude", "altitude")):
        rows[name] = geodetic[:, axis]
