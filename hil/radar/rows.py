"""Detections of the emulator as a codec would give them."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from hil.radar.emulator import Detections, RadarSensor


def radar_detections(detections: Detections, sensor: RadarSensor) -> np.ndarray:
    """(n,) of RadarDetection, in the order of `detections.table`. The emulated radar tells no elevation."""
    rows, table = np.zeros(len(detections.table), msg.dtype("RadarDetection")), detections.table
    for name in ("range", "azimuth", "range_rate", "rcs_dbsm", "existence"):
        rows[name] = table[name]
    rows["time_ns"], rows["target_id"] = detections.time_ns, np.arange(len(rows))
    rows["x"], rows["y"] = detections.x - sensor.mounting_x_m, detections.y
    for name in ("elevation", "elevation_sigma", "multi_target", "ambiguity", "over_ground"):
        rows[name] = np.nan
    rows["range_sigma"], rows["azimuth_sigma"] = sensor.range_sigma_m, sensor.azimuth_sigma
    rows["range_rate_sigma"] = sensor.range_rate_sigma
    constants = msg.constants("RadarDetection")
    rows["flags"] = constants["INVALID_ELEVATION"] | constants["INVALID_ELEVATION_SIGMA"]
    return rows
