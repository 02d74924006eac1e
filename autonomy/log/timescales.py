"""Time scales kept apart: UTC, TAI and GPS as int64 nanoseconds since their own 1970-01-01 (GPS: 1980-01-06), exactly.

The table of leap seconds is that of IERS Bulletin C and of the tz database (leap-seconds.list): TAI - UTC from each date on.
TAI - GPS is 19 s by definition (IS-GPS-200: GPS time was UTC on 1980-01-06, when TAI - UTC was 19 s), so GPS - UTC has been
18 s since 2017-01-01. A monotonic clock has no such scale: only its offset and rate against one can be known (see clocks.py).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime

SECOND_NS = 1_000_000_000
TAI_MINUS_GPS_S = 19
GPS_EPOCH_UTC_NS = 315_964_800 * SECOND_NS  # 1980-01-06T00:00:00Z
TABLE_VALID_UNTIL = "2027-06-28"  # as the tz database of 2026 has it

# First day with the value, TAI - UTC in seconds
LEAP_SECONDS = (
    ("1972-01-01", 10), ("1972-07-01", 11), ("1973-01-01", 12), ("1974-01-01", 13), ("1975-01-01", 14), ("1976-01-01", 15),
    ("1977-01-01", 16), ("1978-01-01", 17), ("1979-01-01", 18), ("1980-01-01", 19), ("1981-07-01", 20), ("1982-07-01", 21),
    ("1983-07-01", 22), ("1985-07-01", 23), ("1988-01-01", 24), ("1990-01-01", 25), ("1991-01-01", 26), ("1992-07-01", 27),
    ("1993-07-01", 28), ("1994-07-01", 29), ("1996-01-01", 30), ("1997-07-01", 31), ("1999-01-01", 32), ("2006-01-01", 33),
    ("2009-01-01", 34), ("2012-07-01", 35), ("2015-07-01", 36), ("2017-01-01", 37),
)  # fmt: skip

_UTC_NS = [int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * SECOND_NS for day, _ in LEAP_SECONDS]
_TAI_NS = [utc_ns + offset_s * SECOND_NS for utc_ns, (_, offset_s) in zip(_UTC_NS, LEAP_SECONDS, strict=True)]


def tai_minus_utc_s(utc_ns: int) -> int:
    """Leap seconds of a moment in UTC. Raises ValueError before 1972, when UTC ran at another rate."""
    return _entry(_UTC_NS, utc_ns)


def gps_minus_utc_s(utc_ns: int) -> int:
    """How far GPS time is ahead of UTC; negative before 1980."""
    return tai_minus_utc_s(utc_ns) - TAI_MINUS_GPS_S


def utc_to_tai_ns(utc_ns: int) -> int:
    return utc_ns + tai_minus_utc_s(utc_ns) * SECOND_NS


def tai_to_utc_ns(tai_ns: int) -> int:
    """The inverse; within a leap second, which UTC in nanoseconds cannot tell, the first second of the next day."""
    return tai_ns - _entry(_TAI_NS, tai_ns) * SECOND_NS


def utc_to_gps_ns(utc_ns: int) -> int:
    """Nanoseconds since the GPS epoch."""
    return tai_to_gps_ns(utc_to_tai_ns(utc_ns))


def tai_to_gps_ns(tai_ns: int) -> int:
    """Nanoseconds since the GPS epoch."""
    return tai_ns - TAI_MINUS_GPS_S * SECOND_NS - GPS_EPOCH_UTC_NS


def gps_to_utc_ns(gps_ns: int) -> int:
    return tai_to_utc_ns(gps_ns + GPS_EPOCH_UTC_NS + TAI_MINUS_GPS_S * SECOND_NS)


def _entry(starts: list[int], time_ns: int) -> int:
    place = bisect_right(starts, time_ns) - 1
    if place < 0:
        raise ValueError(f"{time_ns} ns lies before {LEAP_SECONDS[0][0]}, where UTC has no whole leap seconds")
    return LEAP_SECONDS[place][1]
