"""Writes what a run saw and said into one log: parameters first, every input record, each tick's cut, frame and outputs.

Such a log is whole in itself: it replays from its raw bytes and cuts, or from its frames, to the same outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autonomy import msg
from autonomy.log.reader import LogReader
from autonomy.log.writer import LogWriter
from autonomy.playback.engine import Block
from autonomy.playback.source import KINDS, is_input_topic
from autonomy.stack import Stack

if TYPE_CHECKING:
    from autonomy.playback.replay import Result

OUTPUTS = ("vehicle", "ego", "truck", "lane", "plan", "control", "actuation", "health", "tracks")


class Recording:
    """A sink for `Engine`; batches go through `pass_through` on their way to it."""

    def __init__(self, path: Path, stack: Stack, reader: LogReader, metadata: dict[str, str]):
        self._writer = LogWriter(path)
        self._writer.write("/parameters", reader.start_ns, stack.parameters)
        self._writer.add_metadata("autonomy", metadata)
        for name, data in reader.attachments.items():
            self._writer.add_attachment(name, data)
        self._inputs = [channel.id for channel in reader.channels.values() if is_input_topic(channel.topic)]
        self._topics = {channel.id: channel.topic for channel in reader.channels.values()}

    def pass_through(self, batches: Iterable) -> Iterator:
        """Copies each batch's input and reference records into the log, then hands the batch on."""
        for batch in batches:
            for channel in self._inputs:
                records = batch.records[batch.records["channel"] == channel]
                if len(records):
                    self._writer.copy_records(self._topics[channel], records, batch.data)
            yield batch

    def __call__(self, block: Block) -> None:
        times = block.outputs["tick_time_ns"]
        if block.frames is not None:
            self._write_frames(block.frames, times)
        write_block(self._writer, block.outputs)
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


def write_block(writer: LogWriter, outputs: np.ndarray) -> None:
    """The output messages of a run of ticks, each on its topic."""
    for name in OUTPUTS:
        writer.write_batch(f"/out/{name}", outputs["tick_time_ns"], outputs[name])


def write_outputs(result: Result, path: Path) -> Path:
    """A log of nothing but a result's outputs, to compare with another."""
    writer = LogWriter(path)
    write_block(writer, result.outputs)
    writer.close()
    return path
