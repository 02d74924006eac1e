"""Raw CAN frames out of any recording, for the exporters of CAN formats: in the log's order, what is no frame counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault
from autonomy.log.exporters import Exported, refuse_unused_databases
from autonomy.log.finishing import finished
from autonomy.log.formats import frames as can
from autonomy.log.reader import Batch, LogReader
from autonomy.log.writer import METADATA_NAME

MESSAGES = ("CanFrame", "CanFdFrame")
MS_NS = 1_000_000


class Exporter(ABC):
    """Writes one format. `left_out` counts what could not be written, by reason, `notes` what is written less exactly."""

    def __init__(self, path: Path, reader: LogReader) -> None:
        self.left_out: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        told = reader.metadata.get(METADATA_NAME, {})
        self.is_utc = told.get("clock") == "utc" or told.get("clock_epoch") == "utc"
        self.bus_names = {
            int(number): name
            for number, _, name in (part.partition("=") for part in told.get("buses", "").split())
            if number.isdecimal() and name
        }

    @abstractmethod
    def begin(self, start_ns: int) -> None:
        """Called before the first frames with a time that none of them precedes."""

    @abstractmethod
    def write(self, rows: np.ndarray, is_fd: np.ndarray) -> None:
        """Frames as CanFdFrame rows (n,); those not `is_fd` are CanFrame. Counts in `left_out` those it does not take."""

    @abstractmethod
    def close(self) -> None:
        """Ends the file."""

    @abstractmethod
    def abandon(self) -> None:
        """Closes the file as it is; nothing after `close`."""


class TextExporter(Exporter):
    """A format of lines."""

    newline = "\n"

    def __init__(self, path: Path, reader: LogReader) -> None:
        super().__init__(path, reader)
        self._file = path.open("w", encoding="ascii", newline=self.newline)

    def close(self) -> None:
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


def export(kind: type[Exporter], reader: LogReader, output: Path, *, topics: list[str] | None = None,
           start_ns: int | None = None, end_ns: int | None = None, databases: Mapping[int, Path] | None = None,
           watch=iter) -> Exported:  # fmt: skip
    """Writes the frames of the wanted topics between the times. DBC files have no meaning here and are refused.

    Raises LogError, UsageError, EnvironmentFault.
    """
    refuse_unused_databases(output, reader.topics, databases or {}, is_decoded=False)
    chosen = {number: reader.message_name(channel.topic) for number, channel in _wanted(reader, topics).items()}
    is_frame = np.zeros(max(reader.channels, default=0) + 1, bool)
    is_fd = is_frame.copy()
    for number, message in chosen.items():
        is_frame[number], is_fd[number] = message in MESSAGES, message == "CanFdFrame"
    counts, others, written = Counter(), Counter(), 0
    with finished(output) as path:
        try:
            exporter = kind(path, reader)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {output}: {error.strerror}") from error
        try:
            for batch in watch(reader.batches(topics, start_ns=start_ns, end_ns=end_ns)):
                channels = batch.records["channel"]
                others.update(reader.channels[number].topic for number in channels[~is_frame[channels]].tolist())
                batch = Batch(batch.records[is_frame[channels]], batch.data)
                if not len(batch.records):
                    continue
                rows, fd = _rows(batch), is_fd[batch.records["channel"]]
                if not written:
                    exporter.begin(int(rows["time_ns"].min()))
                exporter.write(rows, fd)
                written += len(rows)
                for number, count in enumerate(np.bincount(batch.records["channel"]).tolist()):
                    if count:
                        counts[reader.channels[number].topic] += count
            if not written:
                exporter.begin(0)
            exporter.close()
        except OSError as error:
            raise EnvironmentFault(f"cannot write {output}: {error.strerror}") from error
        finally:
            exporter.abandon()
    left_out = {f"messages of {topic}, which are no CAN frames": count for topic, count in sorted(others.items())}
    return Exported(dict(sorted(counts.items())), [output], left_out | dict(exporter.left_out), dict(exporter.notes))


def _wanted(reader: LogReader, topics: list[str] | None):
    from autonomy.log.topics import matches

    return {
        number: channel
        for number, channel in reader.channels.items()
        if topics is None or any(matches(channel.topic, pattern) for pattern in topics)
    }


def _rows(batch: Batch) -> np.ndarray:
    """The frames of a batch as CanFdFrame rows, with the log's times."""
    from autonomy.log.reader import rows_of

    rows = rows_of(batch, msg.dtype("CanFdFrame"))
    rows["time_ns"] = batch.records["log_time_ns"]
    return rows


def start_of(first_ns: int, is_utc: bool) -> int:
    """Where a format with a start time begins to count: the millisecond before the first frame, 0 on other clocks."""
    return first_ns // MS_NS * MS_NS if is_utc else 0


def decimal(time_ns: int) -> str:
    """Seconds with six digits, nine where the microsecond is not enough."""
    seconds, rest = divmod(time_ns, 10**9)
    return f"{seconds}.{rest:09d}" if rest % 1000 else f"{seconds}.{rest // 1000:06d}"


def columns(rows: np.ndarray, is_fd: np.ndarray):
    """(time, identifier, extended, bus, length, flags, data bytes, CAN FD) of each frame, as Python values."""
    identifiers = rows["id"]
    data = rows["data"].tobytes()
    lengths = rows["length"].tolist()
    return zip(
        rows["time_ns"].tolist(), (identifiers & np.uint32(0x1FFFFFFF)).tolist(), (identifiers >> 31).tolist(),
        rows["bus"].tolist(), lengths, rows["flags"].tolist(),
        [data[at : at + length] for at, length in zip(range(0, len(data), 64), lengths, strict=True)], is_fd.tolist(),
        strict=True,
    )  # fmt: skip


def length_code(length: int) -> int | None:
    """The CAN FD length code; None for a length that no code has."""
    return can.LENGTHS.index(length) if length in can.LENGTHS else None
