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

from typing import Any

import msgspec

from autonomy.errors import UsageError
from autonomy.perception.radar.parameters import Mounting
from autonomy.perception.sensor_tables import PREFIX, check_all, check_place
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
    check_all(sensors, "radar", path, _check)
    return sensors


def _check(item: RadarSensor, where: str) -> None:
    check_place(item, where, "front", 4.0, ("x_m", "y_m", "yaw"))
    if item.model != ars548.NAME:
        raise UsageError(f"{where}: model = '{item.model}' is not screened beside the tick; use '{ars548.NAME}', or routes of "
                         "[can]")  # fmt: skip
    for name, value in (("latency_s", item.latency_s), ("delay_s", item.delay_s)):
        if not 0.0 <= value <= 0.5:
            raise UsageError(f"{where}: {name} = {value:g} is not a delay within 0..0.5 s")
