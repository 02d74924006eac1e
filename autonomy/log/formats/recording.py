"""What a foreign format gives: its recording in blocks that are read one after the other and can be read again.

A format is one file of this folder with `NAME`, `recognises(head, path) -> bool` and `open_format(path) -> Recording`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy.errors import LogError
from autonomy.log.formats import frames
from autonomy.log.structure import Attachment, Channel

BLOCK_BYTES = 1 << 20  # of the file that are read at once, about
UTC, BOOT, UNKNOWN = "utc", "boot", "unknown"  # clocks
EARLIEST_UTC_NS = 946_684_800 * 10**9  # 2000-01-01: times in seconds before it count from some start


class Damage(Exception):
    """Why a recording cannot be read on; what stood before it counts."""


class Block(NamedTuple):
    """A piece of a recording: records in the order of the file, and the buffer their offsets point into."""

    records: np.ndarray
    data: np.ndarray
    following: Any = None  # place of the next block, None at the end
    problem: str | None = None  # why the recording ends here although the file does not end as it should


@dataclass
class Recording(ABC):
    """One open file (or folder) of a foreign format.

    `first` is the place of the first block; places are values of the format's own. `clock`, `details` (strings for the
    metadata), `unused` (what was left out, by reason) and `notes` are complete after the last block was read once.
    """

    path: Path
    name: str = ""
    clock: str = UNKNOWN
    first: Any = 0
    details: dict[str, str] = field(default_factory=dict)
    unused: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    channels: dict[int, Channel] = field(default_factory=dict)  # those from OTHER_CHANNELS on
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)  # records the file holds itself
    attachments: list[str] = field(default_factory=list)

    @abstractmethod
    def read(self, place: Any, is_first_time: bool) -> Block:
        """The block at a place; counts `unused` and `notes` the first time only. Raises Damage when it cannot be read."""

    def stream(self, place: Any) -> Any:
        """Which of several streams a block belongs to: its records have one order with those of the same stream."""
        return 0

    def other_names(self) -> dict[str, str]:
        """Topics by the names the recording itself has for them."""
        return {}

    def steps_back(self) -> tuple[int, int] | None:
        """How often the file goes back in time and by how many ns at most; None where its blocks show that themselves."""
        return None

    def channel(self, number: int) -> Channel:
        return self.channels.get(number) or frames.channel(number)

    def attachment(self, name: str) -> bytes:
        """The content of one of `attachments`."""
        raise LogError(f"{self.path} has no attachment '{name}'; a {self.name} recording holds none")

    def describe_attachment(self, name: str) -> Attachment:
        """Media type and time of one of `attachments`."""
        raise LogError(f"{self.path} has no attachment '{name}'; a {self.name} recording holds none")

    @abstractmethod
    def close(self) -> None:
        """Closes the file."""

    def tell_clock(self, records: np.ndarray) -> None:
        """Names the clock of a format without a word about it by the first time of the recording."""
        if self.clock == UNKNOWN and len(records):
            self.clock = UTC if records["log_time_ns"][0] >= EARLIEST_UTC_NS else UNKNOWN


class FileRecording(Recording):
    """A recording in one file that is read at offsets."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name)
        try:
            self._file = path.open("rb")
            self.size = path.stat().st_size
        except OSError as error:
            raise LogError(f"cannot read {path}: {error.strerror}") from error

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Fewer at the end of the file. Raises LogError when the disk fails."""
        try:
            self._file.seek(offset)
            return self._file.read(length)
        except OSError as error:
            raise LogError(f"cannot read {self.path}: {error.strerror}") from error

    def close(self) -> None:
        self._file.close()
