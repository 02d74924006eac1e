"""The generic importer: a mapping.toml that says which column of which file is what (its keys: docs of `--map`).

`axes` of an IMU says either where its own x, y, z point (["forward", "right", "down"]) or which of its axes the
vehicle's forward, left and up are (["-y", "-z", "+x"]). A `lead` without `y` is taken to be straight ahead. In frame
"enu", `origin = [latitude_deg, longitude_deg, altitude_m]` says where position x, y, z = 0 is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import geodesy, msg
from autonomy.errors import LogError, UsageError
from autonomy.log.importers import Conversion, samples, tables
from autonomy.log.importers.kinds import KINDS, UNITS, Kind, find_field
from autonomy.log.writer import LogWriter

FORMAT = "columns"
EPOCHS = ("boot", "utc", "gps")
TIME_UNITS = {unit: int(factor) for unit, factor in UNITS["time"].items()}
DIRECTIONS = {"forward": (0, 1), "backward": (0, -1), "left": (1, 1), "right": (1, -1), "up": (2, 1), "down": (2, -1)}
SIGNED_AXES = {f"{sign}{axis}": (number, -1 if sign == "-" else 1) for number, axis in enumerate("xyz") for sign in ("", "+", "-")}
TOP_KEYS = {"clock", "stream", "vehicle"}
CLOCK_KEYS = {"name", "unit", "epoch", "offset_s"}
STREAM_KEYS = {"kind", "file", "time", "axes", "columns", "frame", "invalid", "origin", "source", "header", "delimiter"}
TIME_KEYS = {"column", "index", "unit", "offset_s"}
COLUMN_KEYS = {"column", "index", "unit", "scale", "offset"}
INVALID_KEYS = {"column", "index", "equals"}


def convert(mapping: Path, sources: Sequence[Path], output: Path) -> Conversion:
    """Writes all streams of a mapping to one log. Files are looked for in `sources`, then beside the mapping.

    Raises UsageError for a mistake in the mapping, LogError for a file that does not hold what it says.
    """
    table = _read_mapping(mapping)
    clock = _Clock(mapping, table.get("clock", {}))
    conversion = Conversion(FORMAT)
    streams: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for number, entry in enumerate(table["stream"], 1):
        stream = _Stream(mapping, number, entry, clock, sources)
        times, rows = stream.read(conversion)
        streams.setdefault(stream.kind.topic, []).append((times, rows))
    merged = {
        topic: (np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))
        for topic, parts in streams.items()
    }
    if not any(len(times) for times, _ in merged.values()):
        reasons = "; ".join(f"{reason}: {count}" for reason, count in conversion.unused.items() if count)
        raise LogError(f"{mapping}: no row of any stream could be used ({reasons or 'the files are empty'})")
    metadata = {"importer": FORMAT, "clock": clock.name, "clock_epoch": clock.epoch, "mapping": mapping.name}
    if "vehicle" in table:
        metadata["vehicle"] = table["vehicle"]
    with LogWriter(output, metadata) as writer:
        writer.attach("mapping.toml", mapping.read_bytes(), "application/toml")
        writer.write_merged(merged)
        conversion.messages, conversion.start_ns, conversion.end_ns = writer.counts, writer.start_ns, writer.end_ns
    return conversion


def _read_mapping(mapping: Path) -> dict[str, Any]:
    try:
        with mapping.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"cannot read the mapping {mapping}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{mapping} is not a TOML file: {error}") from error
    _known_keys(str(mapping), table, TOP_KEYS)
    streams = table.get("stream")
    if not isinstance(streams, list) or not streams or not all(isinstance(entry, dict) for entry in streams):
        raise UsageError(f"{mapping}: no stream; describe each file in a table [[stream]] with kind, file, time and columns")
    if not isinstance(table.get("clock", {}), dict):
        raise UsageError(f"{mapping}: clock must be a table [clock]")
    if not isinstance(table.get("vehicle", ""), str):
        raise UsageError(f"{mapping}: vehicle must be the name of a vehicle configuration, such as 'vehicles/name'")
    return table


class _Clock:
    def __init__(self, mapping: Path, entry: dict[str, Any]):
        where = f"{mapping}: [clock]"
        _known_keys(where, entry, CLOCK_KEYS)
        self.name = str(entry.get("name", "unnamed"))
        self.unit = _one_of(where, "unit", entry.get("unit", "s"), TIME_UNITS)
        self.epoch = _one_of(where, "epoch", entry.get("epoch", "boot"), EPOCHS)
        self.offset_ns = _offset_ns(where, entry)


class _Stream:
    """One [[stream]] of the mapping, checked; `read` gives its messages."""

    def __init__(self, mapping: Path, number: int, entry: dict[str, Any], clock: _Clock, sources: Sequence[Path]):
        self.where = f"{mapping}: stream {number}"
        self.entry, self.clock = entry, clock
        _known_keys(self.where, entry, STREAM_KEYS)
        for key in ("kind", "file", "time", "columns"):
            if key not in entry:
                raise UsageError(f"{self.where}: '{key}' is missing; a stream has kind, file, time and columns")
        self.kind: Kind = KINDS[_one_of(self.where, "kind", entry["kind"], KINDS)]
        self.where += f" ({entry['kind']})"
        self.path = self._find(mapping, entry["file"], sources)
        self._check_shape()
        self.rotation = self._axes()
        self.columns = self._columns()
        self.frame = self._frame()
        self._check_required()
        self.origin = self._origin()

    def read(self, conversion: Conversion) -> tuple[np.ndarray, np.ndarray]:
        """(log times, messages) of the rows that can be used; the others are counted."""
        table = tables.open_table(self.path, self.entry.get("header"), self.entry.get("delimiter"))
        times, usable = self._times(table, self.entry["time"], "time")
        conversion.unused[f"{self.path.name}: time missing or out of range"] += int((~usable).sum())
        invalid = self._invalid(table)
        conversion.unused[f"{self.path.name}: marked invalid"] += int((usable & invalid).sum())
        usable &= ~invalid
        values, received = {}, times
        for name, (item, spec) in self.columns.items():
            if item.quantity == "time":
                exact, good = self._times(table, spec, f"columns.{name}", of_clock=name == "received_time_ns")
                values[name] = np.where(good, exact, 0)
                if name == "received_time_ns":
                    conversion.unused[f"{self.path.name}: received_time missing or out of range"] += int((usable & ~good).sum())
                    usable, received = usable & good, exact
            else:
                values[name] = self._numbers(table, name, item, spec)
        present = self._present(values, len(times))
        conversion.unused[f"{self.path.name}: value missing or not a number"] += int((usable & ~present).sum())
        usable &= present
        values = {name: column[usable] for name, column in values.items()}
        backwards = int((np.diff(received[usable]) < 0).sum())
        conversion.notes[f"{self.path.name}: times that go backwards (sorted)"] += backwards
        rows = self._rows(times[usable], received[usable], values)
        if self.entry["kind"] == "imu" and len(rows) and rows["acceleration_z"].mean() < 0.0:
            conversion.notes[f"{self.path.name}: gravity reads {rows['acceleration_z'].mean():.1f} m/s2 on z, check axes"] += len(rows)
        if self.kind.message == self.kind.sample:
            return received[usable], rows
        return received[usable], samples.as_messages(self.kind.message, rows)

    def _find(self, mapping: Path, name: Any, sources: Sequence[Path]) -> Path:
        if not isinstance(name, str):
            raise UsageError(f"{self.where}: file = {name!r} must be a file name")
        candidates = [source / name if source.is_dir() else source for source in sources if source.is_dir() or source.name == name]
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
            raise UsageError(f"{self.where}: columns must be tables such as columns.{next(iter(self.kind.fields))} = {{ column = ... }}")

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
                _one_of(f"{self.where}: columns.{name}", "unit", spec["unit"], UNITS[item.quantity])
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
        return _one_of(self.where, "frame", self.entry.get("frame", "lla"), self.kind.frames)

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
                raise UsageError(f"{self.where}: frame = 'enu' needs origin = [latitude_deg, longitude_deg, altitude_m], not {origin!r}")
            return float(origin[0]), float(origin[1]), float(origin[2])
        if origin is not None:
            raise UsageError(f"{self.where}: origin is for frame = 'enu' only")
        return None

    def _cells(self, table: tables.Table, key: str, spec: dict[str, Any]):
        try:
            cells = table.column(spec["column"], spec.get("index"))
        except KeyError as error:
            names = ", ".join(table.names)
            raise UsageError(f"{self.where}: {key}.column = {spec['column']!r} is not in {table.path}; it has {names}") from error
        if len(cells) != table.length:
            raise LogError(f"{self.where}: {key}.column = {spec['column']!r} has {len(cells)} rows, others have {table.length}")
        return cells

    def _times(self, table: tables.Table, spec: dict[str, Any], key: str, of_clock: bool = True):
        unit = _one_of(f"{self.where}: {key}", "unit", spec.get("unit", self.clock.unit if of_clock else "ns"), TIME_UNITS)
        offset_ns = _offset_ns(f"{self.where}: {key}", spec) + (self.clock.offset_ns if of_clock else 0)
        return tables.nanoseconds(self._cells(table, key, spec), TIME_UNITS[unit], offset_ns)

    def _numbers(self, table: tables.Table, name: str, item, spec: dict[str, Any]) -> np.ndarray:
        units = UNITS[item.quantity]
        factor = units[spec.get("unit", next(iter(units)))]
        cells = tables.numbers(self._cells(table, f"columns.{name}", spec))
        # value = (cell x scale + offset) in the unit given; factors of one change no bit
        return (cells * float(spec.get("scale", 1.0)) + float(spec.get("offset", 0.0))) * factor

    def _invalid(self, table: tables.Table) -> np.ndarray:
        spec = self.entry.get("invalid")
        if spec is None:
            return np.zeros(table.length, bool)
        cells, marks = self._cells(table, "invalid", spec), spec["equals"]
        invalid = np.zeros(len(cells), bool)
        for mark in marks if isinstance(marks, list) else [marks]:
            if isinstance(mark, str):
                invalid |= np.array([str(cell).strip() == mark for cell in cells], bool)
            else:
                invalid |= tables.numbers(cells) == float(mark)
        return invalid

    def _present(self, values: dict[str, np.ndarray], count: int) -> np.ndarray:
        required = self.kind.required + (self.kind.frames[self.frame] if self.frame else ())
        present = np.ones(count, bool)
        for name in required:
            present &= np.isfinite(values[name])
        optional = [np.isfinite(values[name]) for name in self.kind.any_of if name in values]
        return present & np.logical_or.reduce(optional) if optional else present

    def _rows(self, times: np.ndarray, received: np.ndarray, values: dict[str, np.ndarray]) -> np.ndarray:
        if self.kind.sample == "ReferencePose":
            rows = np.zeros(len(times), msg.dtype("ReferencePose"))
            for name in rows.dtype.names[1:]:
                rows[name] = np.nan
            rows["time_ns"] = times
        else:
            rows = samples.blank(self.kind.sample, times)
            rows["received_time_ns"] = received
            rows["source"] = self.entry.get("source", 0)
        if self.kind.sample == "GnssSample":
            rows["fix_type"] = rows["satellites"] = 255
        if self.entry["kind"] == "lead":
            rows["y"] = 0.0
        for name, column in values.items():
            item = self.columns[name][0]
            if item.target in rows.dtype.names:
                target = rows[item.target] if item.element is None else rows[item.target][:, item.element]
                target[:] = self._whole(name, column, target.dtype) if target.dtype.kind in "iu" else column
        if self.rotation is not None:
            for part in ("acceleration", "angular_rate"):
                turned = np.stack([rows[f"{part}_{axis}"] for axis in "xyz"], axis=1) @ self.rotation.T
                for number, axis in enumerate("xyz"):
                    rows[f"{part}_{axis}"] = turned[:, number]
        if self.frame in ("enu", "ecef"):
            self._place(rows, values)
        if self.kind.sample == "ReferencePose":
            self._orient(rows, values)
        return rows

    def _whole(self, name: str, column: np.ndarray, dtype: np.dtype) -> np.ndarray:
        if column.dtype.kind in "iu":
            return column
        limits = np.iinfo(dtype)
        filled = np.where(np.isfinite(column), np.rint(column), limits.max)
        if ((filled < limits.min) | (filled > limits.max)).any():
            raise LogError(f"{self.where}: columns.{name} holds {column[(filled < limits.min) | (filled > limits.max)][0]:g}, "
                           f"outside {limits.min} to {limits.max}")  # fmt: skip
        return filled.astype(dtype)

    def _place(self, rows: np.ndarray, values: dict[str, np.ndarray]) -> None:
        """Latitude, longitude, altitude and velocity from local or earth-fixed metres."""
        missing = np.zeros(len(rows))
        position = np.stack([values.get(f"position_{axis}", missing) for axis in "xyz"], axis=1)
        if self.frame == "ecef":
            latitude, longitude, altitude = geodesy.ecef_to_geodetic(position)
        else:
            latitude, longitude, altitude = geodesy.enu_to_geodetic(position, self.origin)
        rows["latitude_deg"], rows["longitude_deg"], rows["altitude_m"] = latitude, longitude, altitude
        if "velocity_x" in values:
            velocity = np.stack([values[f"velocity_{axis}"] for axis in "xyz"], axis=1)
            if self.frame == "ecef" and len(rows):
                turn = np.stack([geodesy.enu_rotation(*place) for place in zip(latitude, longitude, strict=True)])
                velocity = np.einsum("nij,nj->ni", turn, velocity)
            rows["velocity_east"], rows["velocity_north"], rows["velocity_up"] = velocity.T

    def _orient(self, rows: np.ndarray, values: dict[str, np.ndarray]) -> None:
        """The quaternion vehicle to ENU from roll, pitch and yaw, or from one that turns into ECEF; else as it was read."""
        from scipy.spatial.transform import Rotation

        if not len(rows):
            return
        if "yaw" in values or "heading_deg" in values:
            yaw = values["yaw"] if "yaw" in values else np.radians(90.0 - values["heading_deg"])
            none = np.zeros(len(rows))
            angles = np.stack([yaw, values.get("pitch", none), values.get("roll", none)], axis=1)
            good = np.isfinite(angles).all(axis=1)
            rows["orientation"][good] = Rotation.from_euler("ZYX", angles[good]).as_quat(canonical=True, scalar_first=True)
        elif self.frame == "ecef" and "orientation_w" in values:
            good = np.isfinite(rows["orientation"]).all(axis=1) & (np.linalg.norm(np.nan_to_num(rows["orientation"]), axis=1) > 0.5)
            places = zip(rows["latitude_deg"][good], rows["longitude_deg"][good], strict=True)
            turn = np.array([geodesy.enu_rotation(*place) for place in places]).reshape(-1, 3, 3)
            inner = Rotation.from_quat(rows["orientation"][good], scalar_first=True).as_matrix()
            if good.any():
                rows["orientation"][good] = Rotation.from_matrix(turn @ inner).as_quat(canonical=True, scalar_first=True)


def _known_keys(where: str, table: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise UsageError(f"{where}: no key '{unknown[0]}'; allowed: {', '.join(sorted(known))}")


def _one_of(where: str, key: str, value: Any, allowed) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise UsageError(f"{where}: {key} = {value!r} is not known; allowed: {', '.join(allowed)}")
    return value


def _offset_ns(where: str, entry: dict[str, Any]) -> int:
    offset = entry.get("offset_s", 0.0)
    if isinstance(offset, bool) or not isinstance(offset, int | float) or not np.isfinite(offset):
        raise UsageError(f"{where}: offset_s = {offset!r} must be a number of seconds")
    return offset * 1_000_000_000 if isinstance(offset, int) else round(offset * 1e9)
