"""Made-up runs for the report's tests: every message filled with plain, finite, wavy numbers."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic
from autonomy.playback.metrics import TickTimes

ORIGIN = (37.4, -122.1, 20.0)
VALID = ("POSITION_VALID", "VELOCITY_VALID", "YAW_ALIGNED")
START_NS = 1_000_000_000_000

METRICS: dict[str, Any] = {
    "schema": "autonomy.replay/1",
    "verdict": "pass",
    "exit_code": 0,
    "version": "0.1.0",
    "config_hash": "c" * 64,
    "calibration_hash": "d" * 64,
    "log": {"path": "drives/highway.mcap", "sha256": "a" * 64, "duration_s": 60.0, "truncated": False, "last_good_ns": None},
    "mode": "raw",
    "ticks": 6000,
    "realtime_factor": 412.3,
    "startup_s": 0.31,
    "tick_us": {"p50": 14.05, "p99": 21.4, "max": 96.2},
    "output_sha256": "e" * 64,
    "determinism": {"equal": True, "first_difference": None},
    "drops": {
        "imu": {"received": 6000, "used": 6000, "unusable": 0, "max_gap_ms": 12.0},
        "gnss": {"received": 600, "used": 590, "unusable": 10, "max_gap_ms": 210.0},
    },
    "oddities": {"unsorted": 3, "late": 0},
    "clocks": {"gnss_position": {"delay_s": 0.085, "sigma_s": 0.004, "offset_s": None, "rate_ppm": None}},
    "aids": {
        "gnss_position": {"accepted": 590, "rejected": 3, "nis_per_dof": 0.93, "share_over_95": 0.04},
        "wheel_speed": {"accepted": 4000, "rejected": 900, "nis_per_dof": 2.4, "share_over_95": 0.21},
    },
    "reference": {
        "position_rms_m": 0.41,
        "position_rms_offset_free_m": 0.22,
        "velocity_rms_mps": 0.041,
        "velocity_rms_3d_mps": 0.08,
        "course_rms_deg": 0.1,
        "heading_rms_deg": 0.24,
        "inside_3_sigma_share": 0.995,
    },
    "speed_scale": 0.9912,
    "outages": [
        {"start_s": 20.0, "duration_s": 40.0, "distance_m": 1160.0, "drift_m": 6.2, "drift_percent": 0.53},
        {"start_s": 30.0, "duration_s": 30.0, "distance_m": 870.0, "drift_m": 3.2, "drift_percent": 0.37},
    ],
    "outage_median_percent": 0.45,
    "outage_p90_percent": 0.52,
    "outage_max_percent": 0.53,
    "shadow": {
        "road_wheel_angle_rad": {"samples": 5800, "rms": 0.0031, "mean": 0.0002, "correlation": 0.93},
        "acceleration_mps2": {"samples": 5800, "rms": 0.31, "mean": 0.01, "correlation": 0.5},
        "lead_distance_m": {"samples": 900, "rms": 0.4, "mean": 0.05, "correlation": 0.99},
        "lead_share": 0.8,
    },
    "faults": [],
    "path": "recorded from the same drive",
}


@dataclass
class MadeUpRun:
    """Stands in for a Result: metrics and topics."""

    metrics: dict[str, Any]
    outputs: np.ndarray
    reference: np.ndarray = field(default_factory=lambda: np.zeros(0, msg.dtype("ReferencePose")))
    path: np.ndarray | None = None
    start_ns: int | None = START_NS
    outage_runs: list[np.ndarray] = field(default_factory=list)
    log_path: Path | None = None
    truth: dict[str, np.ndarray] | None = None
    scans: dict[str, np.ndarray] | None = None

    def topic(self, name: str) -> np.ndarray:
        return self.outputs[name]

    shown = topic
    shown_ticks = None

    @property
    def reference_ego(self) -> np.ndarray:
        return self.outputs["ego"]

    def sampled(self, name: str, ticks: np.ndarray) -> np.ndarray:
        return self.outputs[name][ticks]


def tick_times(ticks: int = 6000) -> TickTimes:
    times = TickTimes()
    times.take(np.random.default_rng(1).lognormal(np.log(14_000), 0.12, ticks).astype(np.int64))
    return times


def run(ticks: int = 6000, *, with_reference: bool = True) -> MadeUpRun:
    """A drive along a gentle curve at 28 m/s."""
    out = np.zeros(ticks, dtype_without_tracks())
    time = np.arange(ticks) * 0.01
    time_ns = START_NS + (np.arange(ticks) + 1) * 10_000_000
    noise = np.random.default_rng(0)
    for name in out.dtype.names:
        if out.dtype[name].names:
            out[name]["time_ns"] = time_ns
    yaw = 0.6 + 0.012 * time + 0.05 * np.sin(0.2 * time)
    speed = 28.0 + 2.0 * np.sin(0.1 * time)
    velocity = np.stack([speed * np.cos(yaw), speed * np.sin(yaw), np.full(ticks, 0.2)], axis=1)
    position = np.cumsum(velocity * 0.01, axis=0)
    _ego(out["ego"], time, yaw, speed, velocity, position, noise)
    _others(out, time, speed)
    reference = _reference(time_ns, yaw, velocity, position)[: None if with_reference else 0]
    path = position[::50, :2].copy() if with_reference else None
    outage = out["ego"][ticks // 3 :].copy()
    outage["position"][:, :2] += np.linspace(0, 6.0, len(outage))[:, None]
    return MadeUpRun(copy.deepcopy(METRICS), out, reference, path, outage_runs=[outage] if with_reference else [])


def dtype_without_tracks() -> np.dtype:
    """OutputFrame without the tracks behind the head of their list, as `Result.shown` gives it."""
    frame = msg.dtype("OutputFrame")
    parts = {name: frame[name] for name in frame.names}
    heads = parts["tracks"]
    kept = [name for name in heads.names if name not in ("count", "count_padding", "tracks")]
    parts["tracks"] = np.dtype([(name, heads[name]) for name in kept])
    return np.dtype(list(parts.items()))


def _ego(ego, time, yaw, speed, velocity, position, noise) -> None:
    ticks = len(time)
    ego["origin_latitude_deg"], ego["origin_longitude_deg"], ego["origin_altitude_m"] = ORIGIN
    settle = np.exp(-time / 1.5)
    ego["position"] = position + 0.3 * np.sin(0.7 * time)[:, None] + 3.0 * settle[:, None]
    ego["velocity"] = velocity + 0.05 * noise.standard_normal((ticks, 3))
    ego["yaw"], ego["course"], ego["speed"] = yaw + 0.02, yaw, speed
    ego["sigma"][:, :3], ego["sigma"][:, 3:6], ego["sigma"][:, 6:] = 0.25, 0.05, 0.004
    ego["sigma"] += 3.0 * settle[:, None]
    ego["acceleration"][:, 0] = 0.2 * np.cos(0.1 * time)
    ego["angular_rate"][:, 2] = np.gradient(yaw) / 0.01 if ticks > 1 else 0.0
    ego["gyro_bias"], ego["gyro_bias_sigma"] = 0.001, (0.002 * np.exp(-time / 20))[:, None]
    ego["accelerometer_bias"], ego["accelerometer_bias_sigma"] = 0.05, (0.1 * np.exp(-time / 20))[:, None]
    ego["mounting"], ego["mounting_sigma"] = 0.01, (0.02 * np.exp(-time / 10))[:, None]
    ego["speed_scale"], ego["speed_scale_sigma"] = 0.9914 + 0.004 * settle, 0.01 * np.exp(-time / 15) + 0.0005
    for source, delay in (("gnss_position", 0.085), ("gnss_velocity", 0.145), ("wheel", 0.02)):
        ego[f"{source}_delay_s"], ego[f"{source}_delay_sigma_s"] = delay, 0.05 * np.exp(-time / 10) + 0.003
    status = msg.constants("EgoState")
    ego["status"] = np.where(time > 1.0, sum(status[f"STATUS_{name}"] for name in VALID), 0)
    for place, every in ((0, 10), (2, 1)):
        aid = ego["aids"][:, place]
        aid["accepted"] = np.arange(ticks) // every
        aid["innovation"], aid["innovation_sigma"] = noise.standard_normal((ticks, 3)) * 0.3, 0.35
        aid["test_ratio"] = noise.chisquare(2, ticks) / 9.2


def _others(out, time, speed) -> None:
    wave = 0.01 * np.sin(0.2 * time)
    out["vehicle"]["road_wheel_angle"], out["vehicle"]["speed"] = wave, 0.9914 * speed
    out["vehicle"]["driver_acceleration"] = 0.2 * np.cos(0.1 * time)
    out["actuation"]["road_wheel_angle_rad"], out["actuation"]["acceleration_mps2"] = wave * 1.1, 0.25 * np.cos(0.1 * time)
    out["actuation"]["mode"] = np.where(time > 2.0, 3, 0)
    out["actuation"]["limited"] = np.where((time > 20) & (time < 22), 1, 0)
    out["control"]["lateral_active"] = out["control"]["longitudinal_active"] = time > 2.0
    out["plan"]["target_speed"], out["plan"]["behaviour"] = 29.0, np.where(time < 2, 0, np.where(time < 30, 1, 2))
    out["plan"]["reason"] = np.where(time < 30, 0, 1)
    out["lane"]["status"], out["lane"]["source"] = np.where(time > 1.0, 1, 0), 1
    out["lane"]["offset"], out["lane"]["sigma"] = 0.2 * np.sin(0.3 * time), 0.05
    out["lane"]["valid_distance_m"] = 155.0
    out["health"]["faults"], out["health"]["level"] = np.where(time < 1.0, 32, 0), np.where(time < 1.0, 1, 0)
    out["truck"]["mass_kg"], out["truck"]["mass_sigma_kg"] = 39500.0, 1500.0 * np.exp(-time / 30.0) + 400.0
    out["tracks"]["lead_distance"] = np.where(time > 30, 45.0 - 0.2 * (time - 30), np.nan)
    out["tracks"]["lead_speed"] = np.where(time > 30, 27.5, np.nan)


def _reference(time_ns, yaw, velocity, position) -> np.ndarray:
    poses = np.zeros(len(time_ns[::5]), msg.dtype("ReferencePose"))
    poses["time_ns"] = time_ns[::5]
    poses["latitude_deg"], poses["longitude_deg"], poses["altitude_m"] = enu_to_geodetic(position[::5], ORIGIN)
    poses["velocity_east"], poses["velocity_north"], poses["velocity_up"] = velocity[::5].T
    poses["orientation"][:, 0], poses["orientation"][:, 3] = np.cos(0.5 * yaw[::5]), np.sin(0.5 * yaw[::5])
    return poses
