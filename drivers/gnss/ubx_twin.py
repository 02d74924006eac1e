"""UBX stated plainly, on a whole stream at once; tests hold ext/drivers/gnss/_ubx.pyx to it."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta

from drivers.gnss.ubx import ACCELEROMETER_UNIT, ESF_MEAS, GYROSCOPE_UNIT, NAV_PVT, PVT, READING_TYPES, SYNC, checksum

LONGEST = 1024  # bytes of a frame
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode(stream: bytes, kinds: tuple[str, ...] = ("gnss", "imu")) -> list[tuple[str, dict[str, float], int]]:
    """(kind, fields that are known, position of the last byte) of every sample in the stream. The axes are the sensor's."""
    found: list[tuple[str, dict[str, float], int]] = []
    readings: dict[int, float] = {}
    tag = None
    for end, name, payload in frames(stream):
        if name == NAV_PVT and "gnss" in kinds:
            found.append(("gnss", fix(payload), end))
        elif name == ESF_MEAS and "imu" in kinds:
            new_tag, flags = struct.unpack_from("<IH", payload)
            if 8 + 4 * (flags >> 11) > len(payload):
                continue
            if new_tag != tag:
                readings, tag = {}, new_tag
            for word in struct.unpack_from(f"<{flags >> 11}I", payload, 8):
                if (kind := word >> 24 & 63) in READING_TYPES:
                    readings[kind] = (((word & 0xFFFFFF) ^ 0x800000) - 0x800000) * (
                        ACCELEROMETER_UNIT if kind >= 16 else GYROSCOPE_UNIT)  # fmt: skip
            if len(readings) == 6:
                names = [f"{quantity}_{axis}" for quantity in ("acceleration", "angular_rate") for axis in "xyz"]
                found.append(("imu", {key: readings[kind] for key, kind in zip(names, READING_TYPES, strict=True)}, end))
                readings, tag = {}, None
    return found


def frames(stream: bytes):
    """(position of the last byte, (class, id), payload) of each sound frame."""
    position = stream.find(SYNC)
    while position >= 0 and position + 6 <= len(stream):
        name, length = (stream[position + 2], stream[position + 3]), int.from_bytes(stream[position + 4 : position + 6], "little")
        possible = {
            NAV_PVT: length in (84, 92),
            ESF_MEAS: 8 <= length <= 136 and length % 4 == 0,
        }.get(name, length + 8 <= LONGEST)
        end = position + 8 + length
        if possible and end > len(stream):
            return
        if possible and checksum(stream[position + 2 : end - 2]) == stream[end - 2 : end]:
            yield end - 1, name, stream[position + 6 : end - 2]
            position = stream.find(SYNC, end)
        else:
            position = stream.find(SYNC, position + 1)


def fix(payload: bytes) -> dict[str, float]:
    """Fields of a GnssSample that a NAV-PVT tells."""
    (_, year, month, day, hour, minute, second, valid, _, nano, fix_type, flags, _, satellites, longitude, latitude, height, _,
     position_sigma, altitude_sigma, north, east, down, speed, course, speed_sigma, course_sigma, _, flags3, *_) = PVT.unpack(
         payload.ljust(PVT.size, b"\0"))  # fmt: skip
    told: dict[str, float] = {"satellites": satellites, "fix_type": {2: 2, 3: 3, 4: 3}.get(fix_type, 0)}
    if valid & 3 == 3:
        day_start = _date(year, month, day)
        told["utc_time_ns"] = day_start + ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nano
    if not flags & 1 or fix_type not in (2, 3, 4) or flags3 & 1:
        return told | {"validity": 1}
    return told | {
        "longitude_deg": longitude / 1e7, "latitude_deg": latitude / 1e7, "altitude_m": height / 1e3,
        "position_sigma": position_sigma / 1e3, "altitude_sigma": altitude_sigma / 1e3, "velocity_north": north / 1e3,
        "velocity_east": east / 1e3, "velocity_up": -(down / 1e3), "speed": speed / 1e3, "course_deg": course / 1e5,
        "speed_sigma": speed_sigma / 1e3, "course_sigma_deg": course_sigma / 1e5, "validity": 0,
    }  # fmt: skip


def _date(year: int, month: int, day: int) -> int:
    """Nanoseconds of a date since 1970."""
    whole = (datetime(year, month, 1, tzinfo=UTC) + timedelta(days=day - 1) - EPOCH) // timedelta(microseconds=1)
    return whole * 1000 if math.isfinite(whole) else 0
