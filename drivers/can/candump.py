"""The text can-utils users read and write: frames as candump shows them, as its log files hold them, as cansend takes them."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

import numpy as np

from drivers.can.frame_flags import ERROR, REMOTE, TRANSMITTED
from drivers.can.tables import EXTENDED

__all__ = ["Frame", "TimeStamps", "log_line", "parse_frame", "screen_line"]

ERROR_BIT = 0x20000000  # CAN_ERR_FLAG of SocketCAN
FRAME_TEXT = re.compile(r"([0-9A-Fa-f]+)#(?:([Rr])([0-8]?)|((?:\.?[0-9A-Fa-f]{2})*))")
NS = 1_000_000_000


class Frame(NamedTuple):
    """What parse_frame reads; `data` may be longer than a frame: a long J1939 message."""

    identifier: int  # bit 31 = extended
    data: bytes
    is_remote: bool = False
    length: int = 0  # of a remote request


def parse_frame(text: str) -> Frame:
    """`123#DEADBEEF`, `18FEF100#00.11.22`, `123#R4`: three digits are a standard identifier, eight an extended one.

    Raises ValueError with what is wrong.
    """
    if "##" in text:
        raise ValueError(f"'{text}' is a CAN FD frame; only CAN 2.0 frames can be sent")
    found = FRAME_TEXT.fullmatch(text)
    if not found:
        raise ValueError(
            f"'{text}' is no frame; write an identifier, # and bytes in hexadecimal, such as 18FEF100#FF0048FFFFFFFFFF"
        )
    digits, remote, length, data = found.groups()
    if len(digits) not in (3, 8):
        raise ValueError(f"'{text}': an identifier has 3 digits (standard) or 8 (extended), not {len(digits)}")
    identifier = int(digits, 16)
    if identifier > (0x7FF if len(digits) == 3 else 0x1FFFFFFF):
        raise ValueError(f"'{text}': identifier {digits} is beyond {'7FF' if len(digits) == 3 else '1FFFFFFF'}")
    if len(digits) == 8:
        identifier |= EXTENDED
    if remote:
        return Frame(identifier, b"", True, int(length or 0))
    return Frame(identifier, bytes.fromhex(data.replace(".", "")), False, 0)


class TimeStamps:
    """Times as candump writes them: `kind` "n" none, "a" absolute, "A" with date (UTC), "d"
    since the last, "z" since the first."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._reference_ns: int | None = None

    def __call__(self, time_ns: int) -> str:
        if self._kind == "n":
            return " "
        if self._kind == "a":
            return f" ({seconds(time_ns, 10)}) "
        if self._kind == "A":
            day = datetime.datetime.fromtimestamp(time_ns // NS, datetime.UTC)
            return f" ({day:%Y-%m-%d %H:%M:%S}{seconds(time_ns % NS, 1)[1:]}) "
        reference_ns = time_ns if self._reference_ns is None else self._reference_ns
        if self._kind == "d" or self._reference_ns is None:
            self._reference_ns = time_ns
        return f" ({seconds(time_ns - reference_ns, 3)}) "


def seconds(time_ns: int, width: int) -> str:
    """Seconds with six decimals, nine where the time has them; `width` digits before the point."""
    sign, time_ns = ("-", -time_ns) if time_ns < 0 else ("", time_ns)
    whole, rest = divmod(time_ns, NS)
    fraction = f"{rest // 1000:06d}" if rest % 1000 == 0 else f"{rest:09d}"
    return f"{sign}{whole:0{width}d}.{fraction}"


def identifier_text(identifier: int, flags: int = 0) -> str:
    """Three or eight hexadecimal digits."""
    if flags & ERROR:
        return f"{identifier & 0x1FFFFFFF | ERROR_BIT:08X}"
    return f"{identifier & 0x1FFFFFFF:08X}" if identifier & EXTENDED else f"{identifier:03X}"


def log_line(frame: np.void, bus_name: str) -> str:
    """`(1691508198.524707) can1 0CF00400#407D92E618000F93`"""
    identifier, length, flags = int(frame["id"]), int(frame["length"]), int(frame["flags"])
    data = f"R{length or ''}" if flags & REMOTE else frame["data"][:length].tobytes().hex().upper()
    return f"({seconds(int(frame['time_ns']), 10)}) {bus_name} {identifier_text(identifier, flags)}#{data}"


def screen_line(frame: np.void, bus_name: str, stamp: str, *, as_ascii: bool = False, direction: bool = False) -> str:
    """`  can1  0CF00400   [8]  40 7D 92 E6 18 00 0F 93`, with the time in front."""
    identifier, length, flags = int(frame["id"]), int(frame["length"]), int(frame["flags"])
    content = frame["data"][:length].tobytes()
    way = f"  {'TX' if flags & TRANSMITTED else 'RX'} - -" if direction else ""
    line = f"{stamp} {bus_name}{way}  {identifier_text(identifier, flags):>8}   [{length}]  "
    if flags & REMOTE:
        return line + "remote request"
    line += content.hex(" ").upper()
    if flags & ERROR:
        return f"{line:<{len(line) + 3 * (8 - length)}}   ERRORFRAME"
    if as_ascii:
        line += " " * (3 * (8 - length) + (length == 0)) + f"   '{printable(content)}'"
    return line


def printable(data: bytes) -> str:
    """ASCII with a dot for everything else."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
