"""Messages of a recording as tables of columns: CSV, Parquet and MF4, written as a stream.

Every table begins with `log_time_ns` (int64). A topic gives one table, a row per message, arrays as `position[0]`. The
list a message ends in is a table of its own, `topic/items`: a row per element in use, with the message's time and the
element's `index`. CAN frames of a bus with a DBC give a table per DBC message, `topic/Message`: `identifier` (the low byte
of an extended one is a J1939 sender), each signal in the DBC's unit, and `signal.validity` (0 ok, 1 not available, 2 error;
a value that is not ok is NaN).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from autonomy.errors import UsageError
from autonomy.log import fields, layouts
from autonomy.log.exporters import Exported, refuse_unused_databases
from autonomy.log.reader import Batch, LogReader, short_rows

TIME = "log_time_ns"
CAN_TOPIC = "/raw/can/"
PENDING_BYTES = 16 << 20  # of all tables together, before the largest are written

Table = dict[str, np.ndarray]


class Sink(Protocol):
    """One output format. `write` gets the next rows of a table, always with the same columns."""

    files: list[Path]

    def write(self, name: str, table: Table) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


def export(reader: LogReader, output: Path, *, topics: list[str] | None = None, start_ns: int | None = None,
           end_ns: int | None = None, databases: Mapping[int, Path] | None = None, watch=iter) -> Exported:  # fmt: skip
    """Writes the wanted topics between the times. `databases` are DBC files by bus; the log's own serve for the others.

    Several tables become several files, OUT.<table>.csv, except in MF4. Raises LogError, UsageError, EnvironmentFault.
    """
    tables = _Tables(reader, topics, databases or {})
    refuse_unused_databases(output, tables.topics, databases or {}, is_decoded=True)
    sink = _sink(output, tables, reader)
    counts: dict[str, int] = {}
    pending: dict[str, list[Table]] = {}
    sizes: dict[str, int] = {}
    try:
        for batch in watch(reader.batches(topics, start_ns=start_ns, end_ns=end_ns, as_bytes=reader.misfits())):
            for name, table in tables.of(batch):
                counts[name] = counts.get(name, 0) + len(table[TIME])
                # Copies: a column that is a view would keep its whole message in memory
                table = {column: np.ascontiguousarray(values) for column, values in table.items()}
                pending.setdefault(name, []).append(table)
                sizes[name] = sizes.get(name, 0) + sum(values.nbytes for values in table.values())
            while sum(sizes.values()) > PENDING_BYTES:
                largest = max(sizes, key=sizes.get)
                sink.write(largest, _joined(pending.pop(largest)))
                del sizes[largest]
        for name in sorted(pending):
            sink.write(name, _joined(pending[name]))
        sink.close()
    finally:
        sink.abandon()
    return Exported(dict(sorted(counts.items())), sorted(sink.files), tables.left_out(), dict(tables.notes))


class _Tables:
    """Turns batches into tables."""

    def __init__(self, reader: LogReader, topics: list[str] | None, databases: Mapping[int, Path]):
        from autonomy.log.topics import matches

        self._channels = {
            number: channel
            for number, channel in reader.channels.items()
            if topics is None or any(matches(channel.topic, pattern) for pattern in topics)
        }
        unreadable = {channel.id for channel in reader.misfits()}
        self._messages = {
            number: None if number in unreadable else layouts.message_name(channel.schema)
            for number, channel in self._channels.items()
        }
        self.notes: Counter[str] = Counter()
        self._codecs = {
            topic: codec
            for topic in sorted({channel.topic for channel in self._channels.values() if channel.topic.startswith(CAN_TOPIC)})
            if (codec := _codec(reader, topic, databases, self.notes)) is not None
        }
        self._unreadable: dict[str, int] = {}
        self._undecoded: dict[str, int] = {}
        self._payloads: dict[str, int] = {}

    @property
    def topics(self) -> list[str]:
        return [channel.topic for channel in self._channels.values()]

    @property
    def is_single(self) -> bool:
        """Whether the recording can give one table only."""
        if len(self._channels) != 1:
            return False
        ((number, channel),) = self._channels.items()
        message = self._messages[number]
        return channel.topic not in self._codecs and message is not None and fields.list_field(message) is None

    def of(self, batch: Batch) -> Iterator[tuple[str, Table]]:
        for number in np.unique(batch.records["channel"]).tolist():
            topic, message = self._channels[number].topic, self._messages[number]
            records = batch.records[batch.records["channel"] == number]
            if message is None:
                self._unreadable[topic] = self._unreadable.get(topic, 0) + len(records)
                continue
            rows, times = short_rows(Batch(records, batch.data), message), records["log_time_ns"].copy()
            if fields.is_payload(message):
                self._payloads[topic] = self._payloads.get(topic, 0) + len(rows)
            if topic in self._codecs:
                yield from self._decoded(topic, rows, times)
            else:
                yield from _message_tables(topic, message, rows, times)

    def left_out(self) -> dict[str, int]:
        """Messages that gave no row, by reason."""
        found = {f"{topic}: no message of this project": count for topic, count in self._unreadable.items()}
        found |= {f"{topic}: the bytes of the payload, which are no columns": count for topic, count in self._payloads.items()}
        return found | {f"{topic}: no DBC message, or not a received frame": count for topic, count in self._undecoded.items()}

    def _decoded(self, topic: str, rows: np.ndarray, times: np.ndarray) -> Iterator[tuple[str, Table]]:
        codec = self._codecs[topic]
        rows["time_ns"], rows["bus"] = times, next(iter(codec.databases))
        decoded = codec.decode_batch(rows)
        missing = len(rows) - sum(len(columns.time_ns) for columns in decoded.values())
        if missing:
            self._undecoded[topic] = self._undecoded.get(topic, 0) + missing
        for message, columns in decoded.items():
            table = {TIME: columns.time_ns, "identifier": columns.identifier & 0x7FFFFFFF}
            for place, signal in enumerate(codec.signal_names(message)):
                table[signal] = columns.values[:, place]
                table[f"{signal}.validity"] = columns.validity[:, place]
            yield f"{topic}/{message}", table


def _message_tables(topic: str, message: str, rows: np.ndarray, times: np.ndarray) -> Iterator[tuple[str, Table]]:
    listed = fields.list_field(message)
    yield topic, {TIME: times} | dict(fields.columns(rows, listed))
    if listed is None or fields.is_payload(message):
        return
    used = np.minimum(rows["count"], rows[listed].shape[1]).astype(np.int64)
    message_of = np.repeat(np.arange(len(rows)), used)
    index = np.arange(len(message_of)) - np.repeat(np.cumsum(used) - used, used)
    elements = rows[listed][message_of, index]
    yield f"{topic}/{listed}", {TIME: times[message_of], "index": index.astype(np.int32)} | dict(fields.columns(elements))


def _joined(parts: list[Table]) -> Table:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _codec(reader: LogReader, topic: str, databases: Mapping[int, Path], notes: Counter[str]):
    """The decoder of a bus from the DBC given or carried by the log, None without one."""
    from drivers.can import database
    from drivers.can.codec import Codec

    name = topic.removeprefix(CAN_TOPIC)
    if name.isdecimal() and int(name) in databases:
        return Codec({int(name): database.load(databases[int(name)])})
    attached = f"can/{name}.dbc"
    if attached not in reader.attachments:
        return None
    text = reader.attachment(attached).decode("utf-8", errors="replace")
    try:
        return Codec({int(name) if name.isdecimal() else 0: database.parse(text, f"{attached} of {reader.path}")})
    except database.DatabaseError as error:
        notes[f"{topic} is not decoded: {error}"] += 1
        return None


def _sink(output: Path, tables: _Tables, reader: LogReader) -> Sink:
    suffix = output.suffix.lower()
    if suffix == ".csv":
        from autonomy.log.exporters.columns_csv import CsvSink

        return CsvSink(output, tables.is_single)
    if suffix == ".parquet":
        from autonomy.log.exporters.columns_parquet import ParquetSink

        return ParquetSink(output, tables.is_single)
    if suffix == ".mf4":
        from autonomy.log.exporters.columns_mf4 import Mf4Sink

        return Mf4Sink(output, reader.start_ns or 0)
    raise UsageError(f"{output}: columns are written as .csv, .parquet or .mf4")
