"""Sorts a log of any disorder by log time in bounded memory: sorted runs on disk, merged as a stream.

What comes in order extends the run in hand, so that a log which is in order already gives a single run. The order is
that of the reader: time, rank of the topic, position in the file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from autonomy.log import topics
from autonomy.log.copying import RecordWriter
from autonomy.log.cutting import Copied, Watch
from autonomy.log.merging import SAME, gathered, merged
from autonomy.log.reader import FLAG_LATE, Batch, LogReader

RUN_BYTES = 24 << 20  # of messages sorted in memory at once
RUN_CHUNK_BYTES = 1 << 18  # small, for many runs are open at once
MOST_RUNS = 48  # merged at once


def sort(reader: LogReader, output: Path, *, watch: Watch = iter) -> Copied:
    """Writes the log's records in order; metadata and attachments are kept. Needs its size again on the output's disk.

    Raises LogError, EnvironmentFault.
    """
    with tempfile.TemporaryDirectory(prefix=f"{output.name}.", dir=output.parent) as folder:
        runs = _Runs(reader, Path(folder))
        pending: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        size = 0
        for batch in watch(reader.batches(as_bytes=reader.channels.values(), file_order=True)):
            pending.append((batch.records, batch.data, SAME))
            size += batch.data.nbytes
            if size >= RUN_BYTES:
                runs.add(gathered(pending))
                pending, size = [], 0
        if pending:
            runs.add(gathered(pending))
        paths = runs.close()
        level = 0
        while len(paths) > MOST_RUNS:
            groups = [paths[first : first + MOST_RUNS] for first in range(0, len(paths), MOST_RUNS)]
            level += 1
            paths = [_merge_runs(group, Path(folder, f"{level}-{number}.mcap")) for number, group in enumerate(groups)]
        return _merge_runs_into(reader, paths, output)


class _Runs:
    """Sorted files in the order of their position in the log."""

    def __init__(self, reader: LogReader, folder: Path):
        self._reader, self._folder = reader, folder
        self._writer: RecordWriter | None = None
        self._table = np.zeros(0, np.uint16)
        self._last_ns = -1
        self._paths: list[Path] = []

    def add(self, batch: Batch) -> None:
        records = batch.records
        records["flags"] &= ~np.uint16(FLAG_LATE)
        order = np.lexsort((records["rank"], records["log_time_ns"]))
        records = records[order]
        if self._writer is None or int(records["log_time_ns"][0]) <= self._last_ns:
            self.close()
            self._paths.append(self._folder / f"0-{len(self._paths)}.mcap")
            self._writer = RecordWriter(self._paths[-1], chunk_bytes=RUN_CHUNK_BYTES)
            self._table = self._writer.channel_table(self._reader)
        self._writer.write(Batch(records, batch.data), self._table)
        self._last_ns = int(records["log_time_ns"][-1])

    def close(self) -> list[Path]:
        if self._writer is not None:
            self._writer.close()
        return self._paths


def _merge_runs(paths: list[Path], output: Path) -> Path:
    readers = [LogReader(path) for path in paths]
    writer = RecordWriter(output, chunk_bytes=RUN_CHUNK_BYTES)
    for batch in merged(
        writer, readers, [reader.batches(as_bytes=reader.channels.values()) for reader in readers], key=topics.rank
    ):
        writer.write(batch, SAME)
    writer.close()
    for reader, path in zip(readers, paths, strict=True):
        reader.close()
        path.unlink()
    return output


def _merge_runs_into(reader: LogReader, paths: list[Path], output: Path) -> Copied:
    readers = [LogReader(path) for path in paths]
    writer = RecordWriter(output)
    try:
        problems = writer.copy_descriptions(reader)
        writer.channel_table(reader)
        for batch in merged(writer, readers, [run.batches(as_bytes=run.channels.values()) for run in readers], key=topics.rank):
            writer.write(batch, SAME)
        writer.close()
    finally:
        writer.abandon()
        for run in readers:
            run.close()
    return Copied(writer.counts, writer.start_ns, writer.end_ns, problems=problems)
