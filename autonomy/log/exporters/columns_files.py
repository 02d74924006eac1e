"""One file a table: its name, and that it appears only when it is whole."""

from __future__ import annotations

import contextlib
from pathlib import Path

from autonomy.log.finishing import finished


class TableFiles:
    """Names OUT.<table>.csv, or OUT.csv alone; a table /in/gnss/items is called in.gnss.items there."""

    def __init__(self, output: Path, is_single: bool):
        self.files: list[Path] = []
        self._output, self._is_single = output, is_single
        self._renames = contextlib.ExitStack()

    def open(self, table: str) -> Path:
        """The path to write a new table to."""
        path = self._output
        if not self._is_single:
            path = path.with_name(f"{path.stem}.{table.strip('/').replace('/', '.')}{path.suffix}")
        self.files.append(path)
        return self._renames.enter_context(finished(path))

    def keep(self) -> None:
        """All files are whole."""
        self._renames.close()

    def drop(self) -> None:
        """Removes what was not kept."""
        with contextlib.suppress(_NotWhole):
            self._renames.__exit__(_NotWhole, _NotWhole(), None)


class _NotWhole(Exception):
    pass
