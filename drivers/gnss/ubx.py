"""UBX frames from values: what a receiver would send, for the rig and for tests. The reader is ext/drivers/gnss/_ubx.pyx.

Source: u-blox 8 / M8 Receiver Description Including Protocol Specification, UBX-13003221, chapter 32 (NAV-PVT, ESF-MEAS).
"""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime

from drivers.serial.axes import on_sensor

SYNC = b"\xb5\x62"
NAV_PVT, ESF_MEAS = (0x01, 0x07), (0x10, 0x02)  # class, id
# iTOW; year, month, day, hour, minute, second, valid; tAcc, nano; fixType, flags, flags2, numSV; lon, lat, height, hMSL;
# hAcc, vAcc; velN, velE, velD, gSpeed, headMot; sAcc, headAcc; pDOP, flags3, reserved; headVeh, magDec, magAcc
PVT = struct.Struct("<IHBBBBBBIiBBBBiiiiIIiiiiiIIHH4sihH")
MEAS = struct.Struct("<IHH6I")
READING_TYPES = (16, 17, 18, 14, 13, 5)  # accelerometer x y z, gyroscope x y z
GYROSCOPE_UNIT = math.pi / 180.0 / 4096.0  # rad/s: deg/s 2^-12
ACCELEROMETER_UNIT = 1.0 / 1024.0  # m/s2 2^-10
NS_PER_WEEK = 7 * 86_400_000_000_000
GPS_EPOCH_NS = 315_964_800_000_000_000  # 1980-01-06 in Unix time
LEAP_SECONDS = 18  # GPS ahead of UTC since 2017


def frame(name: tuple[int, int], payload: bytes) -> bytes:
    """One frame with its checksum."""
    body = bytes(name) + struct.pack("<H", len(payload)) + payload
    return SYNC + body + checksum(body)


def checksum(body: bytes) -> bytes:
    """Fletcher's, 8 bits: over class, id, length and payload."""
    a = b = 0
    for byte in body:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return bytes((a, b))


def nav_pvt(fix) -> bytes:
    """NAV-PVT of a GnssSample row; `utc_time_ns` 0 = the receiver does not know the time. A sample that is not ok has no fix."""
    utc_ns = int(fix["utc_time_ns"])
    # The receiver rounds to whole seconds and tells the rest, which may be negative
    second, nano = divmod(utc_ns + 500_000_000, 1_000_000_000)
    moment, nano = datetime.fromtimestamp(second, UTC), nano - 500_000_000
    has_fix = int(fix["validity"]) == 0
    week_ms = (utc_ns - GPS_EPOCH_NS + LEAP_SECONDS * 1_000_000_000) % NS_PER_WEEK // 1_000_000 if utc_ns else 0
    satellites = int(fix["satellites"])
    height_mm = _whole(fix["altitude_m"], 1e3)
    payload = PVT.pack(
        week_ms, moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, 7 if utc_ns else 0, 30, nano,
        int(fix["fix_type"]) if has_fix else 0, int(has_fix), 0, 0 if satellites == 255 else satellites,
        _whole(fix["longitude_deg"], 1e7), _whole(fix["latitude_deg"], 1e7), height_mm, height_mm,
        _whole(fix["position_sigma"], 1e3), _whole(fix["altitude_sigma"], 1e3),
        _whole(fix["velocity_north"], 1e3), _whole(fix["velocity_east"], 1e3), _whole(fix["velocity_up"], -1e3),
        _whole(fix["speed"], 1e3), _whole(fix["course_deg"], 1e5), _whole(fix["speed_sigma"], 1e3),
        _whole(fix["course_sigma_deg"], 1e5), 150, 0, bytes(4), _whole(fix["course_deg"], 1e5), 0, 0,
    )  # fmt: skip
    return frame(NAV_PVT, payload)


def esf_meas(imu, time_tag_ms: int, axes: list[int] | None = None) -> bytes:
    """ESF-MEAS of an ImuSample row: all six readings. `axes`: as drivers/serial/route_config.axis_numbers gives them."""
    acceleration = [float(imu[f"acceleration_{axis}"]) for axis in "xyz"]
    rate = [float(imu[f"angular_rate_{axis}"]) for axis in "xyz"]
    readings = [value / ACCELEROMETER_UNIT for value in on_sensor(acceleration, axes)]
    readings += [value / GYROSCOPE_UNIT for value in on_sensor(rate, axes)]
    words = [kind << 24 | _clipped(value, 24) & 0xFFFFFF for kind, value in zip(READING_TYPES, readings, strict=True)]
    return frame(ESF_MEAS, MEAS.pack(time_tag_ms & 0xFFFFFFFF, len(words) << 11, 0, *words))


def _whole(value, per_unit: float) -> int:
    """A scaled integer; what is not known is 0, as a receiver without a fix says."""
    value = float(value)
    return round(value * per_unit) if math.isfinite(value) else 0


def _clipped(value: float, bits: int) -> int:
    limit = 1 << bits - 1
    return max(-limit, min(limit - 1, round(value)))
