"""Numbers of calibration files: what is none, is not finite or is beyond what a lidar can have is told by its place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from autonomy.errors import BadInputError
from drivers.lidar.model import Beams

__all__ = ["checked", "number", "numbers", "whole"]

SHOWN = 60  # characters of a value in a sentence
MOST_OFFSET_M = 5.0  # [D] an HDL-64's distances are off by 1.5 m; what is beyond is in another unit
LIMITS = {"elevation_deg": (90.0, "degrees"), "azimuth_offset_deg": (360.0, "degrees"),
          **dict.fromkeys(("range_offset_m", "vertical_offset_m", "horizontal_offset_m", "forward_offset_m"),
                          (MOST_OFFSET_M, "m"))}  # fmt: skip


def number(value: Any, where: str) -> float:
    """A finite number, also as text: YAML takes 1e-05 for a word. Raises BadInputError."""
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        raise BadInputError(f"{where} = {_shown(value)}: is no number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise BadInputError(f"{where} = {_shown(value)}: is no number") from None
    if not math.isfinite(found):
        raise BadInputError(f"{where} = {_shown(value)}: is not finite")
    return found


def whole(value: Any, where: str) -> int:
    """A whole number that is not negative. Raises BadInputError."""
    found = number(value, where)
    if found != int(found) or found < 0.0:
        raise BadInputError(f"{where} = {_shown(value)}: must be a whole number from 0 on")
    return int(found)


def numbers(value: Any, where: str) -> tuple[float, ...]:
    """A list of finite numbers. Raises BadInputError."""
    if not isinstance(value, list):
        raise BadInputError(f"{where} = {_shown(value)}: is no list of numbers")
    return tuple(number(item, f"{where}[{place}]") for place, item in enumerate(value))


def checked(path: Path, beams: Beams) -> None:
    """Raises BadInputError for a beam that no lidar has."""
    for name, (most, unit) in LIMITS.items():
        for place, value in enumerate(getattr(beams, name)):
            if not abs(value) <= most:
                raise BadInputError(
                    f"{path}: laser {place}, counted from 0: {name} = {value:g} is beyond +-{most:g} {unit}; "
                    "the file is damaged or in another unit"
                )


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # a whole number too long to be written
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."
