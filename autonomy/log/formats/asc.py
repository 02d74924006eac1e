"""Vector ASCII log (ASC): one event a line, seconds since the start of the measurement, which a line above tells."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.log.formats import frames as can
from autonomy.log.formats import systemtime
from autonomy.log.formats.lines import LineRecording, scaled
from autonomy.log.formats.recording import UTC

NAME = "ASC"

_HEAD = re.compile(rb"^\s*(date\s+\w+\s+\w+\s+\d|base\s+(hex|dec)|begin\s+triggerblock)", re.IGNORECASE | re.MULTILINE)
_EVENT = re.compile(r"\s*(\d+\.\d+)\s+(.*)")
_DATE = re.compile(r"(?:date|begin\s+triggerblock)\s+\S+\s+(.+)", re.IGNORECASE)
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "mär": 3, "mrz": 3, "apr": 4, "may": 5, "mai": 5, "jun": 6, "jul": 7, "aug": 8,
           "sep": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12}  # fmt: skip
_TIME = re.compile(r"(\S+)\s+(\d+)\s+(\d+):(\d+):(\d+)(?:[.:](\d{1,6}))?\s*(am|pm)?\s+(\d{4})", re.IGNORECASE)
_QUIET = re.compile(r"\s*(//|$|date\s|base\s|(no\s+)?internal\s+events|(begin|end)\s+trigger|previous\s+log)", re.IGNORECASE)
_EXTENDED_DATA_LENGTH, _REMOTE = 0x1000, 0x10  # in the flags of a CANFD event


class State(NamedTuple):
    start_ns: int = 0  # of the measurement
    elapsed_ns: int = 0  # of the last event, where times are relative to it
    base: int = 16
    is_relative: bool = False
    is_running: bool = False  # events were met


def recognises(head: bytes, path: Path) -> bool:
    return _HEAD.search(head) is not None


def open_format(path: Path) -> Asc:
    return Asc(path)


class Asc(LineRecording):
    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME, State())

    def take(self, line: str, state: State, frames: can.FrameList, unused: Counter[str]) -> State:
        event = _EVENT.match(line)
        if event is None:
            if not _QUIET.match(line):
                unused["lines that are no event"] += 1
            return _header(line.strip(), state)
        time_ns = scaled(event[1])
        if state.is_relative:
            time_ns += state.elapsed_ns
        state = state._replace(elapsed_ns=time_ns, is_running=True)
        words = event[2].split()
        kind = words[0].upper() if words else ""
        if kind == "CANFD":
            _take_fd(words, state, state.start_ns + time_ns, frames)
        elif kind.isdigit() and len(words) > 1 and (words[1].lower() == "errorframe" or _is_frame(words)):
            _take_can(words, state, state.start_ns + time_ns, frames)
        elif event[2].lower().startswith("start of measurement"):
            pass
        else:
            name = " ".join(re.findall("[A-Za-z]+", event[2])[:1]) or "other"
            unused[f"{name[:24]} events" if len(unused) < 64 else "other events"] += 1
        return state

    def is_ending(self, line: str) -> bool:
        return re.fullmatch(r"\s*(end\s+triggerblock)?\s*", line, re.IGNORECASE) is not None

    def taken(self, records: np.ndarray, state: State) -> None:
        if state.start_ns:
            self.clock, self.details["start"] = UTC, systemtime.NOTE


def _header(line: str, state: State) -> State:
    if base := re.match(r"base\s+(hex|dec)(?:\s+timestamps\s+(absolute|relative))?", line, re.IGNORECASE):
        return state._replace(
            base=16 if base[1].lower() == "hex" else 10, is_relative=(base[2] or "absolute").lower() == "relative"
        )
    # The trigger block's date is that of the measurement too, and the one writers get right
    if not state.is_running and (date := _DATE.match(line)) and (start_ns := _start(date[1])) is not None:
        return state._replace(start_ns=start_ns)
    return state


def _start(text: str) -> int | None:
    """'Sep 30 10:06:13.191 pm 2017' as ns since 1970; None when it is no date."""
    found = _TIME.search(text)
    if found is None:
        return None
    month = _MONTHS.get(found[1][:3].lower()) or (int(found[1]) if found[1].isdigit() else None)
    hour = int(found[3])
    if found[7]:
        hour = hour % 12 + (12 if found[7].lower() == "pm" else 0)
    try:
        date = datetime(int(found[8]), month or 0, int(found[2]), hour, int(found[4]), int(found[5]),
                        int((found[6] or "0").ljust(6, "0")))  # fmt: skip
    except ValueError:
        return None
    return max(systemtime.nanoseconds(date), 0)


def _is_frame(words: list[str]) -> bool:
    """channel, identifier, direction, d or r: not the statistics that begin with a channel too."""
    return len(words) > 3 and words[2].lower() in ("rx", "tx", "txrq") and words[3].lower() in ("d", "r")


def _identifier(word: str, base: int) -> int:
    if word[-1:] in "xX":
        return int(word[:-1], base) | can.EXTENDED
    value = int(word, base)
    if value > 0x7FF:
        raise ValueError(f"standard identifier {value:X}")
    return value


def _direction(word: str) -> int:
    return 0 if word.lower() == "rx" else can.TRANSMITTED


def _take_can(words: list[str], state: State, time_ns: int, frames: can.FrameList) -> None:
    bus = int(words[0]) - 1
    if words[1].lower() == "errorframe":
        frames.add(time_ns, 0, bus, can.ERROR, 0, b"", False)
        return
    identifier, flags = _identifier(words[1], state.base), _direction(words[2])
    if words[3].lower() == "r":
        length = int(words[4], state.base) if len(words) > 4 and words[4].isalnum() and len(words[4]) == 1 else 0
        frames.add(time_ns, identifier, bus, flags | can.REMOTE, min(length, 8), b"", False)
        return
    length = min(int(words[4], state.base), 8)
    data = bytes(int(word, state.base) for word in words[5 : 5 + length])
    if len(data) < length:
        raise ValueError("fewer bytes than told")
    frames.add(time_ns, identifier, bus, flags, length, data, False)


def _take_fd(words: list[str], state: State, time_ns: int, frames: can.FrameList) -> None:
    bus, flags = int(words[1]) - 1, _direction(words[2])
    if words[3].lower() == "errorframe":
        frames.add(time_ns, 0, bus, flags | can.ERROR, 0, b"", True)
        return
    # A symbolic name may stand behind the identifier
    at = 4 if words[4] in ("0", "1") and words[5] in ("0", "1") else 5
    bit_rate_switch, error_state, code, told = words[at : at + 4]
    length = int(told)
    data = bytes(int(word, state.base) for word in words[at + 4 : at + 4 + length])
    if len(data) < length:
        raise ValueError("fewer bytes than told")
    behind = words[at + 4 + length :]
    kind = int(behind[2], 16) if len(behind) > 2 else _EXTENDED_DATA_LENGTH
    identifier = _identifier(words[3], state.base)
    if kind & _REMOTE:
        frames.add(time_ns, identifier, bus, flags | can.REMOTE, min(int(code, 16), 8), b"", False)
        return
    is_fd = bool(kind & _EXTENDED_DATA_LENGTH) or length > 8
    if is_fd:
        flags |= can.BIT_RATE_SWITCH if bit_rate_switch == "1" else 0
        flags |= can.ERROR_STATE_INDICATOR if error_state == "1" else 0
    frames.add(time_ns, identifier, bus, flags, length, data, is_fd)
