"""CSV as python-can writes it, and with the columns we add where buses, CAN FD or directions would be lost."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from pathlib import Path

import numpy as np

from autonomy.log.formats import frames as can
from autonomy.log.formats.lines import LineRecording, scaled

NAME = "CSV"
COLUMNS = "timestamp,arbitration_id,extended,remote,error,dlc,data"
MORE_COLUMNS = ",bus,fd,bitrate_switch,error_state,transmitted"


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith(COLUMNS.encode())


def open_format(path: Path) -> Csv:
    return Csv(path)


class Csv(LineRecording):
    """The state is whether the header was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME, False)

    def take(self, line: str, state: bool, frames: can.FrameList, unused: Counter[str]) -> bool:
        if not state or not line.strip():
            return True
        time, identifier, extended, remote, error, told, text, *more = line.strip().split(",")
        bus, fd, bit_rate_switch, error_state, transmitted = (int(word) for word in (more or "00000"))
        if not {fd, bit_rate_switch, error_state, transmitted} <= {0, 1}:
            raise ValueError("flags of 0 and 1")
        data, length = b64decode(text, validate=True), int(told)
        is_remote = remote == "1"
        if len(data) != length and not is_remote:
            raise ValueError("as many bytes as told")
        is_fd = bool(fd) or length > 8
        flags = (
            can.REMOTE * is_remote | can.ERROR * (error == "1") | can.BIT_RATE_SWITCH * bit_rate_switch
            | can.ERROR_STATE_INDICATOR * error_state | can.TRANSMITTED * transmitted
        )  # fmt: skip
        number = int(identifier, 16) | (can.EXTENDED if extended == "1" else 0)
        frames.add(scaled(time), number, bus, flags, length, data if not is_remote else b"", is_fd)
        return True

    def taken(self, records: np.ndarray, state: bool) -> None:
        self.tell_clock(records)
