"""Merges recordings by log time as a stream: of each one only the batch in hand is in memory.

Equal channels of several recordings become one; metadata and attachments are kept, those whose name is taken with
"@file" behind it. The order is the reader's: time, rank of the topic, then the recordings as given, each in its own order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from autonomy.log import topics
from autonomy.log._mcap import copy_bodies, total_length
from autonomy.log.copying import RecordWriter
from autonomy.log.cutting import Copied, Watch
from autonomy.log.reader import RECORD_DTYPE, Batch, LogReader

SAME = np.arange(1 << 16, dtype=np.uint16)  # the channel table of batches that carry the writer's ids already


def merge(readers: list[LogReader], output: Path, *, wanted: list[str] | None = None, watch: Watch = iter) -> Copied:
    """Writes the records of all the recordings into one log. `watch` sees the merged batches. Raises LogError."""
    writer = RecordWriter(output)
    try:
        problems = []
        for reader in readers:
            problems += writer.copy_descriptions(reader, reader.path.name)
        streams = [reader.batches(wanted, as_bytes=reader.channels.values()) for reader in readers]
        for batch in watch(merged(writer, readers, streams, wanted)):
            writer.write(batch, SAME)
        writer.close()
    finally:
        writer.abandon()
    return Copied(writer.counts, writer.start_ns, writer.end_ns, problems=problems)


def merged(writer: RecordWriter, readers: list[LogReader], streams: list[Iterable[Batch]],
           wanted: list[str] | None = None) -> Iterator[Batch]:  # fmt: skip
    """The batches of ordered streams as one ordered stream; channel ids and ranks are those of `writer`."""
    is_wanted = None if wanted is None else lambda topic: any(topics.matches(topic, pattern) for pattern in wanted)
    tables = [writer.channel_table(reader, is_wanted) for reader in readers]
    ranks = _ranks(writer.topics)
    iterators = [iter(stream) for stream in streams]
    current: list[Batch | None] = [next(iterator, None) for iterator in iterators]
    while any(batch is not None for batch in current):
        horizon_ns = min(int(batch.records["log_time_ns"].max()) for batch in current if batch is not None)
        taken = []
        for number, batch in enumerate(current):
            if batch is None:
                continue
            ready = int(np.searchsorted(batch.records["log_time_ns"], horizon_ns, side="right"))
            if int(batch.records["log_time_ns"].max()) <= horizon_ns:
                ready = len(batch.records)  # also where a late record makes the search stop early
            if ready:
                taken.append((batch.records[:ready], batch.data, tables[number]))
            rest = Batch(batch.records[ready:], batch.data)
            current[number] = rest if len(rest.records) else next(iterators[number], None)
        yield _joined(taken, ranks)


def gathered(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Batch:
    """(records, data, channel table) of several batches as one, in the order given, without the bytes between records."""
    total = sum(len(records) for records, _, _ in parts)
    out = np.empty(total, RECORD_DTYPE)
    lengths = [total_length(records) for records, _, _ in parts]
    data = np.empty(sum(lengths), np.uint8)
    row = position = 0
    for (records, source, table), length in zip(parts, lengths, strict=True):
        rows = out[row : row + len(records)]
        rows[:] = records
        copy_bodies(source, rows, data[position : position + length])
        rows["offset"] += np.uint64(position)
        rows["channel"] = table[rows["channel"]]
        row += len(records)
        position += length
    return Batch(out, data)


def _joined(parts, ranks: np.ndarray) -> Batch:
    batch = gathered(parts)
    batch.records["rank"] = ranks[batch.records["channel"]]
    order = np.lexsort((batch.records["rank"], batch.records["log_time_ns"]))
    return Batch(batch.records[order], batch.data)


def _ranks(written: dict[int, str]) -> np.ndarray:
    """uint32 by channel id of the new log: the rank of its topic among records of equal time."""
    ranks = np.zeros(max(written, default=0) + 1, np.uint32)
    for number, topic in written.items():
        ranks[number] = topics.rank(topic)
    return ranks
