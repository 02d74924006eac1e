"""What of a recording can be played: CAN frames by bus, the bytes of serial lines, datagrams.

A recording is whatever `autonomy log` opens; a comma2k19 segment's folder is converted into a temporary log first.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.errors import LogError, UsageError
from autonomy.log.carried_databases import carried_databases
from autonomy.log.importers import comma2k19
from autonomy.log.opening import open_recording
from autonomy.log.reader import Batch, OrderedReader, rows_of

__all__ = ["CAN", "SERIAL", "UDP", "Piece", "Recording", "Stream"]

CAN, SERIAL, UDP = "can", "serial", "udp"
PREFIXES = {"/raw/can/": (CAN, "CanFrame"), "/raw/canfd/": (CAN, "CanFdFrame"), "/raw/serial/": (SERIAL, "SerialBytes"),
            "/raw/udp/": (UDP, "UdpPacket")}  # fmt: skip
NS = 1_000_000_000
KEPT_BYTES = 64 << 20


class Stream(NamedTuple):
    """A bus, a line or a sensor of a recording, as its topic names it."""

    kind: str
    name: str


class Piece(NamedTuple):
    """Records of one stream in order: `times_ns` (n,) since the start of the stretch, and `frames` (n,) of CanFrame or
    CanFdFrame, or `starts` and `lengths` (n,) int64 in `data`. `ports`: of datagrams where they were sent to, 0 = not known."""

    stream: Stream
    times_ns: np.ndarray
    frames: np.ndarray | None = None
    starts: np.ndarray | None = None
    lengths: np.ndarray | None = None
    data: np.ndarray | None = None
    ports: np.ndarray | None = None


class Recording:
    """One log, from `start_s` to `end_s` seconds from its first record. `batches` may be called again for the next pass.

    `streams`: {Stream: records, None where it is not known before reading}. `unused` counts what cannot be played. Raises
    LogError, UsageError for a start behind its end.
    """

    def __init__(self, path: str, start_s: float = 0.0, end_s: float | None = None):
        self.path = path
        self._converted: tempfile.TemporaryDirectory | None = None
        self._reader = self._open(path)
        self._topics = {channel.topic: (number, channel) for number, channel in self._reader.channels.items()}
        self._streams = {topic: found for topic in self._topics if (found := _stream(topic))}
        self.unused: Counter[str] = Counter()
        self._kept: list[tuple[int, list[Piece]]] | None = None  # a whole pass of a short recording, for the next one
        if not self._streams:
            self.close()
            found = ", ".join(sorted(self._topics)) or "nothing"
            raise LogError(f"{path} holds nothing to play (/raw/can, /raw/canfd, /raw/serial, /raw/udp); it has {found}")
        first_ns, last_ns = self._reader.start_ns or 0, self._reader.end_ns or 0
        self._start_ns = first_ns + round(start_s * NS)
        self._end_ns = last_ns + 1 if end_s is None else min(first_ns + round(end_s * NS), last_ns + 1)
        self.length_ns = max(self._end_ns - self._start_ns, 0)
        if not self.length_ns and start_s > 0.0:
            self.close()
            raise UsageError(f"--start {start_s:g}: {path} ends {(last_ns - first_ns) / NS:.3f} s after its first record")

    def _open(self, path: str) -> OrderedReader:
        if comma2k19.recognises(Path(path)):
            self._converted = tempfile.TemporaryDirectory(prefix="comma2k19-")
            log = Path(self._converted.name, "segment.mcap")
            comma2k19.convert([Path(path)], log)
            return open_recording(log)
        return open_recording(path)

    @property
    def streams(self) -> dict[Stream, int | None]:
        found: dict[Stream, int | None] = {}
        for topic, stream in self._streams.items():
            count = None if self._reader.counts is None else self._reader.counts.get(topic, 0)
            found[stream] = None if count is None or found.get(stream, 0) is None else found.get(stream, 0) + count
        return dict(sorted(found.items(), key=lambda item: (item[0].kind, len(item[0].name), item[0].name)))

    @property
    def problem(self) -> str | None:
        """Why the recording ends early; final after a whole pass."""
        return self._reader.problem

    def left_out(self) -> dict[str, int]:
        """What a pass could not use, by reason."""
        reader = self._reader
        found = Counter(getattr(reader, "unused", {})) + self.unused
        found["records of a wrong length"] += sum(reader.malformed.values())
        return dict(+found)

    def databases(self) -> dict[int, str]:
        """DBC texts that the recording carries, by bus. Raises LogError."""
        return carried_databases(self._reader)

    def pieces(self) -> Iterator[tuple[int, list[Piece]]]:
        """One pass: (time up to which all has been given, pieces), both from the start of the stretch."""
        if self._kept is not None:
            yield from self._kept
            return
        kept, size = [], 0
        self.unused.clear()
        wanted = list(self._streams)
        numbers = {self._topics[topic][0]: topic for topic in wanted}
        for batch in self._reader.batches(wanted, start_ns=self._start_ns, end_ns=self._end_ns):
            found = []
            for number in np.unique(batch.records["channel"]).tolist():
                chosen = Batch(batch.records[batch.records["channel"] == number], batch.data)
                found += self._pieces_of(numbers[number], chosen)
            reach_ns = int(batch.records["log_time_ns"][-1]) - self._start_ns
            size += sum(piece.times_ns.nbytes + (piece.data if piece.frames is None else piece.frames).nbytes for piece in found)
            if size <= KEPT_BYTES:
                kept.append((reach_ns, found))
            yield reach_ns, found
        if size <= KEPT_BYTES:
            self._kept = kept

    def close(self) -> None:
        self._reader.close()
        if self._converted is not None:
            self._converted.cleanup()

    def _pieces_of(self, topic: str, batch: Batch) -> list[Piece]:
        stream = self._streams[topic]
        times_ns = batch.records["log_time_ns"] - self._start_ns
        message = _message_of(topic)
        if stream.kind == CAN:
            return [Piece(stream, times_ns, rows_of(batch, msg.dtype(message)))]
        _, first, _ = msg.list_layout(message)
        offsets = batch.records["offset"].astype(np.int64)
        lengths = batch.records["length"].astype(np.int64) - first
        ports = None
        if stream.kind == UDP:
            place = offsets + msg.dtype(message).fields["destination_port"][1]
            ports = batch.data[place].astype(np.int64) | batch.data[place + 1].astype(np.int64) << 8
        return [Piece(stream, times_ns, None, offsets + first, lengths, batch.data, ports)]


def _stream(topic: str) -> Stream | None:
    for prefix, (kind, _) in PREFIXES.items():
        if topic.startswith(prefix):
            return Stream(kind, topic.removeprefix(prefix))
    return None


def _message_of(topic: str) -> str:
    return next(message for prefix, (_, message) in PREFIXES.items() if topic.startswith(prefix))
