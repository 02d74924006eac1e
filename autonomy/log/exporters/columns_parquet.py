"""Tables as Parquet files, one row group per block of rows; types are those of the messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy.errors import EnvironmentFault, MissingPackage
from autonomy.log.exporters.columns_files import TableFiles


class ParquetSink:
    """Writes OUT.parquet or OUT.<table>.parquet. Raises EnvironmentFault where pyarrow is missing."""

    def __init__(self, output: Path, is_single: bool):
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise MissingPackage("Parquet", "pyarrow", "replay") from None
        self._arrow = pyarrow
        self._files = TableFiles(output, is_single)
        self._writers: dict[str, pyarrow.parquet.ParquetWriter] = {}

    @property
    def files(self) -> list[Path]:
        return self._files.files

    def write(self, name: str, table: dict[str, np.ndarray]) -> None:
        """Appends rows. Raises EnvironmentFault."""
        rows = self._arrow.table({column: np.ascontiguousarray(values) for column, values in table.items()})
        try:
            if name not in self._writers:
                path = self._files.open(name)
                self._writers[name] = self._arrow.parquet.ParquetWriter(path, rows.schema, compression="zstd")
            self._writers[name].write_table(rows)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {self._files.files[-1]}: {error}") from error

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._files.keep()

    def abandon(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._files.drop()
