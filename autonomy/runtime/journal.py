"""What the loop wrote down, from its two rings into a log: frames in the order in which they were taken, cuts, frames, outputs.

Such a log replays from its cuts or from its frames to the same outputs, bit for bit.
"""

from __future__ import annotations

import numpy as np

from autonomy import config as configuration
from autonomy.config import Config
from autonomy.inputs import lane_path
from autonomy.log.writer import LogWriter
from autonomy.playback.recording import input_rows, output_rows, tick_rows
from autonomy.playback.source import CONFIG_ATTACHMENT, PATH_ATTACHMENT
from autonomy.runtime._loop import FRAME_ROW, TICK_ROW
from drivers.ring import Ring

FRAME_SLOTS = 1 << 16  # 2 MiB: half a minute at 2 000 frames/s
TICK_SLOTS = 1 << 9  # 29 MiB: five seconds for a slow disk
BATCH_TICKS = 32


def journal_rings() -> tuple[Ring, Ring]:
    """Frames and ticks."""
    return Ring(FRAME_SLOTS, FRAME_ROW.itemsize), Ring(TICK_SLOTS, TICK_ROW.itemsize)


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
    """The consumer of the rings. `drain` writes what is whole: ticks, and the frames they took."""

    def __init__(self, log: LogWriter, frames: Ring, ticks: Ring):
        self.log = log
        self.frames = self.ticks = 0
        self._frame_ring, self._tick_ring = frames, ticks
        self._tick_rows = np.zeros(BATCH_TICKS, TICK_ROW)
        self._frame_rows = np.zeros(FRAME_SLOTS, FRAME_ROW)
        self._waiting = self._frame_rows[:0]  # read, and of a tick still to come

    def drain(self) -> int:
        """Ticks written; 0 when there was none."""
        count = self._tick_ring.pop_many(self._tick_rows)
        if not count:
            return 0
        ticks = self._tick_rows[:count]
        # The loop commits a tick behind the frames it took: they are all there
        fresh = self._frame_rows[: self._frame_ring.pop_many(self._frame_rows)]
        frames = np.concatenate([self._waiting, fresh])
        taken = np.searchsorted(frames["log_time_ns"], ticks["out"]["tick_time_ns"][-1], side="right")
        self._waiting = frames[taken:].copy()
        self._write(frames[:taken], ticks)
        return count

    def _write(self, frames: np.ndarray, ticks: np.ndarray) -> None:
        times, rows = frames["log_time_ns"], frames["frame"]
        streams = {f"/raw/can/{bus}": (times[rows["bus"] == bus], rows[rows["bus"] == bus]) for bus in np.unique(rows["bus"])}
        durations = ticks["finished_ns"] - ticks["woken_ns"]
        timing = np.stack([ticks["woken_ns"], durations, ticks["records"].astype(np.int64)], axis=1)
        outputs = ticks["out"]
        self.log.write_merged(streams | input_rows(ticks["frame"]) | tick_rows(outputs, timing) | output_rows(outputs))
        self.frames += len(frames)
        self.ticks += len(ticks)
