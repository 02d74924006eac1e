"""Radar scans at random, as detections, frames and packets."""

from __future__ import annotations

import numpy as np

from autonomy.msg import constants, dtype
from drivers.radar import encoder
from drivers.radar.decoder import CAN_MODELS

START_NS = 1_700_000_000_000_000_000
DETECTION = constants("RadarDetection")


def targets(name: str, random: np.random.Generator, share: float = 0.5) -> np.ndarray:
    """RadarDetections that the radar on CAN can say, at about `share` of its places."""
    radar = CAN_MODELS[name]
    places = np.flatnonzero(random.random(radar.count) < share)
    rows = np.zeros(len(places), dtype("RadarDetection"))
    rows["target_id"] = radar.first_identifier + places
    rows["range"], rows["azimuth"] = random.uniform(1.0, 180.0, len(rows)), random.uniform(-0.12, 0.12, len(rows))
    rows["x"], rows["y"] = rows["range"] * np.cos(rows["azimuth"]), rows["range"] * np.sin(rows["azimuth"])
    rows["range_rate"] = random.uniform(-50.0, 50.0, len(rows))
    known = [signal.field for signal in radar.signals]
    for field, flag in (("is_new", "FLAG_NEW"), ("is_bridge", "FLAG_BRIDGE"), ("is_oncoming", "FLAG_ONCOMING")):
        if field in known:
            rows["flags"] |= np.where(random.random(len(rows)) < 0.3, DETECTION[flag], 0).astype(np.uint16)
    return rows


def frames(name: str, count: int, seed: int = 0) -> np.ndarray:
    """CanFrames of so many scans, one cycle apart."""
    radar, random = CAN_MODELS[name], np.random.default_rng(seed)
    return np.concatenate([encoder.can_frames(radar, targets(name, random), scan, START_NS + scan * radar.cycle_ns)
                           for scan in range(count)])  # fmt: skip


def detections(count: int, random: np.random.Generator) -> np.ndarray:
    """RadarDetections as float32 can say them; some values invalid."""
    rows = np.zeros(count, dtype("RadarDetection"))
    for name, least, most in (("range", 0.5, 300.0), ("azimuth", -1.0, 1.0), ("elevation", -0.3, 0.3),
                              ("range_rate", -60.0, 60.0),
                              ("range_sigma", 0.1, 1.0), ("azimuth_sigma", 0.001, 0.01), ("elevation_sigma", 0.001, 0.1),
                              ("range_rate_sigma", 0.05, 0.5)):  # fmt: skip
        rows[name] = random.uniform(least, most, count).astype(np.float32)
    rows["rcs_dbsm"] = random.integers(-40, 40, count)
    for name in ("existence", "multi_target", "ambiguity"):
        rows[name] = 0.01 * random.integers(0, 101, count)
    rows["target_id"], rows["object_id"] = np.arange(count), random.integers(0, 2000, count)
    rows["classification"] = random.integers(0, 5, count)
    rows["flags"] = np.where(random.random(count) < 0.2, random.integers(0, 256, count), 0)
    return rows


def objects(count: int, random: np.random.Generator) -> np.ndarray:
    rows = np.zeros(count, dtype("RadarObject"))
    for name in rows.dtype.names:
        if rows.dtype[name] == np.float64:
            rows[name] = random.uniform(-50.0, 50.0, count).astype(np.float32)
    rows["existence"] = 0.01 * random.integers(0, 101, count)
    rows["object_id"], rows["age"] = random.integers(0, 2**32, count), random.integers(0, 2**16, count)
    for name in ("measured", "movement", "reference"):
        rows[name] = random.integers(0, 9, count)
    rows["likelihood"] = random.integers(0, 101, (count, 10))
    return rows
