"""Twin of the candump kernel: the same lines by regular expressions, one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from autonomy.log.formats import frames as can

_LINE = re.compile(
    r"\s*\((?P<date>\d{4}-\d\d?-\d\d? )?(?P<time>\d{1,10}|\d\d?:\d\d?:\d\d?)(?:\.(?P<fraction>\d*))?\)"
    r"\s*(?P<interface>\S{1,16})\s+"
    r"(?:(?P<screen>[RT])X (?P<brs>[B-]) (?P<esi>[E-])\s+)?(?P<id>[0-9A-Fa-f]{1,8})"
    r"(?:#(?:(?P<remote>[Rr])(?P<asked>\d?)(?:_[9A-Fa-f])?|#(?P<fd>[0-9A-Fa-f])(?P<fd_data>(?:\.|[0-9A-Fa-f]{2})*)"
    r"|(?P<data>(?:\.|[0-9A-Fa-f]{2})*)(?:_[9A-Fa-f])?)(?:\s+(?P<dir>[RTrt]))?\s*"
    r"|\s*\[(?P<told>\d{1,2})\]\s*(?:(?P<request>remote request).*|(?P<bytes>(?:[0-9A-Fa-f]{2}\s*)*).*))"
)


def frames_of(lines: list[str]) -> Iterator[tuple[int, int, str, int, int, bytes, bool]]:
    """(time in ns, identifier, interface, flags, length, data, is CAN FD) of each line that is a frame."""
    for line in lines:
        found = _LINE.fullmatch(line)
        if found and (frame := _frame(found)):
            yield frame


def _frame(found: re.Match) -> tuple | None:
    time_ns = _seconds(found["date"], found["time"]) * 10**9 + int((found["fraction"] or "")[:9].ljust(9, "0"))
    number, digits = int(found["id"], 16), len(found["id"])
    flags = 0
    if digits <= 3:
        if number > 0x7FF:
            return None
    elif number & 0x20000000 and number < 0x40000000:
        number, flags = number & 0x1FFFFFFF, can.ERROR
    elif number > 0x1FFFFFFF:
        return None
    else:
        number |= can.EXTENDED
    if (found["dir"] or found["screen"] or "R").upper() == "T":
        flags |= can.TRANSMITTED
    if found["told"] is not None:
        is_fd, length = len(found["told"]) == 2, int(found["told"])
        data = bytes.fromhex(found["bytes"] or "")[:length]
        if found["request"] and not is_fd:
            return time_ns, number, found["interface"], flags | can.REMOTE, length, b"", False
        if is_fd:
            flags |= can.BIT_RATE_SWITCH * (found["brs"] == "B") | can.ERROR_STATE_INDICATOR * (found["esi"] == "E")
        if len(data) < length or length > (64 if is_fd else 8):
            return None
        return time_ns, number, found["interface"], flags, length, data, is_fd
    if found["screen"]:
        return None
    if found["remote"]:
        length = min(int(found["asked"] or 0), 8)
        return time_ns, number, found["interface"], flags | can.REMOTE, length, b"", False
    data = bytes.fromhex((found["data"] or found["fd_data"] or "").replace(".", ""))
    bits = int(found["fd"] or "0", 16)
    flags |= can.BIT_RATE_SWITCH * (bits & 1) | can.ERROR_STATE_INDICATOR * (bits >> 1 & 1)
    if len(data) > (64 if found["fd"] else 8):
        return None
    return time_ns, number, found["interface"], flags, len(data), data, found["fd"] is not None


def _seconds(date: str | None, time: str) -> int:
    if not date:
        return int(time)
    year, month, day = map(int, date.strip().split("-"))
    hour, minute, second = map(int, time.split(":"))
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
