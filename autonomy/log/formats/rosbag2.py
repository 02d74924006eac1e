"""ROS 2 bags: a folder, or its .db3 file alone, read from the database, which a power cut leaves readable.

The files of a folder are one recording. Those in MCAP are read by ros_mcap.py.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from autonomy.errors import LogError
from autonomy.log.formats.frames import FrameList
from autonomy.log.formats.recording import BLOCK_BYTES, Block, Damage, Recording
from autonomy.log.formats.ros import foreign_schema, short_type
from autonomy.log.formats.ros_recording import RosRecording
from autonomy.log.structure import Channel

NAME = "ROS 2 bag"
MAGIC = b"SQLite format 3\0"


class Place(NamedTuple):
    file: int
    time_ns: int
    row: int  # the last one taken, at that time


class Topic(NamedTuple):
    name: str
    kind: str
    schema: Channel


def recognises(head: bytes, path: Path) -> bool:
    return head.startswith(MAGIC) or (path.is_dir() and bool(bag_files(path)))


def open_format(path: Path) -> Recording:
    files = bag_files(path) if path.is_dir() else [path]
    if files[0].suffix == ".mcap":
        from autonomy.log.formats.ros_mcap import RosMcap

        return RosMcap.of_files(path, files)
    return Rosbag2(path, files)


def bag_files(folder: Path) -> list[Path]:
    """The files of a bag's folder in the order of their numbers; none where it is no bag."""
    files = sorted(folder.glob("*.db3"), key=_number)
    if files:
        return files
    files = sorted(folder.glob("*.mcap"), key=_number)
    is_bag = (folder / "metadata.yaml").is_file() or all(re.search(r"_\d+\.mcap$", file.name) for file in files)
    return files if is_bag else []


def _number(file: Path) -> tuple[int, str]:
    return len(file.name), file.name


class Rosbag2(RosRecording):
    def __init__(self, path: Path, files: list[Path]) -> None:
        super().__init__(path, NAME, is_ros1=False)
        self._databases: list[sqlite3.Connection] = []
        self._topics: list[dict[int, Topic]] = []
        try:
            for file in files:
                database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
                self._databases.append(database)
                self._topics.append(_topics(database))
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter out of a damaged name in an error's own text
            self.close()
            raise LogError(f"{path} cannot be read as a ROS 2 bag: {error}") from error
        self.first = Place(0, -(1 << 63), -1)

    def close(self) -> None:
        for database in self._databases:
            database.close()

    def steps_back(self) -> tuple[int, int]:
        """In the order of the rows, which is that of arrival; the messages themselves are read by time."""
        count = largest = 0
        with suppress(sqlite3.Error, UnicodeDecodeError):  # told when it is read
            for database in self._databases:
                steps, most = database.execute(
                    "SELECT COUNT(*), MAX(before - timestamp) FROM "
                    "(SELECT timestamp, LAG(timestamp) OVER (ORDER BY id) AS before FROM messages) WHERE timestamp < before"
                ).fetchone()
                count, largest = count + steps, max(largest, int(most or 0))
        return count, largest

    def read(self, place: Place, is_first_time: bool) -> Block:
        frames, unused, notes = FrameList(), Counter(), Counter()
        topics, length, problem = self._topics[place.file], 0, None
        following = Place(place.file + 1, -(1 << 63), -1) if place.file + 1 < len(self._databases) else None
        last = place
        try:
            rows = self._databases[place.file].execute(
                "SELECT id, topic_id, timestamp, data FROM messages WHERE timestamp > ? OR (timestamp = ? AND id > ?) "
                "ORDER BY timestamp, id", (place.time_ns, place.time_ns, place.row),
            )  # fmt: skip
            for row, topic_id, time_ns, payload in rows:
                if length >= BLOCK_BYTES:
                    following = last
                    break
                last = Place(place.file, time_ns, row)
                length += len(payload or b"")
                topic = topics.get(topic_id)
                if topic is None or not isinstance(time_ns, int) or not isinstance(payload, bytes) or len(payload) < 4:
                    unused["messages without a topic or content"] += 1
                    continue
                self._translator.take(time_ns, topic.name, topic.kind, payload, topic.schema, frames, unused, notes)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            problem = f"the database is damaged: {error}"
            if not len(frames):
                raise Damage(problem) from error
        return self.block(frames, unused, notes, following if problem is None else None, problem, is_first_time)


def _topics(database: sqlite3.Connection) -> dict[int, Topic]:
    """The bag's topics by number, with their definitions where newer bags hold them. Raises sqlite3.Error."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    texts = {}
    if "message_definitions" in tables:
        rows = database.execute("SELECT topic_type, encoding, encoded_message_definition FROM message_definitions")
        texts = {row[0]: row[1:] for row in rows if _are_texts(row)}
    found = {}
    for number, name, kind, encoding in database.execute("SELECT id, name, type, serialization_format FROM topics"):
        if not _are_texts((name, kind, encoding)):
            continue  # its messages are counted
        schema_encoding, text = texts.get(kind, ("", ""))
        found[number] = Topic(name, short_type(kind), foreign_schema(kind, encoding, schema_encoding, text))
    return found


def _are_texts(cells: Sequence) -> bool:
    """SQLite holds whatever was written, the type of a column aside."""
    return all(isinstance(cell, str) for cell in cells)
