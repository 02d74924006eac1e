"""MCAP logs of others with standard ROS messages, rosbag2's among them: those messages become ours, the rest stays."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy.log import layouts
from autonomy.log.formats.frames import FrameList
from autonomy.log.formats.recording import Block, Damage
from autonomy.log.formats.ros import TRANSLATED, short_type
from autonomy.log.formats.ros_recording import RosRecording
from autonomy.log.ordered import steps_back
from autonomy.log.reader import LogReader
from autonomy.log.structure import Attachment, Channel
from autonomy.log.topics import VIEW_TOPICS

NAME = "ROS messages in MCAP"


def needs_translation(reader: LogReader) -> bool:
    """Whether a log carries messages that we have messages of our own for."""
    return any(_kind(channel) in TRANSLATED for channel in reader.channels.values())


def _kind(channel: Channel) -> str:
    """The type of a channel's messages; "" for what a run of ours has drawn: a position there is no receiver's."""
    return "" if channel.topic.startswith(VIEW_TOPICS) else short_type(channel.schema)


class Place(NamedTuple):
    file: int
    section: int  # in the order of the file


class Stretch(NamedTuple):
    start_ns: int
    end_ns: int
    offset: tuple[int, int]  # number of the file, byte in it


class RosMcap(RosRecording):
    """One file or the files of one bag; blocks are their chunks."""

    def __init__(self, path: Path, readers: list[LogReader]) -> None:
        channels = [channel for reader in readers for channel in reader.channels.values()]
        super().__init__(path, NAME, any(channel.encoding == "ros1" for channel in channels))
        self._readers = readers
        self._sections = [sorted(reader._sections, key=lambda section: section.offset) for reader in readers]
        self._holders: dict[str, LogReader] = {}  # of attachments
        for reader in readers:
            self.metadata = reader.metadata | self.metadata
            self._holders = dict.fromkeys(reader.attachments, reader) | self._holders
        self.attachments = list(self._holders)
        self.first = self._place(Place(0, 0))

    @staticmethod
    def of_files(path: Path, files: list[Path]) -> RosMcap:
        """A bag of several files. Raises LogError."""
        readers: list[LogReader] = []
        try:
            readers.extend(map(LogReader, files))
        except BaseException:
            for reader in readers:
                reader.close()
            raise
        return RosMcap(path, readers)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    def attachment(self, name: str) -> bytes:
        return self._holders[name].attachment(name) if name in self._holders else super().attachment(name)

    def describe_attachment(self, name: str) -> Attachment:
        return self._holders[name].describe_attachment(name) if name in self._holders else super().describe_attachment(name)

    def steps_back(self) -> tuple[int, int]:
        return steps_back([
            Stretch(section.start_ns, section.end_ns, (number, section.offset))
            for number, sections in enumerate(self._sections) for section in sections
        ])  # fmt: skip

    def read(self, place: Place, is_first_time: bool) -> Block:
        reader, frames, unused, notes = self._readers[place.file], FrameList(), Counter(), Counter()
        table = reader._layout_table(None, reader.channels.values())
        section: Any = self._sections[place.file][place.section]
        try:
            records, data = reader._read_section(section, table, np.zeros(len(table), np.int64))
        except ValueError as error:
            raise Damage(f"the chunk at byte {section.offset} of {reader.path.name} is damaged: {error}") from error
        for time_ns, offset, length, number in zip(
            records["log_time_ns"].tolist(), records["offset"].tolist(), records["length"].tolist(),
            records["channel"].tolist(), strict=True,
        ):  # fmt: skip
            channel = reader.channels[number]
            header = len(b"\0\1\0\0") if channel.encoding == layouts.ENCODING else 0
            payload = data[offset - header : offset + length].tobytes()
            self._translator.take(time_ns, channel.topic, _kind(channel), payload, channel, frames, unused, notes)
        following = self._place(place._replace(section=place.section + 1))
        problems = [f"{file.path.name}: {file.problem}" for file in self._readers if file.problem]
        is_file = len(self._readers) == 1
        problem = (reader.problem if is_file else "; ".join(problems) or None) if following is None else None
        return self.block(frames, unused, notes, following, problem, is_first_time)

    def _place(self, place: Place) -> Place | None:
        while place.file < len(self._sections) and place.section >= len(self._sections[place.file]):
            place = Place(place.file + 1, 0)
        return place if place.file < len(self._sections) else None
