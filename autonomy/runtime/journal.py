"""What the loop wrote down, from its rings into a log: raw records in the order in which they were taken, cuts, frames, outputs.

Such a log replays from its cuts or from its frames to the same outputs, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from autonomy import config as configuration
from autonomy import msg
from autonomy.config import Config
from autonomy.inputs import lane_path
from autonomy.log.writer import LogWriter
from autonomy.msg.modes import MINIMAL_RISK
from autonomy.perception.lidar_calibration import attachments
from autonomy.playback.rows import input_rows, output_rows, tick_rows
from autonomy.playback.source import CONFIG_ATTACHMENT, KINDS, PATH_ATTACHMENT
from autonomy.runtime._journal import FRAME_ROW, JOURNAL_LIST_ROW, JOURNAL_PIECE_ROW, TICK_ROW
from autonomy.runtime.datagrams import DATAGRAM_PART, Joiner, of_one_length
from autonomy.runtime.segments import Segments, Snapshots, Streams
from drivers.ring import Ring
from drivers.serial.route_config import PREFIX

FRAME_SLOTS = 1 << 16  # 2 MiB: half a minute at 2 000 frames/s
TICK_SLOTS = 1 << 9  # 29 MiB: five seconds for a slow disk
PIECE_SLOTS = 1 << 12  # 2 MiB of pieces of serial lines: five seconds at 800 a second
MARK_SLOTS = 64
FLUSH_NS = 500_000_000
BATCH_TICKS = 32
DATAGRAM_BATCH = 1 << 10
NO_DATAGRAMS: Mapping[str, Ring] = MappingProxyType({})


class JournalRings(NamedTuple):
    frames: Ring
    ticks: Ring
    pieces: Ring | None  # None without serial lines
    marks: Ring | None = None  # of int64 times: events told from outside
    lists: Ring | None = None  # None without sensors that scan
    datagrams: Mapping[str, Ring] = NO_DATAGRAMS  # parts of datagrams by topic; not the loop's but their reader's

    @classmethod
    def make(cls, lines: int = 0, lists: Ring | None = None, datagrams: Mapping[str, Ring] = NO_DATAGRAMS) -> JournalRings:
        return cls(Ring(FRAME_SLOTS, FRAME_ROW.itemsize), Ring(TICK_SLOTS, TICK_ROW.itemsize),
                   Ring(PIECE_SLOTS, JOURNAL_PIECE_ROW.itemsize) if lines else None, Ring(MARK_SLOTS, 8), lists,
                   datagrams)  # fmt: skip


def open_log(path, config: Config, parameters: np.ndarray, path_points: np.ndarray, path_label: str, first_ns: int,
             clock: str = "CLOCK_MONOTONIC", durable: bool = False, **metadata: object) -> LogWriter:  # fmt: skip
    """A log with all that replay needs beside the records. `durable`: as LogWriter takes it. Raises EnvironmentFault."""
    log = LogWriter(path, {"vehicle": config.path, "config_hash": config.sha256,
                           "calibration_hash": config.calibration_sha256, "importer": "autonomy run",
                           "clock": clock, "lane_path": path_label, **metadata}, durable=durable)  # fmt: skip
    log.write("/parameters", first_ns, parameters)
    log.attach(CONFIG_ATTACHMENT, config.to_json().encode())
    log.attach(PATH_ATTACHMENT, lane_path.to_text(path_points).encode())
    for bus in config.sections.get("can", {}).get("bus", []):
        dbc = config.locate("can", "bus", bus["dbc"]) or configuration.find(bus["dbc"])
        log.attach(f"can/{bus['bus']}.dbc", dbc.read_bytes())
    for name, content in attachments(config).items():
        log.attach(name, content)
    return log


class Journal:
    """The consumer of the rings. `drain` writes what is whole: ticks, and the records they took. `counts`: written so far, and
    with Segments the files.

    `lines`: names of the serial ports, in the loop's order. An event for `snapshots`: a mark, a stack that begins a
    minimal-risk manoeuvre.
    """

    def __init__(self, log: LogWriter | Segments, rings: JournalRings, lines: Sequence[str] = (),
                 snapshots: Snapshots | None = None):  # fmt: skip
        self.log, self.lines, self.snapshots = log, lines, snapshots
        self._marks, self._mode = rings.marks, 0
        self.frames = self.ticks = self.pieces = self.lists = self.datagrams = self._flushed_ns = 0
        rings.ticks.touch()
        self._tick_ring = rings.ticks
        self._tick_rows = np.zeros(BATCH_TICKS, TICK_ROW)
        self._frames = _Taken(rings.frames, FRAME_SLOTS, FRAME_ROW)
        self._pieces = None if rings.pieces is None else _Taken(rings.pieces, PIECE_SLOTS, JOURNAL_PIECE_ROW)
        self._lists = None if rings.lists is None else _Taken(rings.lists, rings.lists.slots, JOURNAL_LIST_ROW)
        self._datagrams = {topic: _Datagrams(ring) for topic, ring in rings.datagrams.items()}

    @property
    def counts(self) -> dict[str, Any]:
        return {"frames": self.frames, "ticks": self.ticks, "pieces": self.pieces,
                "lists": self.lists, "datagrams": self.datagrams,
                "events": 0 if self.snapshots is None else self.snapshots.events,
                "files": self.log.paths if isinstance(self.log, Segments) else [str(self.log.path)]}  # fmt: skip

    def drain(self) -> int:
        """Ticks written; 0 when there was none."""
        count = self._tick_ring.pop_many(self._tick_rows)
        if not count:
            return 0
        ticks = self._tick_rows[:count]
        last_ns = int(ticks["out"]["tick_time_ns"][-1])
        # The loop commits a tick behind the records it took: they are all there
        pieces = self._pieces.up_to(last_ns) if self._pieces is not None else None
        lists = self._lists.up_to(last_ns) if self._lists is not None else None
        self._write(self._frames.up_to(last_ns), pieces, lists, ticks, last_ns)
        return count

    def _write(self, frames: np.ndarray, pieces: np.ndarray | None, lists: np.ndarray | None, ticks: np.ndarray,
               last_ns: int) -> None:  # fmt: skip
        times, rows = frames["log_time_ns"], frames["frame"]
        streams = {f"/raw/can/{bus}": (times[rows["bus"] == bus], rows[rows["bus"] == bus]) for bus in np.unique(rows["bus"])}
        if pieces is not None:
            for line in np.unique(pieces["line"]):
                own = pieces[pieces["line"] == line]
                streams[PREFIX + self.lines[line]] = own["log_time_ns"], own["piece"]
            self.pieces += len(pieces)
        for topic, ring in self._datagrams.items():
            rows = ring.up_to(last_ns)
            if len(rows):
                streams[topic] = rows["time_ns"].copy(), rows
                self.datagrams += len(rows)
        durations = ticks["finished_ns"] - ticks["woken_ns"]
        timing = np.stack([ticks["woken_ns"], durations, ticks["records"].astype(np.int64)], axis=1)
        outputs = ticks["out"]
        inputs = input_rows(ticks["frame"])
        if lists is not None:
            inputs = _with_lists(inputs, lists)
            self.lists += len(lists)
        streams |= inputs | tick_rows(outputs, timing) | output_rows(outputs)
        self.log.write_merged(streams)
        if self.snapshots is not None:
            copies = {topic: (times.copy(), rows.copy()) for topic, (times, rows) in streams.items()}
            self.snapshots.take(copies, self._events(outputs["actuation"]))
        self._flush(int(outputs["tick_time_ns"][-1]))
        self.frames += len(frames)
        self.ticks += len(ticks)

    def _flush(self, now_ns: int) -> None:
        """Twice a second to the operating system: whoever kills the recorder loses no more than that."""
        if now_ns - self._flushed_ns >= FLUSH_NS:
            self._flushed_ns = now_ns
            self.log.flush()
            if self.snapshots is not None:
                self.snapshots.flush()

    def close(self) -> None:
        """Ends a snapshot under way; the log is its owner's."""
        if self.snapshots is not None:
            self.snapshots.close()

    def _events(self, actuation: np.ndarray) -> list[int]:
        """Times of what happened within these ticks."""
        marks = np.zeros(MARK_SLOTS, np.int64)
        happened = marks[: self._marks.pop_many(marks)].tolist() if self._marks is not None else []
        modes = np.concatenate([[self._mode], actuation["mode"]])
        begun = (modes[1:] == MINIMAL_RISK) & (modes[:-1] != MINIMAL_RISK)
        self._mode = int(modes[-1])
        return [*happened, *actuation["time_ns"][begun].tolist()]


