"""Writers of foreign formats, by the ending of the file: each module has `export(reader, output, ...) -> Exported`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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
