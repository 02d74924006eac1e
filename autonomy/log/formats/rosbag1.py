"""ROS 1 bags (.bag), by rosbags."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from autonomy.errors import LogError, MissingPackage
from autonomy.log.formats.frames import FrameList
from autonomy.log.formats.recording import BLOCK_BYTES, Block, Damage
from autonomy.log.formats.ros import foreign_schema, short_type
from autonomy.log.formats.ros_recording import RosRecording
from autonomy.log.ordered import steps_back

NAME = "ROS 1 bag"


class Stretch(NamedTuple):
    start_ns: int
    end_ns: int
    offset: int


class Place(NamedTuple):
    time_ns: int
    skipped: int  # messages of just that time which stand before


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith(b"#ROSBAG V2")


def open_format(path: Path) -> Rosbag1:
    return Rosbag1(path)


class Rosbag1(RosRecording):
    """Blocks are stretches of time: rosbags gives the messages of a bag by time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, NAME, is_ros1=True)
        try:
            from rosbags.rosbag1 import Reader
        except ImportError as error:
            raise MissingPackage(f"reading {path}", "rosbags", "replay") from error
        try:
            self._reader = Reader(path)
            self._reader.open()
            count = self._reader.message_count
        except Exception as error:  # rosbags raises whatever it meets in a damaged file
            raise LogError(
                f"{path} cannot be read as a ROS 1 bag: {type(error).__name__}: {error}; 'rosbag reindex' mends an unindexed one"
            ) from error
        self._schemas = {
            connection.id: foreign_schema(short_type(connection.msgtype), "ros1", "ros1msg", connection.msgdef.data)
            for connection in self._reader.connections
        }
        self.first = Place(0, 0) if count else None

    def close(self) -> None:
        self._reader.close()

    def steps_back(self) -> tuple[int, int]:
        """Between chunks, which lie in the order of arrival; the messages themselves are read by time."""
        return steps_back([Stretch(info.start_time, info.end_time, info.pos) for info in self._reader.chunk_infos], 0)

    def read(self, place: Place, is_first_time: bool) -> Block:
        frames, unused, notes = FrameList(), Counter(), Counter()
        length, time_ns, at_time, following, problem = 0, place.time_ns, place.skipped, None, None
        try:
            for connection, message_ns, payload in islice(self._reader.messages(start=place.time_ns), place.skipped, None):
                if length >= BLOCK_BYTES:
                    following = Place(message_ns, at_time if message_ns == time_ns else 0)
                    break
                at_time = at_time + 1 if message_ns == time_ns else 1
                time_ns = message_ns
                length += len(payload)
                self._translator.take(
                    message_ns, connection.topic, short_type(connection.msgtype), bytes(payload),
                    self._schemas[connection.id], frames, unused, notes,
                )  # fmt: skip
        except Exception as error:  # rosbags raises whatever it meets in a damaged file
            problem = f"rosbags cannot read on: {type(error).__name__}: {error}"
            if not len(frames):
                raise Damage(problem) from error
        return self.block(frames, unused, notes, following, problem, is_first_time)
