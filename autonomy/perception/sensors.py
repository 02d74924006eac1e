"""The [lidar] table of a vehicle file: which lidars there are, where they sit, what their scans are used for.

    [[lidar.sensor]]
    name = "roof"                          # its packets: the topic /raw/udp/roof
    model = "Pandar64"                     # docs/lidar.md; its axes are those of that sensor's points
    source = 30                            # of its samples
    x_m = 5.0                              # where it sits: vehicle frame, ISO 8855
    y_m = 0.0
    height_m = 3.25
    yaw = 0.0                              # rad, sensor's axes against the vehicle's, after pitch, after roll
    cut_azimuth_rad = 4.712                # where a scan begins, as the sensor counts
    rate_hz = 10.0
    gives = ["obstacle", "lane", "odometry"]
    delay_s = 0.04                         # from a scan's last packet to its results, where nobody measured it
    port = 2368                            # UDP, of live runs and of captures (/raw/udp/2368)
    calibration = "roof.yaml"              # its maker's file of this unit, beside this file; without: as the model's manual says
"""

from __future__ import annotations

from typing import Any

import msgspec

from autonomy.errors import UsageError
from autonomy.perception.perceive import Mounting
from autonomy.perception.sensor_tables import PREFIX, check_all, check_place
from drivers.lidar.model import model
from drivers.typed_table import convert

__all__ = ["PREFIX", "LidarSensor", "read"]

GIVES = ("obstacle", "lane", "odometry")


class LidarSensor(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    model: str
    source: int
    x_m: float
    height_m: float
    y_m: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    cut_azimuth_rad: float = 0.0
    rate_hz: float = 10.0
    gives: list[str] = msgspec.field(default_factory=lambda: ["obstacle"])
    delay_s: float = 0.04
    port: int = 2368
    calibration: str = ""

    kind = "lidar"

    @property
    def topic(self) -> str:
        return PREFIX + self.name

    def mounting(self) -> Mounting:
        from scipy.spatial.transform import Rotation  # a quarter of a second to load, for those who have a lidar

        turn = Rotation.from_euler("ZYX", [self.yaw, self.pitch, self.roll]).as_rotvec()
        return Mounting(self.x_m, self.y_m, self.height_m, tuple(turn.tolist()))


class LidarConfig(msgspec.Struct, forbid_unknown_fields=True):
    sensor: list[LidarSensor] = []


def read(table: dict[str, Any], path: str) -> list[LidarSensor]:
    """The sensors of the [lidar] table of the file `path`. Raises UsageError."""
    sensors = convert(table, LidarConfig, f"{path}: [lidar]", UsageError).sensor
    check_all(sensors, "lidar", path, _check)
    return sensors


def _check(item: LidarSensor, where: str) -> None:
    check_place(item, where, "roof", 6.0, ("x_m", "y_m", "yaw", "pitch", "roll", "cut_azimuth_rad"))
    try:
        model(item.model)
    except UsageError as error:
        raise UsageError(f"{where}: model: {error}") from None
    if not item.gives or not set(item.gives) <= set(GIVES) or len(set(item.gives)) < len(item.gives):
        raise UsageError(f"{where}: gives = {item.gives}; name some of {', '.join(GIVES)}, each once")
    if not 5.0 <= item.rate_hz <= 20.0:
        raise UsageError(f"{where}: rate_hz = {item.rate_hz:g}; scans come with 5 to 20 Hz")
    if not 0.0 <= item.delay_s <= 1.0:
        raise UsageError(f"{where}: delay_s = {item.delay_s:g} is not a delay within 0..1 s")
