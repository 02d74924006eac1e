"""Text formats read line by line in plain Python: blocks of whole lines, with what a line needs to know of those before."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy.log.formats.frames import FrameList
from autonomy.log.formats.recording import BLOCK_BYTES, Block, FileRecording

UNREADABLE = "lines that cannot be read"


class Place(NamedTuple):
    offset: int
    state: Any


class LineRecording(FileRecording):
    """A subclass takes one line at a time."""

    def __init__(self, path: Path, name: str, state: Any) -> None:
        super().__init__(path, name)
        self.first = Place(0, state)

    @abstractmethod
    def take(self, line: str, state: Any, frames: FrameList, unused: Counter[str]) -> Any:
        """Adds the line's frame to `frames` or counts it in `unused`; returns the state for the next line.

        Raises ValueError or LookupError for a line that cannot be read.
        """

    def is_ending(self, line: str) -> bool:
        """Whether a last line without a line end is nevertheless whole."""
        return not line.strip()

    def read(self, place: Place, is_first_time: bool) -> Block:
        text = self.bytes_at(place.offset, BLOCK_BYTES)
        end = text.rfind(b"\n") + 1
        frames, unused, state = FrameList(), Counter(), place.state
        for line in text[:end].decode("latin-1").split("\n")[:-1]:
            try:
                state = self.take(line, state, frames, unused)
            except (ValueError, LookupError):
                unused[UNREADABLE] += 1
        following, problem = Place(place.offset + end, state), None
        if following.offset >= self.size:
            following = None
        elif place.offset + len(text) >= self.size:
            at, following = following.offset, None
            if not self.is_ending(text[end:].decode("latin-1")):
                problem = f"the last line, at byte {at}, has no end: it may be cut and was left out"
        elif end == 0:
            following, problem = None, f"the line at byte {place.offset} does not end within {BLOCK_BYTES} bytes"
        records, data = frames.content()
        if is_first_time:
            self.unused.update(unused)
            self.taken(records, state)
        return Block(records, data, following, problem)

    def taken(self, records: np.ndarray, state: Any) -> None:
        """Called once a block, in order: for clocks and notes."""


def scaled(text: str, digits: int = 9) -> int:
    """A decimal number times 10**digits as an integer, exact and cut there: scaled("1.5", 3) = 1500. Raises ValueError."""
    whole, _, fraction = text.partition(".")
    if (whole + fraction).isdecimal() and (whole + fraction).isascii() and len(text) <= 40:
        return int(whole or "0") * 10**digits + int((fraction[:digits] or "0").ljust(digits, "0"))
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"'{text}' is no number") from error
    if not value.is_finite() or not -30 < value.adjusted() < 20:
        raise ValueError(f"'{text}' is out of range")
    return int(value.scaleb(digits))
