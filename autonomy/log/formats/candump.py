"""candump of can-utils: the log form (`candump -L`, `-l`) and the screen form with times (`-t a`, `-t A`, `-t z`)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from autonomy.log.formats import _candump
from autonomy.log.formats.buses import BusNames
from autonomy.log.formats.recording import BLOCK_BYTES, Block, FileRecording
from autonomy.log.ordered import RECORD_DTYPE

NAME = "candump"
LONGEST_LINE = 4096  # of CAN XL; a longer one ends the recording

# What the kernel counts, in its order
LINES = ("lines that are no frame", "CAN XL frames", "raw length codes above 8", "digits of the time beyond the nanosecond")
_NOTES = (2, 3)

_LINE = re.compile(rb"^\s*\([\d.:\- ]+\)\s+\S+\s+(?:[RT]X [B-] [E-]\s+)?[0-9A-Fa-f]{1,8}(?:#|\s+\[\d{1,2}\])", re.MULTILINE)
_TIMELESS = re.compile(rb"^\s*\w+\s+[0-9A-Fa-f]{3,8}\s+\[\d{1,2}\]", re.MULTILINE)


def recognises(head: bytes, path: Path) -> bool:
    return _LINE.search(head) is not None


def lacks_times(head: bytes) -> bool:
    """Whether this is what candump shows without any option for times."""
    return _TIMELESS.search(head) is not None


def open_format(path: Path) -> Candump:
    return Candump(path)


class Candump(FileRecording):
    """A place is (offset in the file); blocks end with a line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME)
        self._buses = BusNames()
        self._names = np.zeros(0, np.dtype(_candump.NAME_DTYPE))

    def read(self, place: int, is_first_time: bool) -> Block:
        text = self.bytes_at(place, BLOCK_BYTES)
        data = np.frombuffer(text, np.uint8)
        lines = text.count(b"\n")
        records = np.empty(lines, RECORD_DTYPE)
        bodies = np.empty(lines * 80, np.uint8)
        odd = np.zeros(len(LINES), np.int64)
        count = used = position = 0
        while True:
            count, used, position, name = _candump.parse(data, position, self._names, records, bodies, count, used, odd)
            if name is None:
                break
            self._add_name(name)
        position = text.rfind(b"\n") + 1
        records, bodies = records[:count], bodies[:used].copy()
        if is_first_time:
            self.tell_clock(records)
            for number, line in enumerate(LINES):
                (self.notes if number in _NOTES else self.unused)[line] += int(odd[number])
        following, problem = place + position, None
        if following >= self.size:
            following = None
        elif place + len(text) >= self.size:
            following, problem = None, f"the last line, at byte {following}, has no end: it may be cut and was left out"
        elif position == 0:
            following, problem = None, f"the line at byte {place} does not end within {BLOCK_BYTES} bytes"
        return Block(records, bodies, following, problem)

    def _add_name(self, name: bytes) -> None:
        row = np.zeros(1, self._names.dtype)
        row["text"][0, : len(name)] = np.frombuffer(name, np.uint8)
        row["length"], row["bus"] = len(name), self._buses.number(name.decode("latin-1"))
        self._names = np.concatenate([self._names, row])
        self.details["buses"] = self._buses.told()
