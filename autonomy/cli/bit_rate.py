"""The rate of a bus or serial line as an option."""

from __future__ import annotations

import argparse

FASTEST = 20_000_000  # bit/s: CAN XL; serial lines are slower


def bit_rate(text: str) -> int:
    """For argparse, bit/s. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 0 < int(text) <= FASTEST:
        raise argparse.ArgumentTypeError(f"'{text}' is no rate; give bits a second from 1 to {FASTEST}")
    return int(text)
