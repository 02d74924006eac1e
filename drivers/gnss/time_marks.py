"""What a receiver's bytes say of time, in the scale it is told in: UBX NAV-PVT, NAV-TIMEGPS and TIM-TP, NMEA RMC and ZDA.

Sources: u-blox 8 / M8 Receiver Description Including Protocol Specification, UBX-13003221, chapter 32 (UBX), chapter 31 (NMEA).
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from typing import NamedTuple

from drivers.gnss.ubx import GPS_EPOCH_NS, NAV_PVT, SYNC, checksum

__all__ = ["GPS", "UTC_SCALE", "TimeMark", "TimeMarks"]

GPS, UTC_SCALE = "gps", "utc"  # nanoseconds since 1980-01-06 without leap seconds; since 1970 with them
NAV_TIMEGPS, TIM_TP = (0x01, 0x20), (0x0D, 0x01)  # class, id
PVT_TIME = struct.Struct("<IHBBBBBBIi")  # iTOW; year, month, day, hour, minute, second, valid; tAcc, nano
PVT_VALID = 7  # validDate, validTime, fullyResolved
TIMEGPS = struct.Struct("<IihbBI")  # iTOW, fTOW, week, leapS, valid, tAcc
TIMEGPS_VALID = 3  # towValid, weekValid
TP = struct.Struct("<IIiHBB")  # towMS, towSubMS, qErr, week, flags, refInfo
TP_IS_UTC, TP_UTC_KNOWN, TP_REFERENCE_MASK, TP_REFERENCE_GPS = 1, 2, 0x0F, 0
LENGTHS = {NAV_PVT: (84, 92), NAV_TIMEGPS: (TIMEGPS.size,), TIM_TP: (TP.size,)}  # 84: u-blox 7
LONGEST = {"ubx": 1024, "nmea": 256}  # bytes of a message that is waited for
WEEK_NS, MS_NS, SECOND_NS = 7 * 86_400 * 10**9, 10**6, 10**9
SENTENCE = re.compile(rb"\$([A-Z]{2})([A-Z]{3}),([\x20-\x23\x25-\x29\x2b-\x7e]*)\*([0-9A-F]{2})\r?\n")
TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?")
FIRST_YEAR, CENTURY_AT = 1980, 80  # GPS began; years of two digits


class TimeMark(NamedTuple):
    """`time_ns` of `scale`; within a leap second (23:59:60), which UTC in nanoseconds cannot tell, the second before it, and
    `in_leap_second`. `accuracy_ns` as the receiver says, 0 = not told. `of_next_pulse`: not the time of this message but of
    the pulse that comes."""

    kind: str
    scale: str
    time_ns: int
    received_ns: int = 0
    accuracy_ns: int = 0
    in_leap_second: bool = False
    of_next_pulse: bool = False


class TimeMarks:
    """Bytes of one line in, marks out. `messages` counts sound ones, `malformed` those that were not, `untimed` those of these
    kinds that told no valid time."""

    def __init__(self, protocol: str):
        self.protocol = protocol
        self.messages = self.malformed = self.untimed = 0
        self._rest = b""

    def feed(self, data: bytes, received_ns: int) -> list[TimeMark]:
        """The marks that are whole with these bytes, which arrived by `received_ns`."""
        self._rest += data
        messages = self._ubx() if self.protocol == "ubx" else self._nmea()
        return [mark._replace(received_ns=received_ns) for mark in messages]

    def _ubx(self) -> list[TimeMark]:
        buffer, found, position = self._rest, [], 0
        while (position := buffer.find(SYNC, position)) >= 0 and position + 8 <= len(buffer):
            name = buffer[position + 2], buffer[position + 3]
            length = int.from_bytes(buffer[position + 4 : position + 6], "little")
            end = position + 8 + length
            possible = length in LENGTHS[name] if name in LENGTHS else length + 8 <= LONGEST["ubx"]
            if possible and end > len(buffer):
                break
            if not possible or checksum(buffer[position + 2 : end - 2]) != buffer[end - 2 : end]:
                self.malformed += 1
                position += 1
                continue
            self.messages += 1
            if name in UBX_MARKS:
                self._keep(found, UBX_MARKS[name], buffer[position + 6 : end - 2])
            position = end
        self._rest = buffer[position:] if position >= 0 else buffer[-1:]
        return found

    def _nmea(self) -> list[TimeMark]:
        *lines, self._rest = self._rest.split(b"\n")
        self._rest = self._rest[-LONGEST["nmea"] :]
        found: list[TimeMark] = []
        for line in lines:
            begin = line.rfind(b"$")
            if begin < 0 or len(line) - begin >= LONGEST["nmea"]:  # the longest sentences have 82 letters
                continue
            sentence = SENTENCE.fullmatch(line[begin:] + b"\n")
            body = line[begin + 1 : line.rfind(b"*")]
            if sentence is None or reduce(xor, body, 0) != int(sentence[4], 16):
                self.malformed += 1
                continue
            self.messages += 1
            if sentence[2] in NMEA_MARKS:
                self._keep(found, NMEA_MARKS[sentence[2]], sentence[3].decode("ascii").split(","))
        return found

    def _keep(self, found: list[TimeMark], read, content) -> None:
        mark = read(content)
        if mark is None:
            self.untimed += 1
        else:
            found.append(mark)


def _nav_pvt(payload: bytes) -> TimeMark | None:
    _, year, month, day, hour, minute, second, valid, accuracy_ns, nano = PVT_TIME.unpack_from(payload)
    if valid & PVT_VALID != PVT_VALID:
        return None
    mark = _of_utc("NAV-PVT", (year, month, day, hour, minute, second), nano)
    return mark and mark._replace(accuracy_ns=accuracy_ns)


def _nav_timegps(payload: bytes) -> TimeMark | None:
    tow_ms, fraction_ns, week, _, valid, accuracy_ns = TIMEGPS.unpack(payload)
    if valid & TIMEGPS_VALID != TIMEGPS_VALID:
        return None
    return TimeMark("NAV-TIMEGPS", GPS, week * WEEK_NS + tow_ms * MS_NS + fraction_ns, accuracy_ns=accuracy_ns)


def _tim_tp(payload: bytes) -> TimeMark | None:
    """The quantisation error, some nanoseconds, is below what a pulse's stamp resolves: left out."""
    tow_ms, sub_ms, _, week, flags, reference = TP.unpack(payload)
    time_ns = week * WEEK_NS + tow_ms * MS_NS + (sub_ms * MS_NS >> 32)
    if flags & TP_IS_UTC:
        if not flags & TP_UTC_KNOWN:
            return None
        return TimeMark("TIM-TP", UTC_SCALE, GPS_EPOCH_NS + time_ns, of_next_pulse=True)
    if reference & TP_REFERENCE_MASK != TP_REFERENCE_GPS:
        return None  # the time of another constellation
    return TimeMark("TIM-TP", GPS, time_ns, of_next_pulse=True)


