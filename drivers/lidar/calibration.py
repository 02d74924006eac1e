"""Calibration files of single units: a model with the beams that its maker has measured.

Velodyne: YAML as the ROS driver writes it, and the XML (`db.xml`) it is made from. Hesai: the angle file, CSV of channel,
elevation, azimuth in degrees. Ouster: the metadata of the sensor, JSON, which name the packets' profile too.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from autonomy.errors import BadInputError, MissingPackage
from drivers.lidar import ouster
from drivers.lidar.model import Beams, LidarModel

HALF_TURN = (-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # the first eleven of a matrix of 4 x 4, row by row
NOT_OURS = ("dist_correction_x", "dist_correction_y")  # two-point corrections: of the HDL-64 alone


def calibrated(lidar: LidarModel, path: str | Path) -> LidarModel:
    """The model as its calibration file has it; an Ouster's file names the model itself, which then must be as large.

    Raises BadInputError, MissingPackage.
    """
    path = Path(path)
    read = {"velodyne": velodyne_beams, "hesai": hesai_beams, "ouster": lambda path: ouster_model(path).beams}[lidar.family]
    beams = read(path)
    if len(beams.elevation_deg) != lidar.rings:
        raise BadInputError(f"{path}: {len(beams.elevation_deg)} lasers, but a {lidar.name} has {lidar.rings}")
    return ouster_model(path) if lidar.family == "ouster" else lidar.with_beams(beams)


def velodyne_beams(path: Path) -> Beams:
    """Of a YAML or XML file. Angles in rad there, offsets in m (YAML) or cm (XML)."""
    lasers = _xml_lasers(path) if path.suffix.lower() == ".xml" else _yaml_lasers(path)
    if sorted(lasers) != list(range(len(lasers))) or not lasers:
        raise BadInputError(f"{path}: laser_id must count from 0; there are {sorted(lasers)[:8]} ...")
    columns: dict[str, list[float]] = {}
    for number in range(len(lasers)):
        laser = lasers[number]
        for name in NOT_OURS:
            if laser.get(name, 0.0) not in (0.0, laser.get("dist_correction", 0.0)):
                raise BadInputError(f"{path}: laser {number}: {name} = {laser[name]:g}; two-point corrections are not supported")
        for name in ("vert_correction", "rot_correction", "dist_correction", "vert_offset_correction", "horiz_offset_correction"):
            columns.setdefault(name, []).append(laser.get(name, 0.0 if name != "vert_correction" else math.nan))
    if not all(math.isfinite(value) for values in columns.values() for value in values):
        raise BadInputError(f"{path}: every laser needs a vert_correction, and numbers that are finite")
    return Beams(
        elevation_deg=_degrees(columns["vert_correction"]),
        azimuth_offset_deg=_degrees(-angle for angle in columns["rot_correction"]),
        range_offset_m=tuple(columns["dist_correction"]),
        vertical_offset_m=tuple(columns["vert_offset_correction"]),
        # The ROS driver counts it to the right where it looks along the beam, so it is y of the beam
        horizontal_offset_m=tuple(columns["horiz_offset_correction"]),
    )


def hesai_beams(path: Path) -> Beams:
    angles: dict[int, tuple[float, float]] = {}
    for number, row in enumerate(csv.reader(_text(path).splitlines()), 1):
        if number == 1 or not row or row[0].lstrip().startswith("#"):
            continue
        try:
            channel, elevation, azimuth = int(row[0]), float(row[1]), float(row[2])
        except (ValueError, IndexError):
            raise BadInputError(f"{path} line {number}: '{','.join(row)}' is not channel, elevation, azimuth") from None
        if not (math.isfinite(elevation) and math.isfinite(azimuth)):
            raise BadInputError(f"{path} line {number}: '{','.join(row)}' holds an angle that is not finite")
        angles[channel] = elevation, azimuth
    if sorted(angles) != list(range(1, len(angles) + 1)) or not angles:
        raise BadInputError(f"{path}: channels must count from 1; there are {sorted(angles)[:8]} ...")
    return Beams(*zip(*(angles[channel] for channel in sorted(angles)), strict=True))


def ouster_model(path: str | Path) -> LidarModel:
    """The model that the sensor's metadata describe, of old (flat) and new (sectioned) ones. Raises BadInputError."""
    path = Path(path)
    try:
        told = json.loads(_text(path))
    except ValueError as error:
        raise BadInputError(f"{path} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise BadInputError(f"{path}: not the metadata of an Ouster")
    flat = dict(told)
    for section in ("sensor_info", "beam_intrinsics", "lidar_intrinsics", "lidar_data_format", "config_params"):
        flat |= told.get(section) if isinstance(told.get(section), dict) else {}
    layout = flat.get("data_format") if isinstance(flat.get("data_format"), dict) else flat
    try:
        columns, rate_hz = (int(part) for part in str(flat["lidar_mode"]).split("x"))
        altitudes = tuple(float(angle) for angle in flat["beam_altitude_angles"])
        azimuths = tuple(float(angle) for angle in flat["beam_azimuth_angles"])
        per_packet = int(layout.get("columns_per_packet", 16))
        profile = str(layout.get("udp_profile_lidar") or flat.get("udp_profile_lidar") or "LEGACY")
        origin_m, height_m = _ouster_origin(flat)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: {type(error).__name__} {error}: not the metadata of an Ouster") from None
    if profile not in ouster.PROFILES:
        raise BadInputError(f"{path}: udp_profile_lidar = {profile}; there are {', '.join(ouster.PROFILES)}")
    is_grid = 0 < per_packet <= columns <= 4096 and rate_hz > 0
    if not (is_grid and len(altitudes) == len(azimuths) and len(altitudes) in (32, 64, 128)):
        raise BadInputError(f"{path}: {len(altitudes)} beams, {columns} columns of {per_packet} a packet: not what an Ouster has")
    beams = Beams(
        altitudes, azimuths, range_offset_m=(-origin_m,) * len(altitudes), forward_offset_m=(origin_m,) * len(altitudes)
    )
    return ouster.lidar(
        str(flat.get("prod_line") or "Ouster"), profile, beams,
        columns_per_turn=columns, columns_per_packet=per_packet, rate_hz=rate_hz, height_m=height_m,
    )  # fmt: skip


def _ouster_origin(flat: dict) -> tuple[float, float]:
    """(distance of the beams' beginning from the axis, height of the lidar's frame above the sensor's) in m."""
    transform = [float(value) for value in flat.get("lidar_to_sensor_transform") or [*HALF_TURN, 36.18]]
    if len(transform) < 12 or any(abs(a - b) > 1e-6 for a, b in zip(transform, HALF_TURN, strict=False)):
        raise ValueError("lidar_to_sensor_transform is not a half turn about z")
    beam = flat.get("beam_to_lidar_transform")
    if beam is not None:
        return float(beam[3]) / 1000.0, (transform[11] + float(beam[11])) / 1000.0
    return float(flat.get("lidar_origin_to_beam_origin_mm", 0.0)) / 1000.0, transform[11] / 1000.0


def _yaml_lasers(path: Path) -> dict[int, dict[str, float]]:
    try:
        import yaml
    except ImportError:
        raise MissingPackage(f"reading {path}", "PyYAML", "replay") from None
    try:
        lasers = yaml.safe_load(_text(path))["lasers"]
        return {int(laser["laser_id"]): {key: float(value) for key, value in laser.items()} for laser in lasers}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadInputError(f"{path}: no list of lasers as the ROS driver has it: {' '.join(str(error).split())}") from None


def _xml_lasers(path: Path) -> dict[int, dict[str, float]]:
    names = {"rotCorrection_": ("rot_correction", 1.0), "vertCorrection_": ("vert_correction", 1.0),
             "distCorrection_": ("dist_correction", 0.01), "distCorrectionX_": ("dist_correction_x", 0.01),
             "distCorrectionY_": ("dist_correction_y", 0.01), "vertOffsetCorrection_": ("vert_offset_correction", 0.01),
             "horizOffsetCorrection_": ("horiz_offset_correction", 0.01)}  # fmt: skip
    lasers: dict[int, dict[str, float]] = {}
    try:
        for laser in ElementTree.fromstring(_text(path)).iter("px"):
            numbers = {names[item.tag][0]: float(item.text) * names[item.tag][1] for item in laser if item.tag in names}
            for angle in ("rot_correction", "vert_correction"):  # in degrees there
                numbers[angle] = math.radians(numbers[angle])
            lasers[int(laser.findtext("id_"))] = numbers
    except (ElementTree.ParseError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: no calibration of a Velodyne: {error}") from None
    return lasers


def _degrees(angles: Iterable[float]) -> tuple[float, ...]:
    return tuple(math.degrees(angle) for angle in angles)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
