"""Tables as channel groups of one MF4 (ASAM MDF 4.10) file, through asammdf.

An MF4 master channel is float64 seconds; it counts from the log's first record, which keeps every nanosecond of a drive,
and `log_time_ns` stands beside it as the integer it is.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from autonomy.errors import EnvironmentFault, MissingPackage
from autonomy.log.exporters.columns_files import TableFiles


class Mf4Sink:
    """Writes OUT.mf4. Raises EnvironmentFault where asammdf is missing."""

    def __init__(self, output: Path, start_ns: int):
        try:
            import asammdf
        except ImportError:
            raise MissingPackage("MF4", "asammdf", "replay") from None
        self._asammdf = asammdf
        self._files = TableFiles(output, True)
        self._start_ns = start_ns
        self._mdf = asammdf.MDF(version="4.10")
        self._groups: dict[str, int] = {}

    @property
    def files(self) -> list[Path]:
        return self._files.files

    def write(self, name: str, table: dict[str, np.ndarray]) -> None:
        """Appends rows to the group of the table."""
        seconds = (table["log_time_ns"] - self._start_ns) / 1e9
        columns = {column: np.ascontiguousarray(values) for column, values in table.items()}
        if name in self._groups:
            samples = [(seconds, None), *((values, None) for values in columns.values())]
            self._mdf.extend(self._groups[name], samples)
            return
        signals = [self._asammdf.Signal(samples=values, timestamps=seconds, name=column) for column, values in columns.items()]
        self._groups[name] = self._mdf.append(signals, acq_name=name, comment=name)

    def close(self) -> None:
        path = self._files.open("")
        try:
            self._mdf.save(path, overwrite=True, compression=1)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {self._files.files[-1]}: {error.strerror}") from error
        self._files.keep()

    def abandon(self) -> None:
        with contextlib.suppress(Exception):
            self._mdf.close()
        self._files.drop()
