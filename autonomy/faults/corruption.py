"""Flips chosen bits of chosen records."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from autonomy.faults import chance

FIRST_DRAW = 1000  # of a record's random numbers


@dataclass
class Candidates:
    """Per record the bits that may flip: `count` from bit address `first` on, or the listed ones behind `first`."""

    first: np.ndarray  # int64
    count: np.ndarray  # int64
    listed: dict[int, np.ndarray] = field(default_factory=dict)

    def restrict(self, row: int, bits: np.ndarray) -> None:
        """Lets only these bits of a record flip."""
        self.listed[row] = bits
        self.count[row] = len(bits)


def flip(data: np.ndarray, candidates: Candidates, keys: np.ndarray, bits: int) -> None:
    """Flips `bits` different bits of each record in place, or all of one that has fewer."""
    chosen = distinct(keys, candidates.count, bits)
    for row, listed in candidates.listed.items():
        kept = chosen[row] >= 0
        chosen[row, kept] = listed[chosen[row, kept]]
    for column in chosen.T:
        rows = np.flatnonzero(column >= 0)
        places = candidates.first[rows] + column[rows]
        data[places // 8] ^= (1 << (places % 8)).astype(np.uint8)


def distinct(keys: np.ndarray, sizes: np.ndarray, count: int) -> np.ndarray:
    """int64 (n, count): different numbers in 0..size - 1 (Floyd's sampling), -1 behind the last of a small size."""
    chosen = np.full((len(sizes), count), -1, np.int64)
    wanted = np.minimum(sizes, count)
    for column in range(count):
        top = sizes - wanted + column
        drawn = (chance.uniform(keys, FIRST_DRAW + column) * (top + 1)).astype(np.int64)
        taken = (chosen == drawn[:, None]).any(axis=1)
        chosen[:, column] = np.where(column < wanted, np.where(taken, top, drawn), -1)
    return chosen
