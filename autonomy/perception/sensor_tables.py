"""What the tables [[lidar.sensor]] and [[radar.sensor]] have in common: names, sources and ports that can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from autonomy.errors import UsageError

__all__ = ["PREFIX", "check_all", "check_place", "misplaced", "shared_ports"]

PREFIX = "/raw/udp/"
PLACES_M = {"x_m": (-25.0, 10.0), "y_m": (-3.0, 3.0)}  # [D] on a road train of 25.25 m, mirrors included; drive axle at 0
TURN_RAD = 2.0 * math.pi


class Sensor(Protocol):
    kind: str
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


def misplaced(key: str, value: float) -> str | None:
    """What is wrong with x_m, y_m or an angle of a sensor, in the vehicle frame; None when it can be."""
    if key in PLACES_M:
        low, high = PLACES_M[key]
        return None if low <= value <= high else f"= {value:g} is not on the truck, {low:g}..{high:g} m from its drive axle"
    if abs(value) <= TURN_RAD + 1e-9:
        return None
    return f"= {value:g} is more than a turn; give radians ({value:g} degrees are {math.radians(value):.4g})"


def shared_ports(sensors: Sequence[Sensor], path: str) -> list[str]:
    """A sentence for each sensor on the UDP port of another: a run can part them by --udp, the file alone cannot."""
    first: dict[int, Sensor] = {}
    return [f"{path}: [[{item.kind}.sensor]] ({item.name}): port = {item.port} is that of the {other.kind} {other.name} too; "
            "give each sensor a UDP port of its own"
            for item in sensors if (other := first.setdefault(item.port, item)) is not item]  # fmt: skip


def check_place(item: Sensor, where: str, example: str, highest_m: float, numbers: Sequence[str]) -> None:
    """Name, source, port, height and the places and angles named in `numbers`. Raises UsageError."""
    if not item.name or "/" in item.name or any(character.isspace() for character in item.name):
        raise UsageError(f"{where}: name = '{item.name}' must be a name without slash or space, as in {PREFIX}{example}")
    if not 0 <= item.source <= 65535:
        raise UsageError(f"{where}: source = {item.source} is not within 0..65535")
    if not 0.0 < item.height_m < highest_m:
        raise UsageError(f"{where}: height_m = {item.height_m:g} is not within 0..{highest_m:g} m above the ground")
    if not 0 < item.port < 65536:
        raise UsageError(f"{where}: port = {item.port} is not within 1..65535")
    if not all(math.isfinite(getattr(item, name)) for name in numbers):
        raise UsageError(f"{where}: {', '.join(numbers[:-1])} and {numbers[-1]} must be finite numbers")
    for name in numbers:
        if wrong := misplaced(name, getattr(item, name)):
            raise UsageError(f"{where}: {name} {wrong}")
