"""Calibration files of single units: a model with the beams that its maker has measured.

Velodyne: YAML as the ROS driver writes it, and the XML (`db.xml`) it is made from. Hesai: the angle file, CSV of channel,
elevation, azimuth in degrees. Ouster: the metadata of the sensor, JSON, which name the packets' profile too.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from autonomy.errors import BadInputError, MissingPackage
from drivers.lidar import ouster_metadata
from drivers.lidar.calibration_numbers import checked, number, whole
from drivers.lidar.model import Beams, LidarModel

NOT_OURS = ("dist_correction_x", "dist_correction_y")  # two-point corrections: of the HDL-64 alone
# Of a laser: what counts where the file has none; None = it must be there
VELODYNE = {"vert_correction": None, "rot_correction": 0.0, "dist_correction": 0.0, "vert_offset_correction": 0.0,
            "horiz_offset_correction": 0.0}  # fmt: skip
# Of an XML file: our name, and what a unit of the file is
XML = {"rotCorrection_": ("rot_correction", math.radians(1.0)), "vertCorrection_": ("vert_correction", math.radians(1.0)),
       "distCorrection_": ("dist_correction", 0.01), "distCorrectionX_": ("dist_correction_x", 0.01),
       "distCorrectionY_": ("dist_correction_y", 0.01), "vertOffsetCorrection_": ("vert_offset_correction", 0.01),
       "horizOffsetCorrection_": ("horiz_offset_correction", 0.01)}  # fmt: skip
SHOWN = 60  # characters of a file's line in a sentence


def calibrated(lidar: LidarModel, path: str | Path, content: bytes | None = None) -> LidarModel:
    """The model as its calibration file has it; an Ouster's file names the model itself, which then must be as large.

    `content`: the file's bytes, where they were kept; `path` then only names it. Raises BadInputError, MissingPackage.
    """
    path = Path(path)
    text = _text(path, content)
    if lidar.family == "ouster":
        found = ouster_metadata.model_of(path, text)
    else:
        found = lidar.with_beams({"velodyne": _velodyne, "hesai": _hesai}[lidar.family](path, text))
    checked(path, found.beams)
    if found.rings != lidar.rings:
        raise BadInputError(f"{path}: {found.rings} lasers, but a {lidar.name} has {lidar.rings}; give the file of this unit")
    return found


def ouster_model(path: str | Path) -> LidarModel:
    """The model that the sensor's metadata describe. Raises BadInputError."""
    found = ouster_metadata.model_of(Path(path), _text(Path(path), None))
    checked(Path(path), found.beams)
    return found


def _velodyne(path: Path, text: str) -> Beams:
    """Of a YAML or XML file. Angles in rad there, offsets in m (YAML) or cm (XML)."""
    given = _xml_lasers(path, text) if path.suffix.lower() == ".xml" else _yaml_lasers(path, text)
    lasers: dict[int, dict[str, float]] = {}
    for laser, numbers in given:
        if laser in lasers:
            raise BadInputError(f"{path}: laser_id {laser} is there twice; each laser has one entry")
        lasers[laser] = numbers
    if sorted(lasers) != list(range(len(lasers))) or not lasers:
        raise BadInputError(f"{path}: laser_id must count from 0; there are {sorted(lasers)[:8]} ...")
    columns: dict[str, list[float]] = {name: [] for name in VELODYNE}
    for laser in range(len(lasers)):
        numbers = lasers[laser]
        for name in NOT_OURS:
            if numbers.get(name, 0.0) not in (0.0, numbers.get("dist_correction", 0.0)):
                raise BadInputError(f"{path}: laser {laser}: {name} = {numbers[name]:g}; two-point corrections are not supported")
        for name, otherwise in VELODYNE.items():
            value = numbers.get(name, otherwise)
            if value is None:
                raise BadInputError(f"{path}: laser {laser}: {name} is missing; every laser needs one")
            columns[name].append(value)
    return Beams(
        elevation_deg=_degrees(columns["vert_correction"]),
        azimuth_offset_deg=_degrees(-angle for angle in columns["rot_correction"]),
        range_offset_m=tuple(columns["dist_correction"]),
        vertical_offset_m=tuple(columns["vert_offset_correction"]),
        # The ROS driver counts it to the right where it looks along the beam, so it is y of the beam
        horizontal_offset_m=tuple(columns["horiz_offset_correction"]),
    )


