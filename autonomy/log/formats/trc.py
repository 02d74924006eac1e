"""PEAK trace (TRC), versions 1.0 to 2.1: one frame a line, milliseconds since a start that the header tells in days."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.log.formats import frames as can
from autonomy.log.formats import systemtime
from autonomy.log.formats.lines import LineRecording, scaled
from autonomy.log.formats.recording import UTC

NAME = "TRC"
DAYS_TO_1970 = 25569  # from 1899-12-30, where the days of the header count from
DAY_NS = 86_400 * 10**9

# Places of number, offset, type, bus, identifier, direction, length code and data by version; 2.x tells them itself
_COLUMNS = {
    "1.0": "N,O,I,L,D",
    "1.1": "N,O,d,I,L,D",
    "1.2": "N,O,B,d,I,L,D",
    "1.3": "N,O,B,d,I,R,L,D",
}
_FD = {"FD": 0, "FB": can.BIT_RATE_SWITCH, "FE": can.BIT_RATE_SWITCH | can.ERROR_STATE_INDICATOR, "BI": can.ERROR_STATE_INDICATOR}


class State(NamedTuple):
    start_ns: int = 0
    columns: tuple[str, ...] = tuple(_COLUMNS["1.0"].split(","))


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith((b";$FILEVERSION", b";####")) or (head.startswith(b";") and b"PCAN" in head)


def open_format(path: Path) -> Trc:
    return Trc(path)


class Trc(LineRecording):
    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME, State())

    def take(self, line: str, state: State, frames: can.FrameList, unused: Counter[str]) -> State:
        line = line.strip()
        if line.startswith(";"):
            return _header(line, state)
        if not line:
            return state
        words = line.split(maxsplit=len(state.columns) - 1)
        found = dict(zip(state.columns, words, strict=False))
        kind, direction = found.get("T", "DT"), found.get("d", "Rx")
        if direction not in ("Rx", "Tx") and "T" not in state.columns:
            kind = "ER" if direction == "Error" else direction
        if kind not in ("DT", "RR", "ER", *_FD) or found.get("I") == "FFFFFFFF":
            unused[f"{kind[:8]} lines" if re.fullmatch(r"[A-Za-z]+", kind) and kind != "DT" else "lines about the bus"] += 1
            return state
        time_ns = state.start_ns + scaled(found["O"], 6)
        bus = int(found.get("B", "1")) - 1
        flags = can.TRANSMITTED if direction == "Tx" else 0
        told, data = found.get("l") or found["L"], found.get("D", "")
        length = int(told)
        if "l" not in found and kind in _FD:
            length = can.LENGTHS[length]
        if kind not in _FD:
            length = min(length, 8)
        if kind == "RR" or data.startswith("RTR"):
            frames.add(time_ns, _identifier(found["I"]), bus, flags | can.REMOTE, length, b"", False)
            return state
        content = bytes(int(word, 16) for word in data.split()[:length])
        if len(content) < length:
            raise ValueError("fewer bytes than told")
        if kind == "ER":
            identifier = int(found["I"], 16) if found["I"] != "-" else 0
            frames.add(time_ns, identifier, bus, flags | can.ERROR, length, content, False)
        else:
            frames.add(time_ns, _identifier(found["I"]), bus, flags | _FD.get(kind, 0), length, content, kind in _FD)
        return state

    def is_ending(self, line: str) -> bool:
        return not line.strip() or line.lstrip().startswith(";")

    def taken(self, records: np.ndarray, state: State) -> None:
        if state.start_ns:
            self.clock, self.details["start"] = UTC, systemtime.NOTE


def _header(line: str, state: State) -> State:
    key, _, value = line.partition("=")
    if key == ";$FILEVERSION" and value.strip() in _COLUMNS:
        return state._replace(columns=tuple(_COLUMNS[value.strip()].split(",")))
    if key == ";$COLUMNS":
        return state._replace(columns=tuple(value.strip().split(",")))
    if key == ";$STARTTIME":
        try:
            days = Decimal(value.strip())
            if 0 < days < 100_000:
                return state._replace(start_ns=max(round((days - DAYS_TO_1970) * DAY_NS), 0))
        except InvalidOperation:
            pass
    return state


def _identifier(word: str) -> int:
    """Four digits are standard, eight extended."""
    value = int(word, 16)
    return value | can.EXTENDED if len(word) > 4 else value
