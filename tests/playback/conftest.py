"""A small drive, made of samples only: 4 s on a gentle left bend at 20 m/s, with IMU, GNSS and wheel speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic
from autonomy.log.writer import LogWriter
from autonomy.physics import STANDARD_GRAVITY_MPS2

START_NS = 1_000_000_000_000
SPEED, YAW_RATE = 20.0, 0.02
ORIGIN = (48.0, 11.0, 500.0)
VEHICLE = "vehicles/toyota_rav4_comma2k19"
NOT_IN_A_TICK = msg.constants("ImuInput")["NOT_IN_A_TICK"]


def samples(kind: str, times_ns: np.ndarray, **fields) -> tuple[np.ndarray, np.ndarray]:
    """(log times, list messages of one sample each) of an input kind."""
    rows = np.zeros(len(times_ns), msg.dtype(f"{kind.title()}Input"))
    rows["tick_index"], rows["count"] = NOT_IN_A_TICK, 1
    item = rows["items"][:, 0]
    item["valid_time_ns"] = item["received_time_ns"] = times_ns
    for name in item.dtype.names:
        if item.dtype[name] == np.float64:
            item[name] = fields.pop(name, np.nan)
    for name, value in fields.items():
        item[name] = value
    return times_ns, rows


def drive(duration_s: float = 4.0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Topic -> (log times, rows), as LogWriter.write_merged takes them."""

    def every(period_ns, offset_ns):
        return np.arange(START_NS + offset_ns, START_NS + round(duration_s * 1e9), period_ns)

    imu, gnss, wheel = every(10_000_000, 1_000_000), every(100_000_000, 50_000_000), every(20_000_000, 3_000_000)
    seconds = (gnss - START_NS) / 1e9
    yaw = 0.3 + YAW_RATE * seconds
    radius = SPEED / YAW_RATE
    enu = np.stack([radius * (np.sin(yaw) - np.sin(0.3)), radius * (np.cos(0.3) - np.cos(yaw)), np.zeros_like(yaw)], axis=1)
    latitude, longitude, altitude = enu_to_geodetic(enu, ORIGIN)
    zero = np.zeros(len(imu))
    return {
        "/in/imu": samples("imu", imu, acceleration_x=zero, acceleration_y=zero + SPEED * YAW_RATE,
                           acceleration_z=zero + STANDARD_GRAVITY_MPS2,
                           angular_rate_x=zero, angular_rate_y=zero, angular_rate_z=zero + YAW_RATE),
        "/in/gnss": samples("gnss", gnss, latitude_deg=latitude, longitude_deg=longitude, altitude_m=altitude, speed=SPEED,
                            course_deg=90.0 - np.degrees(yaw), fix_type=3),
        "/in/wheel": samples("wheel", wheel, vehicle_speed=SPEED),
    }  # fmt: skip


def write(path: Path, streams, vehicle: str = VEHICLE) -> Path:
    with LogWriter(path, {"vehicle": vehicle}) as writer:
        writer.write_merged(streams)
    return path


@pytest.fixture(scope="session")
def small_log(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("logs") / "small.mcap", drive())
