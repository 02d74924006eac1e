"""The lane path a run keeps to: from a CSV file or from a recorded drive, as evenly spaced points in ECEF."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from autonomy.errors import BadInputError
from autonomy.geodesy import enu_to_geodetic, geodetic_to_ecef

SPACING_M = 5.0
MOST_LENGTH_M = 3e6  # of a file: three thousand kilometres; more is a mistake in the coordinates
DEFAULT_WIDTH_M = 1.75  # half of a 3.5 m motorway lane
POSITION_COLUMNS = (("x_m", "y_m"), ("lat_deg", "lon_deg"))
WIDTH_COLUMNS = ("width_left_m", "width_right_m")

EMPTY = np.zeros((0, 5))


def from_csv(path: str | Path, origin: tuple[float, float, float]) -> np.ndarray:
    """Points (n, 5): ECEF x, y, z and the widths to the lane's left and right boundary.

    Columns `x_m,y_m` (ENU about `origin`: latitude, longitude in degrees, altitude) or `lat_deg,lon_deg`, optionally
    `width_left_m,width_right_m`. Raises BadInputError naming file, line and column.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"lane path {path}: cannot be read: {error}") from None
    rows = csv.DictReader(text.splitlines())
    columns = rows.fieldnames or []
    position = next((pair for pair in POSITION_COLUMNS if set(pair) <= set(columns)), None)
    if position is None:
        raise BadInputError(
            f"lane path {path}: needs the columns x_m,y_m or lat_deg,lon_deg; found {', '.join(columns) or 'none'}"
        )
    points = []
    for line, row in enumerate(_rows(rows, path), 2):
        values = []
        for column in (*position, *WIDTH_COLUMNS):
            given = row.get(column)
            if given is None and column in WIDTH_COLUMNS:
                values.append(DEFAULT_WIDTH_M)
                continue
            try:
                value = float(given if given is not None else "")
            except ValueError:
                raise BadInputError(f"lane path {path} line {line}: {column} = {given!r} is not a number") from None
            if not np.isfinite(value):
                raise BadInputError(f"lane path {path} line {line}: {column} = {given!r} is not finite")
            values.append(value)
        points.append(values)
    if len(points) < 2:
        raise BadInputError(f"lane path {path}: holds {len(points)} points, at least 2 are needed")
    table = np.array(points)
    if position == POSITION_COLUMNS[0]:
        enu = np.column_stack([table[:, :2], np.zeros(len(table))])
        latitude, longitude, altitude = enu_to_geodetic(enu, origin)
    else:
        if np.abs(table[:, 0]).max() > 90.0 or np.abs(table[:, 1]).max() > 360.0:
            raise BadInputError(f"lane path {path}: lat_deg must lie within +-90 and lon_deg within +-360")
        latitude, longitude, altitude = table[:, 0], table[:, 1], np.full(len(table), origin[2])
    ecef = geodetic_to_ecef(latitude, longitude, altitude)
    length = float(np.linalg.norm(np.diff(ecef, axis=0), axis=1).sum())
    if not length <= MOST_LENGTH_M:
        raise BadInputError(
            f"lane path {path}: is {length / 1e3:.4g} km long, more than {MOST_LENGTH_M / 1e3:.0f} km; "
            f"check {' and '.join(position)}"
        )
    return resample(ecef, table[:, 2:4])


def _rows(rows: csv.DictReader, path: Path) -> Iterator[dict]:
    try:
        yield from rows
    except csv.Error as error:
        raise BadInputError(f"lane path {path}: is no CSV: {error}") from None


def from_drive(poses: np.ndarray) -> np.ndarray:
    """The path a recorded drive took, from an array of dtype("ReferencePose")."""
    if len(poses) < 2:
        return EMPTY
    ecef = geodetic_to_ecef(poses["latitude_deg"], poses["longitude_deg"], poses["altitude_m"])
    return resample(ecef, np.full((len(ecef), 2), DEFAULT_WIDTH_M))


def to_text(points: np.ndarray) -> str:
    """The points as text that `from_text` turns back into the same bits."""
    return "\n".join(",".join(map(repr, row)) for row in points.tolist())


def from_text(text: str) -> np.ndarray:
    rows = [[float(value) for value in line.split(",")] for line in text.splitlines()]
    return np.array(rows).reshape(-1, 5)


def resample(ecef: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Points every SPACING_M along the polyline; standstill and doubled points fall away."""
    step = np.linalg.norm(np.diff(ecef, axis=0), axis=1)
    distance = np.concatenate([[0.0], np.cumsum(step)])
    moving = np.concatenate([[True], step > 1e-6])
    if distance[-1] < SPACING_M or moving.sum() < 2:
        return EMPTY
    wanted = np.arange(0.0, distance[-1], SPACING_M)
    columns = [np.interp(wanted, distance[moving], values[moving]) for values in (*ecef.T, *widths.T)]
    return np.ascontiguousarray(np.stack(columns, axis=1))
