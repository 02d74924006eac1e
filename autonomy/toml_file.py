"""TOML as every file of ours is read: whatever is wrong with the text is one sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from autonomy.errors import UsageError

LARGEST_INTEGER = 2**63 - 1  # TOML promises no more than 64 bits


def read(path: Path) -> dict[str, Any]:
    """The tables of a file. Raises UsageError naming it."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None


def parse(text: str) -> dict[str, Any]:
    """The tables of a text. Raises ValueError."""
    try:
        tables = tomllib.loads(text)
        _check(tables)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return tables


def _check(value: Any) -> None:
    """Raises ValueError for an integer that no field can hold: Python's own have no end."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check(item)
    elif isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        raise ValueError(f"an integer of {value.bit_length()} bits is beyond 64")
