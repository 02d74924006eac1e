"""Which frames are wanted: candump's `id:mask` and `id~mask`, and J1939's `pgn=`, `sa=`, `da=`, and `bus=`.

All numbers but the bus are hexadecimal, several of one kind are separated by commas. Of the identifier filters one must
hold, as in candump; of the others each kind must. `pgn=`, `sa=` and `da=` hold for extended frames only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from drivers.can.j1939.identifier import FIRST_PDU2, GLOBAL
from drivers.can.tables import EXTENDED

__all__ = ["FrameFilter", "is_filter", "pgns_of"]

IDENTIFIER_FILTER = re.compile(r"([0-9A-Fa-f]{1,8})([:~])([0-9A-Fa-f]{1,8})")
KINDS = {"pgn": 0x3FFFF, "sa": 0xFF, "da": 0xFF, "bus": 0xFF}


def is_filter(word: str) -> bool:
    """True for a word that is meant as a filter."""
    return bool(IDENTIFIER_FILTER.fullmatch(word)) or word.partition("=")[0] in KINDS and "=" in word


def pgns_of(identifiers: np.ndarray) -> np.ndarray:
    """Group numbers (n,) of 29 bit identifiers (n,) uint32."""
    pgns = identifiers >> 8 & 0x3FFFF
    return np.where(pgns & 0xFF00 < FIRST_PDU2, pgns & 0x3FF00, pgns)


@dataclass(frozen=True)
class FrameFilter:
    """`identifiers` (value, mask, is inverted), `wanted` {"pgn": numbers ...}. Empty: everything."""

    identifiers: tuple[tuple[int, int, bool], ...] = ()
    wanted: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @classmethod
    def parse(cls, words: list[str]) -> FrameFilter:
        """Raises ValueError naming the word that is no filter."""
        identifiers: list[tuple[int, int, bool]] = []
        wanted: dict[str, list[int]] = {}
        for word in words:
            found = IDENTIFIER_FILTER.fullmatch(word)
            if found:
                value = int(found[1], 16) | (EXTENDED if len(found[1]) == 8 else 0)
                identifiers.append((value, int(found[3], 16), found[2] == "~"))
                continue
            kind, _, numbers = word.partition("=")
            if kind not in KINDS:
                raise ValueError(f"'{word}' is no filter; write id:mask, id~mask, pgn=F004, sa=00, da=FF or bus=0")
            wanted.setdefault(kind, []).extend(_number(word, kind, text) for text in numbers.split(","))
        return cls(tuple(identifiers), tuple((kind, tuple(numbers)) for kind, numbers in wanted.items()))

    def mask(self, frames: np.ndarray) -> np.ndarray:
        """Which of the frames (n,) of CanFrame are wanted, bool (n,)."""
        chosen = np.ones(len(frames), bool)
        identifiers = frames["id"]
        if self.identifiers:
            chosen[:] = False
            for value, mask, inverted in self.identifiers:
                chosen |= ((identifiers & mask) == (value & mask)) != inverted
        if not self.wanted:
            return chosen
        pgns = pgns_of(identifiers)
        destinations = np.where(pgns & 0xFF00 < FIRST_PDU2, identifiers >> 8 & 0xFF, GLOBAL)
        columns = {"pgn": pgns, "sa": identifiers & 0xFF, "da": destinations, "bus": frames["bus"]}
        for kind, numbers in self.wanted:
            chosen &= np.isin(columns[kind], numbers)
            if kind != "bus":
                chosen &= identifiers >> 31 != 0
        return chosen

    def accepts(self, bus: int, identifier: int, destination: int = GLOBAL) -> bool:
        """The same for one message; `destination` of a long one is that of its transfer."""
        if self.identifiers and not any(
            ((identifier & mask) == (value & mask)) != inverted for value, mask, inverted in self.identifiers
        ):
            return False
        for kind, numbers in self.wanted:
            if kind == "bus":
                if bus not in numbers:
                    return False
            elif not identifier & EXTENDED:
                return False
            elif kind == "da":
                if destination not in numbers:
                    return False
            elif (int(pgns_of(np.uint32(identifier))) if kind == "pgn" else identifier & 0xFF) not in numbers:
                return False
        return True


def _number(word: str, kind: str, text: str) -> int:
    base = 10 if kind == "bus" else 16
    try:
        number = int(text, base)
    except ValueError:
        raise ValueError(f"filter '{word}': '{text}' is no {'decimal' if base == 10 else 'hexadecimal'} number") from None
    if not 0 <= number <= KINDS[kind]:
        meant = f"; did you mean {int(text):X}? Group numbers are hexadecimal here" if kind == "pgn" and text.isdecimal() else ""
        raise ValueError(f"filter '{word}': {text} is not within 0..{KINDS[kind]:X}{meant}")
    return number
