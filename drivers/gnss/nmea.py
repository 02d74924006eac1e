"""NMEA 0183 sentences from values: what a receiver would send, for the rig and for tests. ext/drivers/gnss/_nmea.pyx reads them.

Source: the fields of GGA, RMC, VTG and GST as makers print them (u-blox UBX-13003221 chapter 31).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor

KNOT = 1852.0 / 3600.0  # m/s
GEOID_M = 45.0  # separation told by the rig's receiver [M]: southern Germany
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sentence(body: str) -> bytes:
    """$ body * checksum CR LF."""
    return f"${body}*{reduce(xor, body.encode('ascii'), 0):02X}\r\n".encode("ascii")


def epoch(fix, sentences: list[str], talker: str = "GN") -> bytes:
    """The sentences of one GnssSample row, in the order given. A sample that is not ok has no fix."""
    makers = {"GGA": _gga, "RMC": _rmc, "VTG": _vtg, "GST": _gst}
    return b"".join(sentence(talker + ",".join([name, *makers[name](fix)])) for name in sentences)


def _gga(fix) -> list[str]:
    satellites = int(fix["satellites"])
    if int(fix["validity"]):
        return [_time(fix), *[""] * 4, "0", "00", "99.99", "", "M", "", "M", "", ""]
    return [_time(fix), *_position(fix), "1", "" if satellites == 255 else f"{satellites:02d}", "0.80",
            _decimal(float(fix["altitude_m"]) - GEOID_M, 3), "M", f"{GEOID_M:.1f}", "M", "", ""]  # fmt: skip


def _rmc(fix) -> list[str]:
    date = f"{_moment(fix):%d%m%y}" if int(fix["utc_time_ns"]) else ""
    if int(fix["validity"]):
        return [_time(fix), "V", *[""] * 6, date, "", "", "N"]
    return [_time(fix), "A", *_position(fix), _decimal(float(fix["speed"]) / KNOT, 3), _decimal(fix["course_deg"], 2), date,
            "", "", "A"]  # fmt: skip


def _vtg(fix) -> list[str]:
    if int(fix["validity"]):
        return ["", "T", "", "M", "", "N", "", "K", "N"]
    speed = float(fix["speed"])
    return [_decimal(fix["course_deg"], 2), "T", "", "M", _decimal(speed / KNOT, 3), "N", _decimal(speed * 3.6, 3), "K", "A"]


def _gst(fix) -> list[str]:
    if int(fix["validity"]):
        return [_time(fix), *[""] * 7]
    sigma = _decimal(fix["position_sigma"], 3)
    return [_time(fix), "1.0", sigma, sigma, "0.0", sigma, sigma, _decimal(fix["altitude_sigma"], 3)]


def _moment(fix) -> datetime:
    return EPOCH + timedelta(microseconds=int(fix["utc_time_ns"]) // 1000)


def _time(fix) -> str:
    """hhmmss.sss; receivers tell milliseconds or less."""
    if not int(fix["utc_time_ns"]):
        return ""
    moment = _moment(fix)
    return f"{moment:%H%M%S}.{moment.microsecond // 1000:03d}"


def _position(fix) -> list[str]:
    latitude, longitude = float(fix["latitude_deg"]), float(fix["longitude_deg"])
    return [_angle(latitude, 2), "N" if latitude >= 0 else "S", _angle(longitude, 3), "E" if longitude >= 0 else "W"]


def _angle(degrees: float, digits: int) -> str:
    """Degrees and minutes to 1e-6 minutes, 2 mm."""
    whole, minutes = divmod(round(abs(degrees) * 60e6), 60_000_000)
    return f"{whole:0{digits}d}{minutes // 1_000_000:02d}.{minutes % 1_000_000:06d}"


def _decimal(value, places: int) -> str:
    return f"{float(value):.{places}f}" if math.isfinite(float(value)) else ""
