"""NMEA stated plainly, on a whole stream at once; tests hold ext/drivers/gnss/_nmea.pyx to it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import reduce
from operator import xor

# From the last $ before a line's end: printable, no $ inside, checksum in capitals
SENTENCE = re.compile(rb"\$([ -#%-~]{5,157})\*([0-9A-F]{2})[\r\n]")
NUMBER = re.compile(r"-?(?=.*\d)\d*\.?\d*")
TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(\.\d{1,9})?")
ANGLE = {2: re.compile(r"(\d{2})(\d[\d.]*)"), 3: re.compile(r"(\d{3})(\d[\d.]*)")}


class Malformed(ValueError):
    """A field is not what it should be."""


def decode(stream: bytes, sentences: tuple[str, ...] = ("GGA", "RMC")) -> list[tuple[str, dict[str, float], int]]:
    """(kind, fields that are known, position of the last byte) of every finished epoch in the stream."""
    found: list[tuple[str, dict[str, float], int]] = []
    parts: dict[str, dict] = {}
    time_ns = end = None
    for match in SENTENCE.finditer(stream):
        body, told = match[1], match[2]
        if b"%02X" % reduce(xor, body, 0) != told:
            continue
        address, *fields = body.decode("ascii").split(",")
        name = address[2:]
        if len(address) != 5 or address[0] == "P" or name not in sentences or not fields:
            continue
        try:
            own_ns = None if name == "VTG" else time_of_day(fields[0])
        except Malformed:
            continue
        if parts and (name in parts or (name != "VTG" and list(parts) != ["VTG"] and own_ns != time_ns)):
            found.append(("gnss", sample(parts), end))
            parts = {}
        try:
            part = {"GGA": gga, "RMC": rmc, "VTG": vtg, "GST": gst}[name](fields)
        except (Malformed, IndexError):
            continue
        if not parts or name != "VTG":
            time_ns = own_ns
        parts[name], end = part, match.end() - 1
        if len(parts) == len(sentences):
            found.append(("gnss", sample(parts), end))
            parts = {}
    return found


def sample(parts: dict[str, dict]) -> dict[str, float]:
    """One epoch: what came later counts; without a fix only time and satellites."""
    merged = {name: value for part in parts.values() for name, value in part.items() if name != "no_fix"}
    if any("no_fix" in part for part in parts.values()):
        return {name: merged[name] for name in ("utc_time_ns", "satellites") if name in merged} | {"validity": 1, "fix_type": 0}
    return merged | {"validity": 0}


def gga(fields: list[str]) -> dict[str, float]:
    if len(fields) < 11:
        raise Malformed
    quality, satellites = number(fields[5]), number(fields[6])
    if quality is None:
        raise Malformed
    told = {} if satellites is None else {"satellites": int(min(max(satellites, 0), 254))}
    if not 1 <= quality <= 5:
        return told | {"no_fix": True}
    told |= position(fields[1:5])
    altitude, separation = number(fields[8]), number(fields[10])
    if altitude is None:
        return told | {"fix_type": 2}
    return told | {"fix_type": 3, "altitude_m": altitude + (separation or 0.0)}


def rmc(fields: list[str]) -> dict[str, float]:
    if len(fields) < 9 or len(fields[1]) != 1 or (fields[8] and not re.fullmatch(r"\d{6}", fields[8])):
        raise Malformed
    told: dict[str, float] = {}
    if fields[8] and fields[0]:
        day, month, year = int(fields[8][:2]), int(fields[8][2:4]), int(fields[8][4:])
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise Malformed
        first = datetime(year + (1900 if year >= 80 else 2000), month, 1, tzinfo=UTC)
        told["utc_time_ns"] = (int(first.timestamp()) + 86400 * (day - 1)) * 1_000_000_000 + time_of_day(fields[0])
    if fields[1] != "A":
        return told | {"no_fix": True}
    told |= position(fields[2:6])
    return told | _known({"speed": _scaled(fields[6], 1852.0 / 3600.0), "course_deg": number(fields[7])})


def vtg(fields: list[str]) -> dict[str, float]:
    if len(fields) < 8:
        raise Malformed
    speed = number(fields[6])
    return _known({"speed": None if speed is None else speed / 3.6, "course_deg": number(fields[0])})


def gst(fields: list[str]) -> dict[str, float]:
    if len(fields) < 8:
        raise Malformed
    latitude, longitude, altitude = (number(field) for field in fields[5:8])
    both = None if latitude is None or longitude is None else math.sqrt(0.5 * (latitude * latitude + longitude * longitude))
    return _known({"position_sigma": both, "altitude_sigma": altitude})


def position(fields: list[str]) -> dict[str, float]:
    """latitude, N/S, longitude, E/W."""
    found = {}
    for name, digits, directions, limit, (text, direction) in (
        ("latitude_deg", 2, "NS", 90.0, fields[:2]), ("longitude_deg", 3, "EW", 180.0, fields[2:]),
    ):  # fmt: skip
        match = ANGLE[digits].fullmatch(text)
        minutes = number(match[2]) if match else None
        if minutes is None or minutes > 60.0 or len(direction) != 1 or direction not in directions:
            raise Malformed
        degrees = (float(match[1]) + minutes / 60.0) * (1.0 if direction == directions[0] else -1.0)
        if abs(degrees) > limit:
            raise Malformed
        found[name] = degrees
    return found


def number(text: str) -> float | None:
    """None for an empty field; at most 15 digits."""
    if not text:
        return None
    if not NUMBER.fullmatch(text) or sum(character.isdigit() for character in text) > 15:
        raise Malformed
    return float(text)


def time_of_day(text: str) -> int | None:
    """Nanoseconds since midnight UTC."""
    if not text:
        return None
    match = TIME.fullmatch(text)
    if not match:
        raise Malformed
    fraction = int((match[4] or ".0")[1:].ljust(9, "0"))
    return ((int(match[1]) * 60 + int(match[2])) * 60 + int(match[3])) * 1_000_000_000 + fraction


def _scaled(text: str, factor: float) -> float | None:
    value = number(text)
    return None if value is None else value * factor


def _known(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
