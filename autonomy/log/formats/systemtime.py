"""Start times that a format writes as a calendar date without a time zone: taken for UTC, and said so."""

from __future__ import annotations

import calendar
from datetime import datetime

NOTE = "date without a time zone, taken for UTC"


def nanoseconds(date: datetime) -> int:
    """A date without zone as int64 ns since 1970, exact to its microseconds."""
    return calendar.timegm(date.timetuple()) * 1_000_000_000 + date.microsecond * 1000
