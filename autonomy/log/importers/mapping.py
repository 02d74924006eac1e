"""mapping.toml of the generic importer, checked key by key before a file is opened.

Every mistake is a UsageError that names mapping, stream, key, value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import toml_file
from autonomy.errors import UsageError
from autonomy.log.importers.kinds import KINDS, UNITS, Kind, find_field

EPOCHS = ("boot", "utc", "gps")
TIME_UNITS = {unit: int(factor) for unit, factor in UNITS["time"].items()}
DIRECTIONS = {"forward": (0, 1), "backward": (0, -1), "left": (1, 1), "right": (1, -1), "up": (2, 1), "down": (2, -1)}
SIGNED_AXES = {
    f"{sign}{axis}": (number, -1 if sign == "-" else 1) for number, axis in enumerate("xyz") for sign in ("", "+", "-")
}
TOP_KEYS = {"clock", "stream", "vehicle"}
CLOCK_KEYS = {"name", "unit", "epoch", "offset_s"}
STREAM_KEYS = {"kind", "file", "time", "axes", "columns", "frame", "invalid", "origin", "source", "header", "delimiter"}
TIME_KEYS = {"column", "index", "unit", "offset_s"}
COLUMN_KEYS = {"column", "index", "unit", "scale", "offset"}
INVALID_KEYS = {"column", "index", "equals"}


def read_mapping(mapping: Path) -> dict[str, Any]:
    table = toml_file.read(mapping)
    _known_keys(str(mapping), table, TOP_KEYS)
    streams = table.get("stream")
    if not isinstance(streams, list) or not streams or not all(isinstance(entry, dict) for entry in streams):
        raise UsageError(f"{mapping}: no stream; describe each file in a table [[stream]] with kind, file, time and columns")
    if not isinstance(table.get("clock", {}), dict):
        raise UsageError(f"{mapping}: clock must be a table [clock]")
    if not isinstance(table.get("vehicle", ""), str):
        raise UsageError(f"{mapping}: vehicle must be the name of a vehicle configuration, such as 'vehicles/name'")
    return table


class Clock:
    def __init__(self, mapping: Path, entry: dict[str, Any]):
        where = f"{mapping}: [clock]"
        _known_keys(where, entry, CLOCK_KEYS)
        self.name = str(entry.get("name", "unnamed"))
        self.unit = one_of(where, "unit", entry.get("unit", "s"), TIME_UNITS)
        self.epoch = one_of(where, "epoch", entry.get("epoch", "boot"), EPOCHS)
        self.offset_ns = offset_ns(where, entry)


class Stream:
    """One [[stream]] of the mapping, checked."""

    def __init__(self, mapping: Path, number: int, entry: dict[str, Any], clock: Clock, sources: Sequence[Path]):
        self.where = f"{mapping}: stream {number}"
        self.entry, self.clock = entry, clock
        _known_keys(self.where, entry, STREAM_KEYS)
        for key in ("kind", "file", "time", "columns"):
            if key not in entry:
                raise UsageError(f"{self.where}: '{key}' is missing; a stream has kind, file, time and columns")
        self.kind: Kind = KINDS[one_of(self.where, "kind", entry["kind"], KINDS)]
        self.where += f" ({entry['kind']})"
        self.path = self._find(mapping, entry["file"], sources)
        self._check_shape()
        self.rotation = self._axes()
        self.columns = self._columns()
        self.frame = self._frame()
        self._check_required()
        self.origin = self._origin()

    def _find(self, mapping: Path, name: Any, sources: Sequence[Path]) -> Path:
        if not isinstance(name, str):
            raise UsageError(f"{self.where}: file = {name!r} must be a file name")
        candidates = [
            source / name if source.is_dir() else source for source in sources if source.is_dir() or source.name == name
        ]
        candidates.append(mapping.parent / name)
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            raise UsageError(f"{self.where}: file = '{name}' does not exist; looked for {', '.join(map(str, candidates))}")
        return found

    def _check_shape(self) -> None:
        entry = self.entry
        for key, keys in (("time", TIME_KEYS), ("invalid", INVALID_KEYS)):
            if key in entry:
                self._column_table(key, entry[key], keys)
        if "invalid" in entry and "equals" not in entry["invalid"]:
            raise UsageError(f"{self.where}: invalid lacks 'equals': the value that marks a row as invalid")
        marks = entry.get("invalid", {}).get("equals", 0)
        if not all(isinstance(mark, int | float | str) for mark in (marks if isinstance(marks, list) else [marks])):
            raise UsageError(f"{self.where}: invalid.equals = {marks!r} must be a number, a text or a list of them")
        source = entry.get("source", 0)
        if type(source) is not int or not 0 <= source < 65536:
            raise UsageError(f"{self.where}: source = {source!r} must be a number from 0 to 65535")
        if not isinstance(entry.get("header", True), bool):
            raise UsageError(f"{self.where}: header = {entry['header']!r} must be true or false")
        delimiter = entry.get("delimiter", ",")
        if not isinstance(delimiter, str) or len(delimiter) != 1:
            raise UsageError(f"{self.where}: delimiter = {delimiter!r} must be one character")
        if not isinstance(entry["columns"], dict) or not entry["columns"]:
            raise UsageError(
                f"{self.where}: columns must be tables such as columns.{next(iter(self.kind.fields))} = {{ column = ... }}"
            )

    def _column_table(self, key: str, spec: Any, keys: set[str]) -> None:
        where = f"{self.where}: {key}"
        if not isinstance(spec, dict) or "column" not in spec:
            raise UsageError(f"{where} = {spec!r} must be a table with the key 'column'")
        _known_keys(where, spec, keys)
        if type(spec["column"]) not in (str, int):
            raise UsageError(f"{where}.column = {spec['column']!r} must be a name or an index")
        if type(spec.get("index", 0)) is not int:
            raise UsageError(f"{where}.index = {spec['index']!r} must be a number")

    def _axes(self) -> np.ndarray | None:
        axes = self.entry.get("axes")
        if axes is None:
            return None
        if self.entry["kind"] != "imu":
            raise UsageError(f"{self.where}: axes are for an imu only; turn a sign with scale = -1.0")
        words = isinstance(axes, list) and len(axes) == 3 and all(axis in DIRECTIONS for axis in axes if isinstance(axis, str))
        table = DIRECTIONS if words else SIGNED_AXES
        if not isinstance(axes, list) or len(axes) != 3 or not all(isinstance(axis, str) and axis in table for axis in axes):
            raise UsageError(
                f"{self.where}: axes = {axes!r}; give three of {', '.join(DIRECTIONS)}, or three such as '-y', '+z', '-x'"
            )
        rotation = np.zeros((3, 3))
        for number, axis in enumerate(axes):
            other, sign = table[axis]
            rotation[(other, number) if words else (number, other)] = sign
        if round(np.linalg.det(rotation)) != 1:
            raise UsageError(f"{self.where}: axes = {axes!r} name an axis twice or are a left-handed frame; check one sign")
        return rotation

    def _columns(self) -> dict[str, tuple]:
        found: dict[str, tuple] = {}
        for name, spec in self.entry["columns"].items():
            match = find_field(self.kind, name)
            if match is None:
                raise UsageError(
                    f"{self.where}: columns.{name} is no field of a {self.entry['kind']}; allowed: {', '.join(self.kind.fields)}"
                )
            key, item = match
            if key in found:
                raise UsageError(f"{self.where}: columns.{name} names {key} a second time")
            self._column_table(f"columns.{name}", spec, COLUMN_KEYS)
            if "unit" in spec:
                one_of(f"{self.where}: columns.{name}", "unit", spec["unit"], UNITS[item.quantity])
            for number in ("scale", "offset"):
                if number in spec and (isinstance(spec[number], bool) or not isinstance(spec[number], int | float)):
                    raise UsageError(f"{self.where}: columns.{name}.{number} = {spec[number]!r} must be a number")
            if item.quantity == "time" and spec.keys() & {"scale", "offset"}:
                raise UsageError(f"{self.where}: columns.{name} is a time and is kept exact; use unit, not scale or offset")
            found[key] = item, spec
        return found

    def _frame(self) -> str | None:
        if self.kind.frames is None:
            if "frame" in self.entry:
                raise UsageError(f"{self.where}: frame is for gnss and reference_pose only")
            return None
        return one_of(self.where, "frame", self.entry.get("frame", "lla"), self.kind.frames)

    def _check_required(self) -> None:
        required = self.kind.required + (self.kind.frames[self.frame] if self.frame else ())
        missing = [name for name in required if name not in self.columns]
        if missing:
            raise UsageError(f"{self.where}: columns.{missing[0]} is missing; a {self.entry['kind']} needs {', '.join(required)}")
        if self.kind.any_of and not any(name in self.columns for name in self.kind.any_of):
            raise UsageError(f"{self.where}: columns has none of {', '.join(self.kind.any_of)}; a {self.entry['kind']} needs one")
        if self.frame is not None:
            given = [name for name in self.columns if name.startswith("position_") and name[9:] in ("x", "y", "z")]
            if self.frame == "lla" and given:
                raise UsageError(f"{self.where}: columns.{given[0]} needs frame = 'enu' or 'ecef', not 'lla'")
            if self.frame != "lla" and "latitude_deg" in self.columns:
                raise UsageError(f"{self.where}: columns.latitude_deg needs frame = 'lla', not '{self.frame}'")
        velocity = [name for name in self.columns if name in ("velocity_x", "velocity_y", "velocity_z")]
        if velocity and (self.frame == "lla" or len(velocity) != 3):
            raise UsageError(f"{self.where}: columns.{velocity[0]} needs frame = 'enu' or 'ecef' and all of x, y and z")
        if self.frame == "ecef" and "velocity_east" in self.columns:
            raise UsageError(f"{self.where}: columns.velocity_east needs frame = 'lla' or 'enu', not 'ecef'")
        parts = [name for name in self.columns if name.startswith("orientation_")]
        if parts and len(parts) != 4:
            raise UsageError(f"{self.where}: columns.{parts[0]}: an orientation needs all of w, x, y and z")

    def _origin(self) -> tuple[float, float, float] | None:
        origin = self.entry.get("origin")
        if self.frame == "enu":
            numbers = isinstance(origin, list) and len(origin) == 3 and all(type(value) in (int, float) for value in origin)
            if not numbers:
                raise UsageError(
                    f"{self.where}: frame = 'enu' needs origin = [latitude_deg, longitude_deg, altitude_m], not {origin!r}"
                )
            return float(origin[0]), float(origin[1]), float(origin[2])
        if origin is not None:
            raise UsageError(f"{self.where}: origin is for frame = 'enu' only")
        return None


def _known_keys(where: str, table: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise UsageError(f"{where}: no key '{unknown[0]}'; allowed: {', '.join(sorted(known))}")


def one_of(where: str, key: str, value: Any, allowed) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise UsageError(f"{where}: {key} = {value!r} is not known; allowed: {', '.join(allowed)}")
    return value


def offset_ns(where: str, entry: dict[str, Any]) -> int:
    offset = entry.get("offset_s", 0.0)
    if isinstance(offset, bool) or not isinstance(offset, int | float) or not np.isfinite(offset):
        raise UsageError(f"{where}: offset_s = {offset!r} must be a number of seconds")
    return offset * 1_000_000_000 if isinstance(offset, int) else round(offset * 1e9)
