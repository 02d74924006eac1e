"""Merges recordings by log time as a stream: of each one only the batch in hand is in memory.

Equal channels of several recordings become one; metadata and attachments are kept, those whose name is taken with
"@file" behind it. The order is that of time; each recording keeps its own among equal times, between recordings the table of
topics decides, then the order they were given in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from autonomy.log import topics
from autonomy.log._mcap import copy_bodies, total_length
from autonomy.log.copying import RecordWriter
from autonomy.log.cutting import Copied, Watch
from autonomy.log.ordered import RECORD_DTYPE, Batch
from autonomy.log.reader import LogReader

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
           wanted: list[str] | None = None, key: Callable[[str], int] = topics.key) -> Iterator[Batch]:  # fmt: skip
    """The batches of ordered streams as one ordered stream; channel ids are those of `writer`.

    `key` of a topic decides between records of equal time that come from different streams.
    """
    is_wanted = None if wanted is None else lambda topic: any(topics.matches(topic, pattern) for pattern in wanted)
    tables = [writer.channel_table(reader, is_wanted) for reader in readers]
    keys = _keys(writer.topics, key)
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
        yield _joined(taken, keys)


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


def _joined(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], keys: np.ndarray) -> Batch:
    """The parts by time. A record of equal time never passes one that stands before it in its own part."""
    found = []
    for records, _, table in parts:
        times = records["log_time_ns"]
        group = np.cumsum(np.concatenate([[0], times[1:] != times[:-1]]))
        found.append(np.maximum.accumulate(group * len(keys) + keys[table[records["channel"]]]) - group * len(keys))
    batch = gathered(parts)
    order = np.lexsort((np.concatenate(found), batch.records["log_time_ns"]))
    return Batch(batch.records[order], batch.data)


def _keys(written: dict[int, str], key: Callable[[str], int]) -> np.ndarray:
    """int64 by channel id of the new log: what decides between records of equal time, from 0 to less than their number."""
    keys = np.zeros(max(written, default=0) + 1, np.int64)
    order = {value: number for number, value in enumerate(sorted({key(topic) for topic in written.values()}))}
    for number, topic in written.items():
        keys[number] = order[key(topic)]
    return keys
