"""Writes what a run saw and said into one log: parameters first, every input record, each tick's cut, frame and outputs.

Such a log is whole in itself: it replays from its raw bytes and cuts, or from its frames, to the same outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autonomy import msg
from autonomy.inputs import lane_path
from autonomy.log.reader import Batch, short_rows
from autonomy.log.writer import LogWriter
from autonomy.perception.lidar_calibration import attachments
from autonomy.playback.engine import Block
from autonomy.playback.rows import Streams, input_rows, output_rows, tick_rows
from autonomy.playback.source import CONFIG_ATTACHMENT, PATH_ATTACHMENT, LogSource, is_input_topic
from autonomy.viewers.moments import Sampler, items_of_frames, lane_paths_of
from autonomy.viewers.scan_messages import ScanMessages
from autonomy.viewers.views import Views

if TYPE_CHECKING:
    from autonomy.playback.result import Result

NOT_IN_A_TICK = msg.constants("ImuInput")["NOT_IN_A_TICK"]
SPAN_NS = 500_000_000  # of inputs written before their outputs: with the views' lag no topic is 1 s behind another


class Recording:
    """A sink for `Engine`; batches go through `pass_through` on their way to it."""

    def __init__(self, path: Path, source: LogSource, origin: Mapping[str, str], *, with_packets: bool):
        """`origin`: where the inputs come from, for the log's metadata. `with_packets`: the only log there will be of them; a
        replay's leaves datagrams, which are nearly all of a log's bytes, in its source."""
        reader = source.reader
        inputs = {number: channel.topic for number, channel in reader.channels.items() if is_input_topic(channel.topic)}
        messages = {topic: reader.message_name(topic) for topic in inputs.values()}
        # Raw bytes that no step of the tick reads (lidar packets) stay in the source alone, and the log says so
        for topic, message in messages.items():
            messages[topic] = None if message == "UdpPacket" and not with_packets else message
        left_out = sorted(topic for topic, message in messages.items() if message is None)
        self._writer = LogWriter(path, {
            "vehicle": source.config.path,
            "config_hash": source.config.sha256,
            "calibration_hash": source.config.calibration_sha256,
            **origin,
            "lane_path": source.path_label,
            **({"left_out": ", ".join(left_out)} if left_out else {}),
        })  # fmt: skip
        self._writer.write("/parameters", reader.start_ns, source.parameters)
        own = {CONFIG_ATTACHMENT: source.config.to_json().encode(), PATH_ATTACHMENT: lane_path.to_text(source.path).encode(),
               **attachments(source.config)}  # fmt: skip
        for name, content in own.items():
            self._writer.attach(name, content)
        for name in reader.attachments:
            if name not in own:
                self._writer.attach(name, reader.attachment(name))
        self._sampler, self._views = Sampler(), Views(self._writer, source.parameters["vehicle"])
        self.add_scan = ScanMessages(self._sampler.add_scan)  # takes shown scans, before the ticks that their results go into
        self._inputs = {number: (topic, messages[topic]) for number, topic in inputs.items() if messages[topic] is not None}

    def pass_through(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Writes each batch's inputs into the log, then hands the batch on, SPAN_NS of it at a time."""
        for batch in _spans(batches):
            self.write_inputs(batch)
            yield batch

    def write_inputs(self, batch: Batch) -> None:
        """Copies the input and reference records of a batch into the log."""
        streams, places = {}, {}
        for number, (topic, message) in self._inputs.items():
            place = np.flatnonzero(batch.records["channel"] == number)
            records = batch.records[place]
            rows = short_rows(Batch(records, batch.data), message)
            if "tick_index" in rows.dtype.names:
                fresh = rows["tick_index"] == NOT_IN_A_TICK  # frames of an earlier run are written anew by this one
                records, rows, place = records[fresh], rows[fresh], place[fresh]
            if topic == "/ref/pose":
                self._sampler.add_references(rows)
            if len(rows):
                streams[topic], places[topic] = (records["log_time_ns"], rows), place
        self._writer.write_merged(streams, places)

    def __call__(self, block: Block) -> None:
        times = block.outputs["tick_time_ns"]
        if block.frames is not None:
            self._write(input_rows(block.frames))
        write_block(self._writer, block.outputs)
        self._write(tick_rows(block.outputs, block.timing))
        self._write_views(block, times)

    def _write(self, streams: Streams) -> None:
        for topic, (times, rows) in streams.items():
            self._writer.write_batch(topic, times, rows)

    def _write_views(self, block: Block, times: np.ndarray) -> None:
        """Standard messages for viewers, beside our own."""
        items, lane_paths = {}, []
        if block.frames is not None:
            items, lane_paths = items_of_frames(block.frames), lane_paths_of(times, block.frames["lane_path"])
        self._sampler.add(block.outputs, items, lane_paths)
        if self._sampler.is_full:
            self._views.write(self._sampler.take())

    def close(self) -> None:
        self._views.write(self._sampler.take())
        self._writer.close()


def _spans(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Batches cut into pieces of SPAN_NS, so that inputs, outputs and views of a moment stand close to each other."""
    for batch in batches:
        times = batch.records["log_time_ns"]
        first = 0
        while first < len(times):
            last = max(int(np.searchsorted(times, times[first] + SPAN_NS)), first + 1)
            yield batch._replace(records=batch.records[first:last])
            first = last


def write_block(writer: LogWriter, outputs: np.ndarray) -> None:
    """The output messages of a run of ticks, each on its topic."""
    for topic, (times, rows) in output_rows(outputs).items():
        writer.write_batch(topic, times, rows)


def write_outputs(result: Result, path: Path) -> Path:
    """A log of nothing but a result's outputs, to compare with another."""
    writer = LogWriter(path)
    write_block(writer, result.outputs)
    writer.close()
    return path
