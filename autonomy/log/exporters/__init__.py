"""Writers of foreign formats, by the ending of the file: each module has `export(reader, output, ...) -> Exported`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autonomy.errors import UsageError

COLUMNS = "autonomy.log.exporters.columns"
FORMATS = {".csv": COLUMNS, ".parquet": COLUMNS, ".mf4": COLUMNS}
# Raw CAN frames; by these endings always, by those of FORMATS when raw frames are asked for
EXPORTERS = {
    ".blf": "autonomy.log.exporters.blf",
    ".asc": "autonomy.log.exporters.asc",
    ".log": "autonomy.log.exporters.candump",
    ".trc": "autonomy.log.exporters.trc",
    ".csv": "autonomy.log.exporters.csv_frames",
    ".mf4": "autonomy.log.exporters.mf4_frames",
}


@dataclass
class Exported:
    """What an export wrote: rows by table, the files, what was left out and what lost something, by reason."""

    rows: dict[str, int]
    files: list[Path]
    left_out: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)  # what was written less exactly, by reason


def refuse_unused_databases(output: Path, topics: list[str], databases: Mapping[int, Path], is_decoded: bool) -> None:
    """Raises UsageError for a DBC file that nothing of the export would be decoded by."""
    if databases and not is_decoded:
        raise UsageError(
            f"log export: --dbc: {output} takes CAN frames as they are; columns go to .csv, .parquet or .mf4, without --raw"
        )
    buses = sorted({int(name) for topic in topics if (name := topic.removeprefix("/raw/can/")) != topic and name.isdecimal()})
    missing = sorted(set(databases) - set(buses))
    if missing:
        there = ", ".join(map(str, buses)) or "none"
        option = f"--dbc {missing[0]}={databases[missing[0]]}"
        raise UsageError(f"log export: {option}: there are no CAN frames of that bus; the buses are {there}")
