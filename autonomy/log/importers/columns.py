"""The generic importer: a mapping.toml that says which column of which file is what; mapping.py has its keys.

`axes` of an IMU says either where its own x, y, z point (["forward", "right", "down"]) or which of its axes the
vehicle's forward, left and up are (["-y", "-z", "+x"]). A `lead` without `y` is taken to be straight ahead. In frame
"enu", `origin = [latitude_deg, longitude_deg, altitude_m]` says where position x, y, z = 0 is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autonomy import geodesy, msg
from autonomy.errors import LogError, UsageError
from autonomy.log.importers import Conversion, samples, tables
from autonomy.log.importers.kinds import UNITS
from autonomy.log.importers.mapping import TIME_UNITS, Clock, Stream, offset_ns, one_of, read_mapping
from autonomy.log.writer import LogWriter

FORMAT = "columns"


def convert(mapping: Path, sources: Sequence[Path], output: Path) -> Conversion:
    """Writes all streams of a mapping to one log. Files are looked for in `sources`, then beside the mapping.

    Raises UsageError for a mistake in the mapping, LogError for a file that does not hold what it says.
    """
    table = read_mapping(mapping)
    clock = Clock(mapping, table.get("clock", {}))
    conversion = Conversion(FORMAT)
    streams: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for number, entry in enumerate(table["stream"], 1):
        stream = _StreamReader(mapping, number, entry, clock, sources)
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


class _StreamReader(Stream):
    """A stream of the mapping; `read` gives its messages."""

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
            conversion.notes[f"{self.path.name}: gravity reads {rows['acceleration_z'].mean():.1f} m/s2 on z, check axes"] += len(
                rows
            )
        if self.kind.message == self.kind.sample:
            return received[usable], rows
        return received[usable], samples.as_messages(self.kind.message, rows)

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
        unit = one_of(f"{self.where}: {key}", "unit", spec.get("unit", self.clock.unit if of_clock else "ns"), TIME_UNITS)
        shift_ns = offset_ns(f"{self.where}: {key}", spec) + (self.clock.offset_ns if of_clock else 0)
        return tables.nanoseconds(self._cells(table, key, spec), TIME_UNITS[unit], shift_ns)

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
            good = samples.is_rotation(rows["orientation"])
            places = zip(rows["latitude_deg"][good], rows["longitude_deg"][good], strict=True)
            turn = np.array([geodesy.enu_rotation(*place) for place in places]).reshape(-1, 3, 3)
            inner = Rotation.from_quat(rows["orientation"][good], scalar_first=True).as_matrix()
            if good.any():
                rows["orientation"][good] = Rotation.from_matrix(turn @ inner).as_quat(canonical=True, scalar_first=True)
