"""MCAP logs of others with standard ROS messages, rosbag2's among them: those messages become ours, the rest stays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from autonomy.log import layouts
from autonomy.log.formats.frames import FrameList
from autonomy.log.formats.recording import Block, Damage, Recording
from autonomy.log.formats.ros import TRANSLATED, Translator, short_type
from autonomy.log.reader import LogReader
from autonomy.log.structure import Channel
from autonomy.log.topics import VIEW_TOPICS

NAME = "ROS messages in MCAP"


def needs_translation(reader: LogReader) -> bool:
    """Whether a log carries messages that we have messages of our own for."""
    return any(_kind(channel) in TRANSLATED for channel in reader.channels.values())


def _kind(channel: Channel) -> str:
    """The type of a channel's messages; "" for what a run of ours has drawn: a position there is no receiver's."""
    return "" if channel.topic.startswith(VIEW_TOPICS) else short_type(channel.schema)


class RosMcap(Recording):
    """Blocks are the chunks of the file; a place is the number of a section of the reader."""

    def __init__(self, reader: LogReader) -> None:
        super().__init__(reader.path, NAME)
        self._reader = reader
        is_ros1 = any(channel.encoding == "ros1" for channel in reader.channels.values())
        self._translator = Translator(is_ros1)
        self.channels = self._translator.channels
        self.metadata = reader.metadata
        self.attachments = reader.attachments
        self.attachment = reader.attachment
        self.describe_attachment = reader.describe_attachment
        self.first = 0 if reader._sections else None

    def close(self) -> None:
        self._reader.close()

    def read(self, place: int, is_first_time: bool) -> Block:
        reader, frames, unused = self._reader, FrameList(), Counter()
        table = reader._layout_table(None, reader.channels.values())
        section: Any = reader._sections[place]
        try:
            records, data = reader._read_section(section, table, np.zeros(len(table), np.int64))
        except ValueError as error:
            raise Damage(f"the chunk at byte {section.offset} is damaged: {error}") from error
        for time_ns, offset, length, number in zip(
            records["log_time_ns"].tolist(), records["offset"].tolist(), records["length"].tolist(),
            records["channel"].tolist(), strict=True,
        ):  # fmt: skip
            channel = reader.channels[number]
            header = len(b"\0\1\0\0") if channel.encoding == layouts.ENCODING else 0
            payload = data[offset - header : offset + length].tobytes()
            self._translator.take(time_ns, channel.topic, _kind(channel), payload, channel, frames, unused)
        if is_first_time:
            self.unused.update(unused)
            self.details.update(self._translator.details())
            self.tell_clock(records)
        is_last = place + 1 == len(reader._sections)
        return Block(*frames.content(), None if is_last else place + 1, reader.problem if is_last else None)
