"""Where recordings lie that are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLE", "find"]

VARIABLE = "AUTONOMY_DATA"


def find(name: str) -> Path | None:
    """The folder `name` of $AUTONOMY_DATA; None without the variable or without the folder."""
    told = os.environ.get(VARIABLE)
    folder = Path(told) / name if told else None
    return folder if folder is not None and folder.is_dir() else None
