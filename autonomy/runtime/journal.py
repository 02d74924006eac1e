"""What the loop wrote down, from its rings into a log: raw records in the order in which they were taken, cuts, frames, outputs.

Such a log replays from its cuts or from its frames to the same outputs, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autonomy import config as configuration
from autonomy.config import Config
from autonomy.inputs import lane_path
from autonomy.log.writer import LogWriter
from autonomy.playback.recording import input_rows, output_rows, tick_rows
from autonomy.playback.source import CONFIG_ATTACHMENT, PATH_ATTACHMENT
from autonomy.runtime._loop import FRAME_ROW, JOURNAL_PIECE_ROW, TICK_ROW
from drivers.ring import Ring
from drivers.serial.route_config import PREFIX

FRAME_SLOTS = 1 << 16  # 2 MiB: half a minute at 2 000 frames/s
TICK_SLOTS = 1 << 9  # 29 MiB: five seconds for a slow disk
PIECE_SLOTS = 1 << 12  # 2 MiB of pieces of serial lines: five seconds at 800 a second
BATCH_TICKS = 32


class JournalRings(NamedTuple):
    frames: Ring
    ticks: Ring
    pieces: Ring | None  # None without serial lines

    @classmethod
    def make(cls, lines: int = 0) -> JournalRings:
        return cls(Ring(FRAME_SLOTS, FRAME_ROW.itemsize), Ring(TICK_SLOTS, TICK_ROW.itemsize),
                   Ring(PIECE_SLOTS, JOURNAL_PIECE_ROW.itemsize) if lines else None)  # fmt: skip


def open_log(path, config: Config, parameters: np.ndarray, path_points: np.ndarray, path_label: str, first_ns: int,
             clock: str = "CLOCK_MONOTONIC", **metadata: object) -> LogWriter:  # fmt: skip
    """A log with all that replay needs beside the records. Raises EnvironmentFault."""
    log = LogWriter(path, {"vehicle": config.path, "config_hash": config.sha256,
                           "calibration_hash": config.calibration_sha256, "importer": "autonomy run",
                           "clock": clock, "lane_path": path_label, **metadata})  # fmt: skip
    log.write("/parameters", first_ns, parameters)
    log.attach(CONFIG_ATTACHMENT, config.to_json().encode())
    log.attach(PATH_ATTACHMENT, lane_path.to_text(path_points).encode())
    for bus in config.sections.get("can", {}).get("bus", []):
        dbc = config.locate("can", "bus", bus["dbc"]) or configuration.find(bus["dbc"])
        log.attach(f"can/{bus['bus']}.dbc", dbc.read_bytes())
    return log


class Journal:
    """The consumer of the rings. `drain` writes what is whole: ticks, and the records they took.

    `lines`: names of the serial ports, in the loop's order.
    """

    def __init__(self, log: LogWriter, rings: JournalRings, lines: Sequence[str] = ()):
        self.log, self.lines = log, lines
        self.frames = self.ticks = self.pieces = 0
        self._tick_ring = rings.ticks
        self._tick_rows = np.zeros(BATCH_TICKS, TICK_ROW)
        self._frames = _Taken(rings.frames, FRAME_SLOTS, FRAME_ROW)
        self._pieces = None if rings.pieces is None else _Taken(rings.pieces, PIECE_SLOTS, JOURNAL_PIECE_ROW)

    @property
    def counts(self) -> dict[str, int]:
        """Written so far."""
        return {"frames": self.frames, "ticks": self.ticks, "pieces": self.pieces}

    def drain(self) -> int:
        """Ticks written; 0 when there was none."""
        count = self._tick_ring.pop_many(self._tick_rows)
        if not count:
            return 0
        ticks = self._tick_rows[:count]
        last_ns = int(ticks["out"]["tick_time_ns"][-1])
        # The loop commits a tick behind the records it took: they are all there
        pieces = self._pieces.up_to(last_ns) if self._pieces is not None else None
        self._write(self._frames.up_to(last_ns), pieces, ticks)
        return count

    def _write(self, frames: np.ndarray, pieces: np.ndarray | None, ticks: np.ndarray) -> None:
        times, rows = frames["log_time_ns"], frames["frame"]
        streams = {f"/raw/can/{bus}": (times[rows["bus"] == bus], rows[rows["bus"] == bus]) for bus in np.unique(rows["bus"])}
        if pieces is not None:
            for line in np.unique(pieces["line"]):
                own = pieces[pieces["line"] == line]
                streams[PREFIX + self.lines[line]] = own["log_time_ns"], own["piece"]
            self.pieces += len(pieces)
        durations = ticks["finished_ns"] - ticks["woken_ns"]
        timing = np.stack([ticks["woken_ns"], durations, ticks["records"].astype(np.int64)], axis=1)
        outputs = ticks["out"]
        self.log.write_merged(streams | input_rows(ticks["frame"]) | tick_rows(outputs, timing) | output_rows(outputs))
        self.frames += len(frames)
        self.ticks += len(ticks)


class _Taken:
    """Records of one ring; those of a tick still to come wait."""

    def __init__(self, ring: Ring, slots: int, dtype: np.dtype):
        self._ring, self._rows = ring, np.zeros(slots, dtype)
        self._waiting = self._rows[:0]

    def up_to(self, time_ns: int) -> np.ndarray:
        fresh = self._rows[: self._ring.pop_many(self._rows)]
        rows = np.concatenate([self._waiting, fresh])
        taken = np.searchsorted(rows["log_time_ns"], time_ns, side="right")
        self._waiting = rows[taken:].copy()
        return rows[:taken]
