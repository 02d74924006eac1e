"""Writes what a run saw and said into one log: parameters first, every raw record, each tick's cut, frame and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.log.writer import LogWriter
from autonomy.playback.engine import Block
from autonomy.playback.source import KINDS
from autonomy.stack import Stack

OUTPUTS = ("vehicle", "ego", "truck", "lane", "plan", "control", "actuation", "health", "tracks")


class Recording:
    """A sink for `Engine`. `pass_through` copies input records; call it for each batch before its ticks."""

    def __init__(self, path: Path, stack: Stack, metadata: dict[str, str], attachments: dict[str, bytes], start_ns: int):
        self._writer = LogWriter(path)
        self._writer.write("/parameters", start_ns, stack.parameters)
        self._writer.add_metadata("autonomy", metadata)
        for name, data in attachments.items():
            self._writer.add_attachment(name, data)
        self._consumed = 0

    def __call__(self, block: Block) -> None:
        times = block.outputs["tick_time_ns"]
        if block.frames is not None:
            self._write_frames(block.frames, times)
        for name in OUTPUTS:
            self._writer.write_batch(f"/out/{name}", times, block.outputs[name])
        timing = np.zeros(len(times), msg.dtype("Timing"))
        timing["tick_index"] = block.outputs["tick_index"]
        timing["start_time_ns"], timing["duration_ns"] = block.timing[:, 0], block.timing[:, 1]
        self._writer.write_batch("/timing", times, timing)
        cuts = np.zeros(len(times), msg.dtype("Cut"))
        cuts["tick_index"], cuts["tick_time_ns"], cuts["records"] = timing["tick_index"], times, block.timing[:, 2]
        self._writer.write_batch("/cut", times, cuts)

    def _write_frames(self, frames: np.ndarray, times: np.ndarray) -> None:
        for kind in KINDS[1:]:
            used = (frames[kind]["count"] > 0) | (frames[kind]["overflow"] > 0)
            if used.any():
                lists = frames[kind][used].copy()
                lists["tick_index"], lists["tick_time_ns"] = frames["tick_index"][used], times[used]
                self._writer.write_batch(f"/in/{kind}", times[used], lists)
        header = np.zeros(len(frames), msg.dtype("TickInput"))
        for name in ("tick_index", "tick_time_ns", "set_speed_mps", "engage"):
            header[name] = frames[name]
        self._writer.write_batch("/in/frame", times, header)

    def close(self) -> None:
        self._writer.close()
