"""The lidars and radars of a configuration, each as a stage beside the tick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autonomy.errors import UsageError
from autonomy.perception.radar.sensors import RadarSensor
from autonomy.perception.radar.sensors import read as read_radars
from autonomy.perception.sensors import LidarSensor
from autonomy.perception.sensors import read as read_lidars

if TYPE_CHECKING:
    from autonomy.perception.radar.stage import RadarStage
    from autonomy.perception.stage import LidarStage

    Stage = LidarStage | RadarStage

__all__ = ["ScanSensor", "sensors_of", "stages_of"]

ScanSensor = LidarSensor | RadarSensor


def sensors_of(config) -> list[ScanSensor]:
    """Of an autonomy.config.Config, lidars first. Raises UsageError."""
    lidars, radars = (read(config.sections.get(name, {}), str(config.path))
                      for name, read in (("lidar", read_lidars), ("radar", read_radars)))  # fmt: skip
    for sensor in radars:
        if any(sensor.name == lidar.name for lidar in lidars):
            raise UsageError(f"{config.path}: [[radar.sensor]] ({sensor.name}): name must differ from those of the lidars")
    return [*lidars, *radars]


def stages_of(config) -> dict[str, Stage]:
    """By topic of their packets. Raises UsageError, and BadInputError for a calibration file that is none."""
    sensors = sensors_of(config)
    if not sensors:
        return {}
    from autonomy.perception.lidar_calibration import model_of
    from autonomy.perception.radar.stage import RadarStage  # a tenth of the start of a run that has none of them
    from autonomy.perception.stage import LidarStage

    stages: dict[str, Stage] = {}
    for sensor in sensors:
        if isinstance(sensor, LidarSensor):
            stages[sensor.topic] = LidarStage(sensor, config.section("vehicle"), model_of(sensor, config))
        else:
            stages[sensor.topic] = RadarStage(sensor, [stage for stage in stages.values() if isinstance(stage, LidarStage)])
    return stages
