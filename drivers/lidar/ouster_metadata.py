"""The metadata of an Ouster (JSON) as a model: its beams, its rate and how its packets are laid out.

Old files are flat, new ones have sections; lengths are in mm there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autonomy.errors import BadInputError
from drivers.lidar import ouster
from drivers.lidar.calibration_numbers import number, numbers, whole
from drivers.lidar.model import Beams, LidarModel

__all__ = ["model_of"]

SECTIONS = ("sensor_info", "beam_intrinsics", "lidar_intrinsics", "lidar_data_format", "config_params")
HALF_TURN = (-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # the first eleven of a matrix of 4 x 4, row by row
HEIGHT_MM = 36.18  # of an OS1's beams in its frame, where the file tells none
MOST_COLUMNS, MOST_PER_PACKET, MOST_RATE_HZ = 4096, 64, 40  # [D] a few times what there is
BEAMS = (32, 64, 128)


def model_of(path: Path, text: str) -> LidarModel:
    """Raises BadInputError."""
    flat = _flat(path, text)
    missing = [key for key in ("lidar_mode", "beam_altitude_angles", "beam_azimuth_angles") if key not in flat]
    if missing:
        raise BadInputError(f"{path}: {missing[0]} is missing; this is not the metadata of an Ouster")
    altitudes, azimuths = (numbers(flat[key], f"{path}: {key}") for key in ("beam_altitude_angles", "beam_azimuth_angles"))
    columns, rate_hz = _mode(path, flat["lidar_mode"])
    layout = flat["data_format"] if isinstance(flat.get("data_format"), dict) else flat
    per_packet = whole(layout.get("columns_per_packet", 16), f"{path}: columns_per_packet")
    profile = layout.get("udp_profile_lidar") or flat.get("udp_profile_lidar") or "LEGACY"
    if not isinstance(profile, str) or profile not in ouster.PROFILES:
        raise BadInputError(f"{path}: udp_profile_lidar = {str(profile)[:60]}; there are {', '.join(ouster.PROFILES)}")
    is_grid = 0 < per_packet <= min(columns, MOST_PER_PACKET) and columns <= MOST_COLUMNS
    if not (is_grid and len(altitudes) == len(azimuths) and len(altitudes) in BEAMS):
        raise BadInputError(
            f"{path}: {len(altitudes)} altitudes and {len(azimuths)} azimuths of beams, {columns} columns, {per_packet} a "
            "packet: not what an Ouster has"
        )
    origin_m, height_m = _origin(path, flat)
    beams = Beams(
        altitudes, azimuths, range_offset_m=(-origin_m,) * len(altitudes), forward_offset_m=(origin_m,) * len(altitudes)
    )
    name = flat.get("prod_line") or "Ouster"
    if not isinstance(name, str):
        raise BadInputError(f"{path}: prod_line = {str(name)[:60]}: is no name of a product")
    return ouster.lidar(
        name, profile, beams, columns_per_turn=columns, columns_per_packet=per_packet, rate_hz=rate_hz, height_m=height_m
    )


def _flat(path: Path, text: str) -> dict[str, Any]:
    """All keys on one level."""
    try:
        told = json.loads(text)
    except RecursionError:
        raise BadInputError(f"{path} is not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise BadInputError(f"{path} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise BadInputError(f"{path}: not the metadata of an Ouster")
    flat = dict(told)
    for section in SECTIONS:
        flat |= told[section] if isinstance(told.get(section), dict) else {}
    return flat


def _mode(path: Path, told: Any) -> tuple[int, int]:
    """(columns of a turn, turns a second) of '1024x10'."""
    parts = told.split("x") if isinstance(told, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts) \
            or not 0 < int(parts[1]) <= MOST_RATE_HZ:  # fmt: skip
        raise BadInputError(
            f"{path}: lidar_mode = {str(told)[:60]}: is no mode such as 1024x10; this is not the metadata of an Ouster"
        )
    return int(parts[0]), int(parts[1])


def _origin(path: Path, flat: dict[str, Any]) -> tuple[float, float]:
    """(distance of the beams' beginning from the axis, height of the lidar's frame above the sensor's) in m."""
    told = flat.get("lidar_to_sensor_transform") or [*HALF_TURN, HEIGHT_MM]
    transform = numbers(told, f"{path}: lidar_to_sensor_transform")
    if len(transform) < 12 or any(abs(a - b) > 1e-6 for a, b in zip(transform, HALF_TURN, strict=False)):
        raise BadInputError(f"{path}: lidar_to_sensor_transform is not a half turn about z; another one is not supported")
    beam = flat.get("beam_to_lidar_transform")
    if beam is None:
        key = "lidar_origin_to_beam_origin_mm"
        origin_mm, height_mm = number(flat.get(key, 0.0), f"{path}: {key}"), transform[11]
    else:
        matrix = numbers(beam, f"{path}: beam_to_lidar_transform")
        if len(matrix) < 12:
            raise BadInputError(f"{path}: beam_to_lidar_transform has {len(matrix)} numbers; a matrix of 4 x 4 has 16")
        origin_mm, height_mm = matrix[3], transform[11] + matrix[11]
    if abs(height_mm) > 1000.0:
        raise BadInputError(f"{path}: the beams are {height_mm:g} mm above the sensor's frame; the file is damaged")
    return origin_mm / 1000.0, height_mm / 1000.0
