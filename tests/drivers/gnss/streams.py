"""Streams of receivers and what the kernel makes of them, for the tests of both protocols."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from autonomy import msg
from drivers.serial.route_config import read
from drivers.serial.router import SerialRouter

START_NS = 1_767_614_400_000_000_000  # 2026-01-05 12:00 UTC
BYTE_NS = 20_000  # of the line in these tests: a whole stream lasts less than a frame may take

KINDS = {"ubx": ["gnss", "imu"], "nmea": ["gnss"], "mtdata2": ["imu"]}


def router(protocol: str, **keys) -> SerialRouter:
    table = {"port": "x", "protocol": protocol, "source": 3, "kinds": KINDS[protocol]}
    return SerialRouter(read({"port": [table | keys]}, "test"))


def decoded(port: SerialRouter, stream: bytes, pieces: list[int] | None = None) -> list[tuple[str, np.ndarray]]:
    """Samples of a stream that comes in pieces of these sizes, then byte by byte; a piece has the time of its last byte."""
    found, position = [], 0
    for size in [*(pieces or []), *[1] * len(stream)]:
        piece = stream[position : position + size]
        position += len(piece)
        if piece:
            found += port.samples(0, position * BYTE_NS, piece)
    return found


def contents(samples: list[tuple[str, np.ndarray]]) -> list[tuple]:
    """Kind and every field but the times of arrival; NaN as None."""
    return [(kind, *(None if value != value else value for value in told(row).values())) for kind, row in samples]


def told(row: np.ndarray) -> dict:
    """The fields of a sample beside its times and padding."""
    names = [name for name in row.dtype.names if name not in ("valid_time_ns", "received_time_ns", "padding")]
    return {name: row[name][0].item() for name in names}


def known(row: np.ndarray) -> dict:
    """What a sample tells: as the twins say it."""
    unknown = {"fix_type": 255, "satellites": 255, "utc_time_ns": 0}
    return {name: value for name, value in told(row).items()
            if name != "source" and value == value and unknown.get(name) != value}  # fmt: skip


def fix(index: int, **changes) -> np.ndarray:
    """A fix of 10 Hz, one row of GnssSample."""
    row = np.zeros(1, msg.dtype("GnssSample"))[0]
    values = {
        "utc_time_ns": START_NS + index * 100_000_000, "latitude_deg": 48.2 + 2e-5 * index, "longitude_deg": -11.6 - 1e-5 * index,
        "altitude_m": 500.25, "velocity_east": -3.5, "velocity_north": 20.125, "velocity_up": 0.25, "speed": 20.5,
        "course_deg": 350.125, "position_sigma": 0.35, "altitude_sigma": 0.6, "speed_sigma": 0.05, "course_sigma_deg": 0.3,
        "fix_type": 3, "satellites": 14,
    }  # fmt: skip
    for name, value in (values | changes).items():
        row[name] = value
    return row


def imu(index: int) -> np.ndarray:
    row = np.zeros(1, msg.dtype("ImuSample"))[0]
    for place, axis in enumerate("xyz"):
        row[f"acceleration_{axis}"], row[f"angular_rate_{axis}"] = place - 0.5 * index, 0.01 * (place + 1) * (-1) ** index
    return row


PIECES = st.lists(st.integers(1, 300), max_size=20)
