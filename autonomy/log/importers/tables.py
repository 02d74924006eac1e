"""Columns out of CSV, .npy, .npz and .parquet files: numbers as float64, times as exact integers where the file has them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from autonomy.errors import AutonomyError, LogError, MissingPackage

DELIMITERS = ",;\t "
MOST_NS = 2**63 - 1


class Table:
    """A file's columns. `column(key, index)` returns the raw cells: a NumPy array, or a list of texts from a CSV."""

    def __init__(self, path: Path, read: Callable, names: list[str], length: int):
        self.path, self._read, self.names, self.length = path, read, names, length

    def column(self, key: str | int, index: int | None = None) -> np.ndarray | list[str]:
        """Raises KeyError for a column that is not there, LogError for one that is no list of single values."""
        cells = self._read(key)
        if isinstance(cells, np.ndarray) and cells.ndim == 2:
            if index is None or not 0 <= index < cells.shape[1]:
                raise LogError(f"{self.path}: column '{key}' holds {cells.shape[1]} values a row; say which with index = 0 ...")
            return cells[:, index]
        if index is not None and index != 0:
            raise LogError(f"{self.path}: column '{key}' holds one value a row; index = {index} is not there")
        return cells


def open_table(path: Path, header: bool | None = None, delimiter: str | None = None) -> Table:
    """Opens a file by its ending. Raises LogError, EnvironmentFault where a package is missing."""
    if not path.is_file():
        raise LogError(f"{path} does not exist")
    kinds = {".csv": _csv, ".txt": _csv, ".tsv": _csv, ".npy": _npy, ".npz": _npz, ".parquet": _parquet}
    if path.suffix.lower() not in kinds:
        raise LogError(f"{path}: the ending '{path.suffix}' is not known; use .csv, .npy, .npz or .parquet")
    try:
        return kinds[path.suffix.lower()](path, header, delimiter)
    except AutonomyError:
        raise
    except Exception as error:  # NumPy and zipfile raise whatever they meet in a damaged file
        raise LogError(f"{path} cannot be read: {error}") from error


def numbers(cells: np.ndarray | list[str]) -> np.ndarray:
    """Cells as float64, NaN where there is no number."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "fiub":
        return cells.astype(np.float64)
    if isinstance(cells, np.ndarray):
        cells = [cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in cells]
    return np.array([_number(cell) for cell in cells], np.float64)


def nanoseconds(cells: np.ndarray | list[str], factor: int, offset_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Times as int64 nanoseconds and which of them are usable; integers and decimal texts are exact. `factor`: ns a unit."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        cells, factor = cells.astype("datetime64[ns]").astype(np.int64), 1
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f":
        scaled = cells.astype(np.float64) * factor
        usable = np.isfinite(scaled) & (np.abs(scaled) < 9e18)
        times = np.zeros(len(cells), np.int64)
        times[usable] = np.rint(scaled[usable]).astype(np.int64)
        exact = [int(time) + offset_ns if good else None for time, good in zip(times.tolist(), usable.tolist(), strict=True)]
    elif isinstance(cells, np.ndarray) and cells.dtype.kind in "iu":
        exact = [cell * factor + offset_ns for cell in cells.tolist()]
    else:
        exact = [None if (time := _exact(str(cell), factor)) is None else time + offset_ns for cell in cells]
    usable = np.array([time is not None and 0 <= time <= MOST_NS for time in exact], bool)
    return np.array([time if good else 0 for time, good in zip(exact, usable.tolist(), strict=True)], np.int64), usable


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(text.strip().lower(), np.nan)


def _exact(text: str, factor: int) -> int | None:
    try:
        return int((Decimal(text.strip()) * factor).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _csv(path: Path, header: bool | None, delimiter: str | None) -> Table:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValueError("it holds no line")
    if delimiter is None:
        delimiter = max(DELIMITERS, key=lines[0].count)
    rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    if header is None:
        header = any(np.isnan(_number(cell)) and cell.strip().lower() != "nan" for cell in rows[0] if cell.strip())
    names = [name.strip() for name in rows[0]] if header else []
    rows = rows[1:] if header else rows
    width = max((len(row) for row in rows), default=len(names))

    def read(key: str | int) -> list[str]:
        place = key if isinstance(key, int) else names.index(key) if key in names else None
        if place is None or not 0 <= place < max(width, len(names)):
            raise KeyError(key)
        return [row[place] if place < len(row) else "" for row in rows]

    return Table(path, read, names or [str(number) for number in range(width)], len(rows))


def _npy(path: Path, header, delimiter) -> Table:
    array = np.load(path, allow_pickle=False)
    return _of_array(path, array)


def _of_array(path: Path, array: np.ndarray) -> Table:
    if array.dtype.names:

        def read_field(key: str | int) -> np.ndarray:
            if key not in array.dtype.names:
                raise KeyError(key)
            return array[key]

        return Table(path, read_field, list(array.dtype.names), len(array))
    if array.ndim not in (1, 2):
        raise ValueError(f"its shape is {array.shape}, a table has one or two dimensions")
    columns = array.reshape(len(array), -1)

    def read_column(key: str | int) -> np.ndarray:
        if not isinstance(key, int) or not 0 <= key < columns.shape[1]:
            raise KeyError(key)
        return columns[:, key]

    return Table(path, read_column, [str(number) for number in range(columns.shape[1])], len(columns))


def _npz(path: Path, header, delimiter) -> Table:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if not arrays:
        raise ValueError("it holds no array")
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}

    def read(key: str | int) -> np.ndarray:
        if key not in arrays:
            raise KeyError(key)
        if arrays[key].ndim not in (1, 2):
            raise LogError(f"{path}: array '{key}' has shape {arrays[key].shape}, a column has one or two dimensions")
        return arrays[key]

    return Table(path, read, list(arrays), max(lengths.values()))


def _parquet(path: Path, header, delimiter) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingPackage(f"{path}: reading Parquet", "pyarrow", "replay") from error
    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise LogError(f"{path} cannot be read: {error}") from error

    def read(key: str | int) -> np.ndarray:
        if key not in table.column_names:
            raise KeyError(key)
        return table[key].to_numpy()

    return Table(path, read, table.column_names, table.num_rows)
