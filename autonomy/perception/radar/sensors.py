"""The [radar] table of a vehicle file: which radars are screened beside the tick, and where they sit.

    [[radar.sensor]]
    name = "front"                         # its packets: the topic /raw/udp/front
    model = "ars548"                       # docs/radar.md; those that speak on CAN are read by the vehicle's routes
    source = 31                            # of its samples
    x_m = 5.2                              # where it sits: vehicle frame, ISO 8855
    y_m = 0.0
    height_m = 0.7
    yaw = 0.0                              # rad
    latency_s = 0.05                       # from the measurement to its packet, where nobody measured it
    delay_s = 0.005                        # from the packet to the screened detections
    port = 42102                           # UDP, for live runs
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from autonomy.errors import UsageError
from autonomy.perception.radar.parameters import Mounting
from autonomy.perception.sensors import PREFIX
from drivers.radar import ars548
from drivers.typed_table import convert

__all__ = ["RadarSensor", "read"]


class RadarSensor(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    source: int
    x_m: float
    height_m: float
    model: str = ars548.NAME
    y_m: float = 0.0
    yaw: float = 0.0
    latency_s: float = 0.05
    delay_s: float = 0.005
    port: int = ars548.PORT

    kind = "radar"
    gives = ("radar",)

    @property
    def topic(self) -> str:
        return PREFIX + self.name

    def mounting(self) -> Mounting:
        return Mounting(self.x_m, self.y_m, self.height_m, self.yaw)


class RadarConfig(msgspec.Struct, forbid_unknown_fields=True):
    sensor: list[RadarSensor] = []


def read(table: dict[str, Any], path: str) -> list[RadarSensor]:
    """The sensors of the [radar] table of the file `path`. Raises UsageError."""
    sensors = convert(table, RadarConfig, f"{path}: [radar]", UsageError).sensor
    names: set[str] = set()
    sources: set[int] = set()
    for place, item in enumerate(sensors):
        where = f"{path}: [[radar.sensor]] number {place + 1} ({item.name})"
        _check(item, where)
        if item.name in names or item.source in sources:
            raise UsageError(f"{where}: name and source = {item.source} must differ from those of the other radars")
        names.add(item.name)
        sources.add(item.source)
    return sensors


def _check(item: RadarSensor, where: str) -> None:
    if not item.name or "/" in item.name or any(character.isspace() for character in item.name):
        raise UsageError(f"{where}: name = '{item.name}' must be a name without slash or space, as in {PREFIX}front")
    if item.model != ars548.NAME:
        raise UsageError(f"{where}: model = '{item.model}' is not screened beside the tick; use '{ars548.NAME}', or routes of "
                         "[can]")  # fmt: skip
    if not 0 <= item.source <= 65535:
        raise UsageError(f"{where}: source = {item.source} is not within 0..65535")
    if not 0.0 < item.height_m < 4.0:
        raise UsageError(f"{where}: height_m = {item.height_m:g} is not within 0..4 m above the ground")
    for name, value in (("latency_s", item.latency_s), ("delay_s", item.delay_s)):
        if not 0.0 <= value <= 0.5:
            raise UsageError(f"{where}: {name} = {value:g} is not a delay within 0..0.5 s")
    if not 0 < item.port < 65536:
        raise UsageError(f"{where}: port = {item.port} is not within 1..65535")
    if not all(math.isfinite(value) for value in (item.x_m, item.y_m, item.yaw)):
        raise UsageError(f"{where}: x_m, y_m and yaw must be finite numbers")
