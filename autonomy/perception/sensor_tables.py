"""What the tables [[lidar.sensor]] and [[radar.sensor]] have in common: names, sources and ports that can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from autonomy.errors import UsageError

__all__ = ["PREFIX", "check_all", "check_place"]

PREFIX = "/raw/udp/"


class Sensor(Protocol):
    name: str
    source: int
    port: int
    height_m: float


Some = TypeVar("Some", bound=Sensor)


def check_all(sensors: Sequence[Some], kind: str, path: str, check: Callable[[Some, str], None]) -> None:
    """Each by `check(item, where)`, and that no two are one. Raises UsageError."""
    names: set[str] = set()
    sources: set[int] = set()
    for place, item in enumerate(sensors):
        where = f"{path}: [[{kind}.sensor]] number {place + 1} ({item.name})"
        check(item, where)
        if item.name in names or item.source in sources:
            raise UsageError(f"{where}: name and source = {item.source} must differ from those of the other {kind}s")
        names.add(item.name)
        sources.add(item.source)


def check_place(item: Sensor, where: str, example: str, highest_m: float, lengths: Sequence[str]) -> None:
    """Name, source, port, height and the numbers named in `lengths`. Raises UsageError."""
    if not item.name or "/" in item.name or any(character.isspace() for character in item.name):
        raise UsageError(f"{where}: name = '{item.name}' must be a name without slash or space, as in {PREFIX}{example}")
    if not 0 <= item.source <= 65535:
        raise UsageError(f"{where}: source = {item.source} is not within 0..65535")
    if not 0.0 < item.height_m < highest_m:
        raise UsageError(f"{where}: height_m = {item.height_m:g} is not within 0..{highest_m:g} m above the ground")
    if not 0 < item.port < 65536:
        raise UsageError(f"{where}: port = {item.port} is not within 1..65535")
    if not all(math.isfinite(getattr(item, name)) for name in lengths):
        raise UsageError(f"{where}: {', '.join(lengths[:-1])} and {lengths[-1]} must be finite numbers")
