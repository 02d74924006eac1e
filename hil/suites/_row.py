"""One row of a suite's table."""

from __future__ import annotations

import math


def row_of(figure: str, value: float | None, unit: str, aim: str = "", met: bool | None = None) -> dict:
    """A value that is no number is told as None; `met` None: a figure without an aim."""
    known = value is not None and math.isfinite(value)
    return {"figure": figure, "value": float(value) if known else None, "unit": unit, "aim": aim,
            "met": None if met is None else bool(met)}  # fmt: skip
