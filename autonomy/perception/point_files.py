"""Point clouds from files: KITTI .bin, .pcd (ascii, binary, binary_compressed), Argoverse .feather, into arrays of LidarPoint.

Formats: the KITTI raw development kit (float32 x, y, z, reflectance 0..1); the PCD file format page of the Point Cloud Library,
version 0.7; Argoverse 2's user guide, "Lidar" (x, y, z, intensity, laser_number, offset_ns).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autonomy.errors import BadInputError, MissingPackage
from autonomy.msg import dtype

SUFFIXES = (".bin", ".pcd", ".feather")
MOST_HEADER = 65536  # bytes of a PCD header
MOST_POINTS = 20_000_000
UNIT_INTENSITY = 255.0  # reflectance told as 0..1 becomes 0..255
# Names that others give to the same column
NAMES = {
    "intensity": ("intensity", "i", "reflectivity", "reflectance"),
    "ring": ("ring", "channel", "laser_number", "laser_id"),
    "time_offset_ns": ("time_offset_ns", "offset_ns", "time_stamp", "t"),
    "column": ("column",),
    "return_kind": ("return_kind", "return_type"),
}
PCD_TYPES = {
    ("F", 4): "<f4",
    ("F", 8): "<f8",
    **{("U", n): f"<u{n}" for n in (1, 2, 4, 8)},
    **{("I", n): f"<i{n}" for n in (1, 2, 4, 8)},
}


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
        return to_points(_pcd(path, data), path)
    return to_points(_feather(path), path)


def is_points(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(SUFFIXES)


def to_points(columns: dict[str, np.ndarray], path: Path) -> np.ndarray:
    """Columns by the names of their source as LidarPoint. Raises BadInputError without x, y, z."""
    missing = [axis for axis in "xyz" if axis not in columns]
    if missing:
        raise BadInputError(f"{path}: has no field {missing[0]} (its fields: {', '.join(columns)}); a point needs x, y and z")
    points = np.zeros(len(columns["x"]), dtype("LidarPoint"))
    for axis in "xyz":
        points[axis] = columns[axis]
    for ours, theirs in NAMES.items():
        name = next((name for name in theirs if name in columns), None)
        if name is not None:
            points[ours] = _fitting(columns[name], points.dtype[ours], ours == "intensity")
    return points


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


def _pcd(path: Path, data: bytes) -> dict[str, np.ndarray]:
    header, begin = _pcd_header(path, data)
    try:
        names = header["FIELDS"]
        counts = [int(value) for value in header.get("COUNT", ["1"] * len(names))]
        kinds = [PCD_TYPES[kind, int(size)] for kind, size in zip(header["TYPE"], header["SIZE"], strict=True)]
        points = int(header["POINTS"][0]) if "POINTS" in header else int(header["WIDTH"][0]) * int(header["HEIGHT"][0])
        if len(names) != len(kinds) or len(counts) != len(names) or not names or min(counts) < 1 or max(counts) > 4096:
            raise ValueError
    except (KeyError, ValueError, IndexError):
        raise BadInputError(f"{path}: its header's FIELDS, SIZE, TYPE, COUNT and POINTS do not fit together") from None
    if not 0 <= points <= MOST_POINTS:
        raise BadInputError(f"{path}: POINTS {points}: must be between 0 and {MOST_POINTS}")
    fields = [(f"{k}", kind, (count,)) for k, (kind, count) in enumerate(zip(kinds, counts, strict=True))]
    row = np.dtype(fields)
    body = data[begin:]
    kind = header["DATA"][0].lower()
    if kind == "ascii":
        return _pcd_ascii(path, body, names, counts, points)
    if kind == "binary":
        if len(body) < points * row.itemsize:
            raise BadInputError(
                f"{path}: {points} points of {row.itemsize} bytes are told, {len(body)} bytes are there; it is cut"
            )
        table = np.frombuffer(body, row, points)
        return {name: table[f"{k}"][:, 0] for k, name in enumerate(names)}
    if kind == "binary_compressed":
        return dict(_pcd_columns(_pcd_unpacked(path, body, points * row.itemsize), names, row, points))
    raise BadInputError(f"{path}: DATA {kind}: must be ascii, binary or binary_compressed")


def _pcd_header(path: Path, data: bytes) -> tuple[dict[str, list[str]], int]:
    """Lines up to DATA, and where the points begin."""
    header: dict[str, list[str]] = {}
    at = 0
    while at < min(len(data), MOST_HEADER):
        end = data.find(b"\n", at)
        if end < 0:
            break
        words = data[at:end].decode("latin-1").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            header[words[0].upper()] = words[1:]
            if words[0].upper() == "DATA" and len(words) == 2:
                return header, at
    raise BadInputError(f"{path}: has no line DATA; it is no PCD file or cut")


def _pcd_ascii(path: Path, body: bytes, names: list[str], counts: list[int], points: int) -> dict[str, np.ndarray]:
    try:
        values = np.array(body.split(), np.float64)
    except ValueError:
        raise BadInputError(f"{path}: a value among its points is no number") from None
    if len(values) < points * sum(counts):
        raise BadInputError(
            f"{path}: {points} points of {sum(counts)} values are told, {len(values)} values are there; it is cut"
        )
    table = values[: points * sum(counts)].reshape(points, -1)
    begins = np.cumsum([0, *counts])
    return {name: table[:, begins[k]] for k, name in enumerate(names)}


def _pcd_unpacked(path: Path, body: bytes, size: int) -> np.ndarray:
    """The points of a binary_compressed body: two sizes and an LZF stream."""
    from autonomy.perception._lzf import unpack

    if len(body) < 8:
        raise BadInputError(f"{path}: has no sizes before its compressed points; it is cut")
    packed, unpacked = (int(value) for value in np.frombuffer(body, "<u4", 2))
    if len(body) < 8 + packed or unpacked != size:
        raise BadInputError(
            f"{path}: {packed} compressed and {unpacked} whole bytes are told, {len(body) - 8} are there and {size} needed; "
            "it is cut"
        )
    points = unpack(body[8 : 8 + packed], unpacked)
    if points is None:
        raise BadInputError(f"{path}: its compressed points are damaged")
    return points


def _pcd_columns(raw: np.ndarray, names: list[str], row: np.dtype, points: int) -> Iterator[tuple[str, np.ndarray]]:
    """Compressed files hold field after field, not point after point."""
    at = 0
    for k, name in enumerate(names):
        kind = row[f"{k}"]
        size = kind.itemsize * points
        yield name, raw[at : at + size].view(kind.base).reshape(points, *kind.shape)[:, 0]
        at += size


def _feather(path: Path) -> dict[str, np.ndarray]:
    try:
        import pyarrow
        from pyarrow import feather
    except ImportError:
        raise MissingPackage(f"reading {path.name}", "pyarrow", "replay") from None
    try:
        table = feather.read_table(path)
        return {name: table[name].to_numpy() for name in table.column_names}
    except (pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as error:
        raise BadInputError(f"{path}: is no Feather file that can be read: {str(error).splitlines()[0]}") from None
