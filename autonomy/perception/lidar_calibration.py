"""The calibration files that `[[lidar.sensor]]` names: read once for a configuration, and carried by its logs.

A log keeps that of the sensor `roof` as the attachment `lidar/roof.yaml`, so that a replay decodes with the same bytes wherever
the file has gone since.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autonomy.config import Config
from autonomy.errors import BadInputError, UsageError
from autonomy.log.ordered import OrderedReader
from autonomy.perception.sensors import LidarSensor
from drivers.lidar.calibration import calibrated
from drivers.lidar.model import LidarModel, model

__all__ = ["attachments", "carried", "files_named", "model_of"]

FOLDER = "lidar/"
NS = 1_000_000_000
RATE_MARGIN_HZ = 0.5  # [D]


def model_of(sensor: LidarSensor, config: Config) -> LidarModel:
    """What its packets are decoded with. Raises UsageError for a file that is not there, BadInputError for one that is none."""
    if not sensor.calibration:
        return model(sensor.model)
    where = f"{config.origin('lidar', 'sensor')}: [[lidar.sensor]] ({sensor.name}): calibration = '{sensor.calibration}'"
    content = _content(config, sensor.name, sensor.calibration)
    if content is None:
        raise UsageError(f"{where}: there is no such file, neither beside this one nor among the packaged configurations; "
                         "put it there or correct the name")  # fmt: skip
    try:
        found = calibrated(model(sensor.model), sensor.calibration, content)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from None
    if found.family == "ouster":  # whose file tells what it was set to
        turns_hz = NS / (found.column_period_ns * found.azimuth_units)
        if abs(turns_hz - sensor.rate_hz) > RATE_MARGIN_HZ:
            raise UsageError(f"{where}: that file has it turn with {turns_hz:.0f} Hz, and rate_hz = {sensor.rate_hz:g}; "
                             "give the rate it is set to")  # fmt: skip
    return found


def attachments(config: Config) -> dict[str, bytes]:
    """By the name in a log; a file that is not to be had is left out, whoever needs it says so."""
    found = {_kept_as(name, file): _content(config, name, file) for name, file in _named(config)}
    return {name: content for name, content in found.items() if content is not None}


def carried(reader: OrderedReader) -> dict[str, bytes]:
    """What a log carries, for `Config.from_json`. Raises LogError for a damaged attachment."""
    return {name: reader.attachment(name) for name in reader.attachments if name.startswith(FOLDER)}


def files_named(config: Config) -> Iterator[tuple[str, bytes | None]]:
    """(file as the configuration names it, its content or None) of each, for a copy of the configuration."""
    for name, file in _named(config):
        yield file, _content(config, name, file)


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """(sensor, file); what is wrong with the table is said where it is read."""
    table = config.sections.get("lidar")
    sensors = table.get("sensor") if isinstance(table, dict) else None
    for item in sensors if isinstance(sensors, list) else []:
        name, file = (item.get("name"), item.get("calibration")) if isinstance(item, dict) else (None, None)
        if isinstance(name, str) and isinstance(file, str) and file:
            yield name, file


def _kept_as(name: str, file: str) -> str:
    return f"{FOLDER}{name}{Path(file).suffix.lower()}"


def _content(config: Config, name: str, file: str) -> bytes | None:
    return config.content("lidar", "sensor", file, _kept_as(name, file))
