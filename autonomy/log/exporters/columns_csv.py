"""Tables as CSV files: a header line, integers in full, floats in the shortest form that gives the same bits, NaN empty."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

import numpy as np

from autonomy.errors import EnvironmentFault
from autonomy.log.exporters.columns_files import TableFiles

MOST_OPEN = 200  # files at once; beyond, each write opens its file again
ROWS_AT_ONCE = 2000  # text takes ten times the memory of the numbers


class CsvSink:
    """Writes OUT.csv or OUT.<table>.csv."""

    def __init__(self, output: Path, is_single: bool):
        self._files = TableFiles(output, is_single)
        self._paths: dict[str, Path] = {}
        self._open: dict[str, TextIO] = {}

    @property
    def files(self) -> list[Path]:
        return self._files.files

    def write(self, name: str, table: dict[str, np.ndarray]) -> None:
        """Appends rows. Raises EnvironmentFault."""
        is_new = name not in self._paths
        if is_new:
            self._paths[name] = self._files.open(name)
        try:
            file = self._file(name)
            if is_new:
                csv.writer(file, lineterminator="\n").writerow(table)
            for first in range(0, len(next(iter(table.values()))), ROWS_AT_ONCE):
                texts = (_texts(values[first : first + ROWS_AT_ONCE]) for values in table.values())
                file.writelines(f"{','.join(row)}\n" for row in zip(*texts, strict=True))
        except OSError as error:
            raise EnvironmentFault(f"cannot write {self._paths[name]}: {error.strerror}") from error

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._files.keep()

    def abandon(self) -> None:
        for file in self._open.values():
            file.close()
        self._files.drop()

    def _file(self, name: str) -> TextIO:
        if name not in self._open:
            if len(self._open) >= MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[name] = self._paths[name].open("a", encoding="utf-8", newline="")
        return self._open[name]


def _texts(values: np.ndarray) -> list[str]:
    # numpy knows the digits of a float32; as a Python float it would have those of a double
    texts = values.astype(str).tolist() if values.dtype == np.float32 else list(map(repr, values.tolist()))
    return ["" if text == "nan" else text for text in texts] if values.dtype.kind == "f" else texts