def _rmc(fields: list[str]) -> TimeMark | None:
    if len(fields) < 9 or fields[1] != "A" or not re.fullmatch(r"\d{6}", fields[8]):
        return None
    year = int(fields[8][4:])
    century = 1900 if year >= CENTURY_AT else 2000
    return _of_sentence("RMC", fields[0], century + year, int(fields[8][2:4]), int(fields[8][:2]))


def _zda(fields: list[str]) -> TimeMark | None:
    if len(fields) < 4 or not all(re.fullmatch(r"\d{1,4}", field) for field in fields[1:4]):
        return None
    return _of_sentence("ZDA", fields[0], int(fields[3]), int(fields[2]), int(fields[1]))


def _of_sentence(kind: str, clock: str, year: int, month: int, day: int) -> TimeMark | None:
    told = TIME.fullmatch(clock)
    if told is None:
        return None
    fraction_ns = int((told[4] or "0").ljust(9, "0"))
    return _of_utc(kind, (year, month, day, int(told[1]), int(told[2]), int(told[3])), fraction_ns)


def _of_utc(kind: str, date: tuple[int, int, int, int, int, int], fraction_ns: int) -> TimeMark | None:
    """None for what is no time. Second 60 is a leap second."""
    year, second = date[0], date[5]
    try:
        moment = datetime(*date[:5], min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    if second > 60 or year < FIRST_YEAR:
        return None
    return TimeMark(kind, UTC_SCALE, int(moment.timestamp()) * SECOND_NS + fraction_ns, in_leap_second=second == 60)


UBX_MARKS = {NAV_PVT: _nav_pvt, NAV_TIMEGPS: _nav_timegps, TIM_TP: _tim_tp}
NMEA_MARKS = {b"RMC": _rmc, b"ZDA": _zda}