def _with_lists(inputs: Streams, lists: np.ndarray) -> Streams:
    """The ticks' inputs with the lists as the loop took them, before the tick's own of equal time."""
    found = dict(inputs)
    for number in np.unique(lists["samples"]["kind"]).tolist():
        own = lists[lists["samples"]["kind"] == number]
        topic, kind = f"/in/{KINDS[number]}", msg.dtype(f"{KINDS[number].capitalize()}Input")
        rows = np.zeros(len(own), kind)
        room = min(kind.itemsize, own["samples"]["body"].shape[1])
        rows.view(np.uint8).reshape(len(own), -1)[:, :room] = own["samples"]["body"][:, :room]
        times = own["log_time_ns"].copy()
        if topic in found:
            times, rows = np.concatenate([times, found[topic][0]]), np.concatenate([rows, found[topic][1]])
            order = np.argsort(times, kind="stable")
            times, rows = times[order], rows[order]
        found[topic] = times, rows
    return found


class _Datagrams:
    """Datagrams of one ring; those behind the last tick wait."""

    def __init__(self, ring: Ring):
        ring.touch()
        self._ring, self._joiner = ring, Joiner()
        self._parts = np.zeros(DATAGRAM_BATCH, DATAGRAM_PART)
        self._waiting: list[np.ndarray] = []

    def up_to(self, time_ns: int) -> np.ndarray:
        """Rows of UdpPacket, as long as the longest among them."""
        while count := self._ring.pop_many(self._parts):
            self._waiting.append(self._joiner.join(self._parts[:count])[0])
        blocks, self._waiting = self._waiting, []
        taken = []
        for block in blocks:
            split = int(np.searchsorted(block["time_ns"], time_ns, side="right"))
            taken.append(block[:split])
            if split < len(block):
                self._waiting.append(block[split:].copy())
        return of_one_length(taken)


class _Taken:
    """Records of one ring; those of a tick still to come wait."""

    def __init__(self, ring: Ring, slots: int, dtype: np.dtype):
        ring.touch()
        self._ring, self._rows = ring, np.zeros(slots, dtype)
        self._rows.view(np.uint8)[:] = 0  # memory that is there, so that a run's is told from its start on
        self._waiting = self._rows[:0]

    def up_to(self, time_ns: int) -> np.ndarray:
        fresh = self._rows[: self._ring.pop_many(self._rows)]
        rows = np.concatenate([self._waiting, fresh])
        taken = np.searchsorted(rows["log_time_ns"], time_ns, side="right")
        self._waiting = rows[taken:].copy()
        return rows[:taken]
