"""How long a CAN frame occupies its bus, in bit times, stuff bits counted exactly (ISO 11898-1).

From the start of frame to the end of the CRC sequence five equal bits are followed by one of the other kind; then come
CRC delimiter, acknowledgement (2), end of frame (7) and the intermission (3) that nobody may use.
"""

from __future__ import annotations

import numpy as np

from drivers.can.frame_flags import ERROR, REMOTE
from drivers.can.tables import EXTENDED

__all__ = ["frame_bits"]

CRC_POLYNOMIAL = 0x4599  # of 15 bits
CRC_BITS = 15
FIXED_BITS = 1 + 2 + 7 + 3
MOST_EQUAL = 5


def frame_bits(frames: np.ndarray) -> np.ndarray:
    """Bit times (n,) of an array of CanFrame; 0 for an error frame, whose length the log does not tell."""
    bits = np.zeros(len(frames), np.int64)
    lengths = np.minimum(frames["length"], 8)
    carried = np.where(frames["flags"] & REMOTE, 0, lengths)
    is_extended = frames["id"] & EXTENDED != 0
    kinds = np.where(frames["flags"] & ERROR, -1, is_extended * 9 + carried)
    for kind in np.unique(kinds[kinds >= 0]):
        chosen = np.flatnonzero(kinds == kind)
        sequence = _sequence(frames[chosen], bool(kind >= 9), int(kind % 9), lengths[chosen])
        bits[chosen] = len(sequence) + CRC_BITS + FIXED_BITS + _stuff_bits(sequence)
    return bits


def _sequence(frames: np.ndarray, is_extended: bool, carried: int, lengths: np.ndarray) -> list[np.ndarray]:
    """The bits before the CRC, each an array (n,) of bool."""
    identifiers = frames["id"] & 0x1FFFFFFF
    zero, one = np.zeros(len(frames), bool), np.ones(len(frames), bool)
    remote = frames["flags"] & REMOTE != 0

    def field(values: np.ndarray, width: int) -> list[np.ndarray]:
        return [values >> place & 1 != 0 for place in reversed(range(width))]

    if is_extended:
        head = [zero, *field(identifiers >> 18, 11), one, one, *field(identifiers, 18), remote, zero, zero]
    else:
        head = [zero, *field(identifiers, 11), remote, zero, zero]
    data = [bit for place in range(carried) for bit in field(frames["data"][:, place], 8)]
    return [*head, *field(lengths, 4), *data]


def _stuff_bits(sequence: list[np.ndarray]) -> np.ndarray:
    crc = np.zeros(len(sequence[0]), np.int32)
    for bit in sequence:
        crc_next = bit ^ (crc >> CRC_BITS - 1 & 1 != 0)
        crc = (crc << 1 & 0x7FFF) ^ np.where(crc_next, CRC_POLYNOMIAL, 0)
    count = np.zeros(len(crc), np.int64)
    last, run = ~sequence[0], np.zeros(len(crc), np.int64)
    for bit in [*sequence, *(crc >> place & 1 != 0 for place in reversed(range(CRC_BITS)))]:
        run = np.where(bit == last, run + 1, 1)
        stuffed = run == MOST_EQUAL
        count += stuffed
        # The stuff bit is of the other kind and begins a run of its own
        last = bit ^ stuffed
        run[stuffed] = 1
    return count
