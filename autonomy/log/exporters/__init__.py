"""Writers of foreign formats, by the ending of the file: each module has `export(reader, output, ...) -> Exported`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = "autonomy.log.exporters.columns"
FORMATS = {".csv": COLUMNS, ".parquet": COLUMNS, ".mf4": COLUMNS}


@dataclass
class Exported:
    """What an export wrote: rows by table, the files, what was left out by reason, and sentences about the rest."""

    rows: dict[str, int]
    files: list[Path]
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
