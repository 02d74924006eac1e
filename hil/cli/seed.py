"""A seed on the command line."""

from __future__ import annotations

import argparse


def seed(text: str) -> int:
    """For argparse. Raises ArgumentTypeError unless it is a whole number from 0 on: generators take no other."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0 on")
    return number
