"""Cuts a stretch out of a recording. What was said once and holds on (parameters, static transforms) is said again at its start.

Repeated messages keep payload, sequence and publish time; their log time becomes that of the cut's first record, so that
the cut is as long as was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from autonomy.log import topics as table
from autonomy.log._mcap import copy_bodies, total_length
from autonomy.log.copying import RecordWriter
from autonomy.log.ordered import RECORD_DTYPE, Batch
from autonomy.log.reader import Channel, LogReader

ACCUMULATED = ("/tf_static",)  # every different message holds on, not the last alone: each names other frames
LATCHED = ("/map", "/robot_description", *ACCUMULATED)  # of ROS; there the channel's metadata tells the others
_TRANSIENT_LOCAL = re.compile(r"durability:\s*(1|transient_local)\b")  # ROS 2 quality of service as rosbag2 writes it

Watch = Callable[[Iterable[Batch]], Iterator[Batch]]


@dataclass
class Copied:
    """What was written."""

    messages: dict[str, int]
    start_ns: int | None
    end_ns: int | None
    repeated: dict[str, int] = field(default_factory=dict)  # messages from before the cut, by topic
    problems: list[str] = field(default_factory=list)


def cut(reader: LogReader, output: Path, *, start_ns: int | None = None, end_ns: int | None = None,
        topics: list[str] | None = None, watch: Watch = iter) -> Copied:  # fmt: skip
    """Writes the records from `start_ns` to before `end_ns` of the wanted topics. `watch` sees the batches pass.

    Metadata and attachments are kept. Raises LogError, EnvironmentFault.
    """
    writer = RecordWriter(output)
    try:
        problems = writer.copy_descriptions(reader)
        wanted = None if topics is None else lambda topic: any(table.matches(topic, pattern) for pattern in topics)
        numbers = writer.channel_table(reader, wanted)
        before = _latched_before(reader, start_ns, wanted) if start_ns is not None else None
        repeated: dict[str, int] = {}

        def repeat(time_ns: int) -> None:
            nonlocal before
            if before is not None and len(before.records):
                before.records["log_time_ns"] = time_ns
                writer.write(before, numbers)
                repeated.update(_by_topic(reader, before.records))
            before = None

        for batch in watch(reader.batches(topics, start_ns=start_ns, end_ns=end_ns, as_bytes=reader.channels.values())):
            repeat(int(batch.records["log_time_ns"][0]))
            writer.write(batch, numbers)
        repeat(start_ns or 0)
        writer.close()
    finally:
        writer.abandon()
    return Copied(writer.counts, writer.start_ns, writer.end_ns, repeated, problems)


def is_latched(channel: Channel) -> bool:
    """Whether a message of the channel holds until the next one, however long ago it came."""
    place = table.place(channel.topic)
    if place < len(table.table()):
        return table.table()[place].rate_hz == 0
    if channel.topic in LATCHED or channel.metadata.get("latching") in ("1", "true"):
        return True
    return bool(_TRANSIENT_LOCAL.search(channel.metadata.get("offered_qos_profiles", "")))


def _latched_before(reader: LogReader, start_ns: int, wanted) -> Batch | None:
    """What holds at `start_ns`, in its order; None where there is nothing latched."""
    latched = {
        number: channel.topic
        for number, channel in reader.channels.items()
        if is_latched(channel) and (wanted is None or wanted(channel.topic))
    }
    if not latched:
        return None
    kept: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}
    for batch in reader.batches(sorted(set(latched.values())), end_ns=start_ns, as_bytes=reader.channels.values()):
        for row in range(len(batch.records)):
            record = batch.records[row : row + 1].copy()
            data = np.empty(total_length(record), np.uint8)
            copy_bodies(batch.data, record, data)
            number = int(record["channel"][0])
            accumulated = latched[number] in ACCUMULATED
            key = number, data[int(record["offset"][0]) :].tobytes() if accumulated else b""
            kept.pop(key, None)  # the newest stands last
            kept[key] = record, data
    if not kept:
        return None
    records = np.concatenate([record for record, _ in kept.values()]).astype(RECORD_DTYPE)
    sizes = np.array([len(data) for _, data in kept.values()])
    records["offset"] += (np.cumsum(sizes) - sizes).astype(np.uint64)
    return Batch(records, np.concatenate([data for _, data in kept.values()]))


def _by_topic(reader: LogReader, records: np.ndarray) -> dict[str, int]:
    counts: dict[str, int] = {}
    for number, count in enumerate(np.bincount(records["channel"]).tolist()):
        if count:
            topic = reader.channels[number].topic
            counts[topic] = counts.get(topic, 0) + count
    return counts
