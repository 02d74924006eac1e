"""Point clouds from files: KITTI .bin, .pcd (pcd_file.py), Argoverse .feather, into arrays of LidarPoint.

Formats: the KITTI raw development kit (float32 x, y, z, reflectance 0..1); Argoverse 2's user guide, "Lidar" (x, y, z,
intensity, laser_number, offset_ns).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from autonomy.errors import BadInputError, MissingPackage
from autonomy.msg import dtype
from autonomy.perception.pcd_file import MOST_POINTS, columns_of_pcd

SUFFIXES = (".bin", ".pcd", ".feather")
MOST_SHOWN = 500  # characters of names in a sentence
UNIT_INTENSITY = 255.0  # reflectance told as 0..1 becomes 0..255
# Names that others give to the same column
NAMES = {
    "intensity": ("intensity", "i", "reflectivity", "reflectance"),
    "ring": ("ring", "channel", "laser_number", "laser_id"),
    "time_offset_ns": ("time_offset_ns", "offset_ns", "time_stamp", "t"),
    "column": ("column",),
    "return_kind": ("return_kind", "return_type"),
}
USED = ("x", "y", "z", *(name for names in NAMES.values() for name in names))


def read_points(path: Path) -> np.ndarray:
    """LidarPoint [n], in the order of the file. Columns that the file has not are zero. Raises BadInputError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from None
    name = path.name.lower()
    if name.endswith(".bin"):
        return to_points(_bin(path, data), path)
    if name.endswith(".pcd"):
        return to_points(columns_of_pcd(path, data), path)
    return to_points(_feather(path), path)


def is_points(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(SUFFIXES)


def to_points(columns: dict[str, np.ndarray], path: Path) -> np.ndarray:
    """Columns by the names of their source as LidarPoint. Raises BadInputError without x, y, z."""
    _needs_places(columns, path)
    points = np.zeros(len(columns["x"]), dtype("LidarPoint"))
    with np.errstate(over="ignore"):  # what is too far for a float32 is at infinity, where no step looks
        for axis in "xyz":
            points[axis] = columns[axis]
    for ours, theirs in NAMES.items():
        name = next((name for name in theirs if name in columns), None)
        if name is not None:
            points[ours] = _fitting(columns[name], points.dtype[ours], ours == "intensity")
    return points


def _needs_places(names: Iterable[str], path: Path) -> None:
    missing = [axis for axis in "xyz" if axis not in names]
    if missing:
        told = ", ".join(names)[:MOST_SHOWN]
        raise BadInputError(f"{path}: has no field {missing[0]} (its fields: {told}); a point needs x, y and z")


def _fitting(values: np.ndarray, wanted: np.dtype, is_intensity: bool) -> np.ndarray:
    """Within the limits of the wanted integer; reflectances of 0..1 in 255ths."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values.astype(float), posinf=0.0, neginf=0.0)
        if is_intensity and len(values) and values.max() <= 1.0:
            values = values * UNIT_INTENSITY
        values = np.rint(values)
    limits = np.iinfo(wanted)
    return np.clip(values, limits.min, limits.max).astype(wanted)


def _bin(path: Path, data: bytes) -> dict[str, np.ndarray]:
    """KITTI; nuScenes' .pcd.bin has a fifth column, the ring."""
    names = ("x", "y", "z", "intensity", "ring") if path.name.lower().endswith(".pcd.bin") else ("x", "y", "z", "intensity")
    if len(data) % (4 * len(names)):
        raise BadInputError(
            f"{path}: {len(data)} bytes are no whole number of points of {4 * len(names)} bytes (float32 {', '.join(names)}); "
            "it is cut or no such file"
        )
    table = np.frombuffer(data, "<f4").reshape(-1, len(names))
    return {name: table[:, k] for k, name in enumerate(names)}


def _feather(path: Path) -> dict[str, np.ndarray]:
    try:
        import pyarrow
        from pyarrow import feather
    except ImportError:
        raise MissingPackage(f"reading {path.name}", "pyarrow", "replay") from None
    try:
        table = feather.read_table(path)
        table.validate(full=True)  # before anything follows the offsets that a damaged file tells
        _can_be_points(table, path)
        return {name: table[name].to_numpy() for name in table.column_names if name in USED}
    except (pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInputError(f"{path}: is no Feather file that can be read: {said[:MOST_SHOWN]}") from None


def _can_be_points(table, path: Path) -> None:
    """Raises BadInputError for a pyarrow.Table whose columns are no numbers, or that has one of those we read twice."""
    from pyarrow import types

    names = table.column_names
    _needs_places(names, path)
    if table.num_rows > MOST_POINTS:
        raise BadInputError(f"{path}: {table.num_rows} points; must be between 0 and {MOST_POINTS}")
    for name in dict.fromkeys(name for name in names if name in USED):
        if names.count(name) > 1:
            raise BadInputError(f"{path}: has {names.count(name)} columns '{name}'; leave one of them")
        kind = table.schema.field(name).type
        if not (types.is_integer(kind) or types.is_floating(kind)):
            raise BadInputError(f"{path}: column '{name}' is of type {str(kind)[:MOST_SHOWN]}; it must hold numbers")