def _hesai(path: Path, text: str) -> Beams:
    angles: dict[int, tuple[float, float]] = {}
    for line, row in _rows(path, text):
        shown = ",".join(row)[:SHOWN]
        try:
            channel, elevation, azimuth = int(row[0]), float(row[1]), float(row[2])
        except (ValueError, IndexError):
            raise BadInputError(f"{path} line {line}: '{shown}' is not channel, elevation, azimuth") from None
        if any(value.strip() for value in row[3:]):
            raise BadInputError(f"{path} line {line}: '{shown}' is more than channel, elevation, azimuth")
        if not (math.isfinite(elevation) and math.isfinite(azimuth)):
            raise BadInputError(f"{path} line {line}: '{shown}' holds an angle that is not finite")
        if channel in angles:
            raise BadInputError(f"{path} line {line}: channel {channel} is there twice; each channel has one line")
        angles[channel] = elevation, azimuth
    if sorted(angles) != list(range(1, len(angles) + 1)) or not angles:
        raise BadInputError(f"{path}: channels must count from 1; there are {sorted(angles)[:8]} ...")
    return Beams(*zip(*(angles[channel] for channel in sorted(angles)), strict=True))


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, values) without the heading, comments and empty lines."""
    rows = csv.reader(text.splitlines())
    try:
        for line, row in enumerate(rows, 1):
            if line > 1 and any(value.strip() for value in row) and not row[0].lstrip().startswith("#"):
                yield line, row
    except csv.Error as error:
        raise BadInputError(f"{path} line {rows.line_num}: cannot be read as CSV: {error}") from None


def _yaml_lasers(path: Path, text: str) -> Iterator[tuple[int, dict[str, float]]]:
    try:
        import yaml
    except ImportError:
        raise MissingPackage(f"reading {path}", "PyYAML", "replay") from None
    try:
        told = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise BadInputError(f"{path}: no list of lasers as the ROS driver has it: {_shortly(error)}") from None
    lasers = told.get("lasers") if isinstance(told, dict) else None
    if not isinstance(lasers, list):
        raise BadInputError(f"{path}: no list of lasers as the ROS driver has it: it has no list 'lasers'")
    for place, laser in enumerate(lasers, 1):
        where = f"{path}: entry {place} of lasers"
        if not isinstance(laser, dict) or "laser_id" not in laser:
            raise BadInputError(f"{where}: has no laser_id; every laser needs one")
        numbers = {name: number(laser[name], f"{where}: {name}") for name in (*VELODYNE, *NOT_OURS) if name in laser}
        yield whole(laser["laser_id"], f"{where}: laser_id"), numbers


def _xml_lasers(path: Path, text: str) -> Iterator[tuple[int, dict[str, float]]]:
    try:
        tree = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadInputError(f"{path}: no calibration of a Velodyne: {_shortly(error)}") from None
    for place, laser in enumerate(tree.iter("px"), 1):
        where = f"{path}: px number {place}"
        numbers: dict[str, float] = {}
        for item in laser:
            if item.tag in XML:
                name, unit = XML[item.tag]
                numbers[name] = number(item.text, f"{where}: {item.tag}") * unit
        for tag in ("rotCorrection_", "vertCorrection_"):
            if XML[tag][0] not in numbers:
                raise BadInputError(f"{where}: {tag} is missing; every laser needs one")
        yield whole(laser.findtext("id_"), f"{where}: id_"), numbers


def _degrees(angles: Iterable[float]) -> tuple[float, ...]:
    return tuple(math.degrees(angle) for angle in angles)


def _shortly(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _text(path: Path, content: bytes | None) -> str:
    try:
        return (path.read_bytes() if content is None else content).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
