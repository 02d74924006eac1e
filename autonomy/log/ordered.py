"""Reads recordings that lie in sections (chunks of an MCAP file, blocks of a foreign one) as one ordered stream.

Records come in one total order: log time, then the rank of the topic (what a tick writes stands behind what it may have
used, see topics.rank), then position in the file. Overlapping sections are merged: what lies beyond the start of the next
one waits for it. Memory is bounded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from autonomy import msg
from autonomy.errors import LogError
from autonomy.log import layouts, structure, topics
from autonomy.log._mcap import copy_bodies, copy_rows, sort_almost_sorted, total_length
from autonomy.log.topics import matches
from autonomy.msg import definitions

RECORD_DTYPE = np.dtype(
    [("log_time_ns", "<i8"), ("offset", "<u8"), ("sequence", "<u4"), ("length", "<u4"), ("rank", "<u4"),
     ("channel", "<u2"), ("flags", "<u2")]
)  # fmt: skip
FLAG_LATE = 1  # came after records with a later time had been given out
FLAG_PLAIN = 2  # not CDR: the offset points to the start of the payload
FLAG_WHOLE = 4  # the whole MCAP message record, publish time and CDR header included, stands in front of the payload
SECTIONS = 1 << 24  # a record's rank is that of its topic times this, and the number of its section in the file
LARGEST_STEP_BACK_NS = 2_000_000_000  # topics of one writer are at most this far apart in a file
MOST_WAITING_BYTES = 64 << 20  # of messages that wait for an overlapping chunk

Channel = structure.Channel


class Batch(NamedTuple):
    """Records in order, and the buffer their offsets point into (to the CDR body, behind its 4-byte header)."""

    records: np.ndarray
    data: np.ndarray


def own_channel(number: int, topic: str, message: str) -> Channel:
    """A channel with a message of ours."""
    schema = layouts.schema_name(message)
    return Channel(number, topic, schema, layouts.ENCODING, layouts.SCHEMA_ENCODING, msg.schema_text(message))


class OrderedReader(ABC):
    """One recording, of whatever format.

    `channels` {id: Channel}, `metadata` {name: {key: value}}, `attachments` [name], `counts` {topic: messages} (None when
    it is not known before reading), `start_ns`, `end_ns` and `library`, who wrote it, describe it. `truncated`, `problem`
    and `last_good_ns` say where it ends early; a bad section inside the file shows only when it is read, so they are final
    after a whole pass. `malformed` {topic: count}, `unknown_channel` and `late` count what the last pass left out or gave
    out of order. `steps_back`: times the file goes back, in an MCAP log by more than writers' buffers explain, and
    `largest_step_back_ns`: a clock that was set, or two drives in one file; the records come in order of their time all
    the same.
    """

    def __init__(self, path: Path, channels: dict[int, Channel], sections: list, problem: str | None) -> None:
        """`sections` have `start_ns`, `end_ns`, `offset` (their order in the file) and `channels` (ids, None = any)."""
        self.path = path
        self.channels = channels
        self.problem = problem
        self.metadata: dict[str, dict[str, str]] = {}
        self.attachments: list[str] = []
        self.library = ""
        self.counts: dict[str, int] | None = None
        self.damaged: list = []
        self.unused: dict[str, int] = {}  # what a foreign format holds and we do not, by reason
        self.unread_bytes: int | None = None  # behind the last whole record of a cut file; None where it is not known
        self.malformed: dict[str, int] = {}
        self.late = self.unknown_channel = 0
        self.steps_back, self.largest_step_back_ns = steps_back(sections)
        self._sections = sorted(sections, key=lambda section: (section.start_ns, section.offset))
        self._beyond: list = []  # sections behind a damaged one
        filled = [section for section in self._sections if section.end_ns or section.start_ns]
        self.start_ns: int | None = min((section.start_ns for section in filled), default=None)
        self.end_ns: int | None = max((section.end_ns for section in filled), default=None)
        self.last_good_ns: int | None = self.end_ns
        self._ranks = self._rank_channels()

    @abstractmethod
    def close(self) -> None:
        """Closes the file."""

    @abstractmethod
    def describe_attachment(self, name: str) -> structure.Attachment:
        """Media type, time and place of an attachment of this recording."""

    @abstractmethod
    def attachment(self, name: str) -> bytes:
        """The content of an attachment. Raises LogError when it is absent or damaged."""

    @abstractmethod
    def _read_section(self, section: Any, table: np.ndarray, malformed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The records of a section on the channels that `table` selects, in the order of the file, and their buffer.

        Raises ValueError with the reason when it is damaged.
        """

    @abstractmethod
    def _where(self, section: Any) -> str:
        """The section in words: 'the chunk at byte 5'."""

    def other_names(self) -> dict[str, list[str]]:
        """Topics by names they have elsewhere: before or after standard ROS messages become ours."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    @property
    def truncated(self) -> bool:
        """True when the log ends before its end: cut, or with a chunk that cannot be read."""
        return self.problem is not None

    @property
    def topics(self) -> list[str]:
        """Topics in the order of their first channel."""
        return list(dict.fromkeys(channel.topic for channel in self.channels.values()))

    def declare(self, topic: str) -> int:
        """The number of a topic's channel, for records that are put among those of the recording; a new one where it has none."""
        for number, channel in self.channels.items():
            if channel.topic == topic:
                return number
        number = max(self.channels, default=0) + 1
        self.channels[number] = own_channel(number, topic, topics.message_of(topic))
        self._ranks = self._rank_channels()
        return number

    def message_name(self, topic: str) -> str | None:
        """The message of ours that a topic carries; None for a foreign one. Raises LogError when they do not fit."""
        names = {self._message_of(channel) for channel in self.channels.values() if channel.topic == topic}
        if not names:
            raise LogError(f"{self.path} has no topic {topic}; it has {', '.join(sorted(self.topics)) or 'none'}")
        if len(names) > 1:
            raise LogError(f"{self.path}: topic {topic} carries several messages: {', '.join(sorted(map(str, names)))}")
        return names.pop()

    def batches(self, topics: Iterable[str] | None = None, *, start_ns: int | None = None, end_ns: int | None = None,
                as_bytes: Iterable[Channel] = (), past_damage: bool = False,
                file_order: bool = False) -> Iterator[Batch]:  # fmt: skip
        """All records of the wanted topics (names or patterns such as '/in/*'; all by default) in order, in batches.

        From `start_ns` to before `end_ns`; chunks without anything wanted are not opened. The payloads of the channels
        `as_bytes` are taken as they are, whatever they should be. `past_damage` goes on behind damaged chunks, which
        come into `damaged`. `file_order` leaves chunks and records where they lie in the file. Raises LogError when a
        wanted topic does not carry the message it should, before the first batch.
        """
        table = self._layout_table(topics, as_bytes)
        self.late = self.unknown_channel = 0
        malformed = np.zeros(len(table), np.int64)
        self.malformed = {}
        sections = self._wanted_sections(table, start_ns, end_ns, past_damage)
        if file_order:
            sections = sorted(sections, key=lambda section: section.offset)
        batches = self._merge(table, malformed, sections, past_damage, file_order)
        return batches if start_ns is None and end_ns is None else between(batches, start_ns, end_ns)

    def messages(self, topic: str) -> Iterator[tuple[int, np.void | bytes]]:
        """(log time, message) one by one: a structured scalar, or the payload's bytes for a foreign topic."""
        name = self.message_name(topic)
        for batch in self.batches([topic]):
            if name is None:
                for item in batch.records:
                    yield int(item["log_time_ns"]), batch.data[item["offset"] : item["offset"] + item["length"]].tobytes()
            else:
                yield from zip(batch.records["log_time_ns"].tolist(), rows_of(batch, msg.dtype(name)), strict=True)

    def read_topic(self, topic: str) -> np.ndarray:
        """All messages of a topic (n,) as its message's dtype; rows behind the end of a list are zero."""
        name = self.message_name(topic)
        if name is None:
            raise LogError(f"{self.path}: topic {topic} is not a message of this project; use messages('{topic}')")
        parts = [rows_of(batch, msg.dtype(name)) for batch in self.batches([topic])]
        return np.concatenate(parts) if parts else np.zeros(0, msg.dtype(name))

    def read_times(self, topic: str) -> np.ndarray:
        """The log times (n,) int64 of a topic's messages, in the same order as `read_topic`."""
        parts = [batch.records["log_time_ns"] for batch in self.batches([topic])]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def check(self) -> dict[str, int]:
        """Reads everything, whatever it carries, and returns the messages found by topic."""
        table = self._layout_table(None, self.misfits())
        malformed = np.zeros(len(table), np.int64)
        self.late = self.unknown_channel = 0
        counts = np.zeros(len(table), np.int64)
        for batch in self._merge(table, malformed, self._sections):
            counts += np.bincount(batch.records["channel"], minlength=len(table))
        found: dict[str, int] = {}
        for number, channel in self.channels.items():
            found[channel.topic] = found.get(channel.topic, 0) + int(counts[number])
        return found

    def misfits(self) -> list[Channel]:
        """The channels whose messages cannot be used as ours although they should."""
        return [channel for channel in self.channels.values() if self.misfit(channel)]

    def misfit(self, channel: Channel) -> str | None:
        """Why a channel's messages cannot be used as ours; None when they fit or are foreign."""
        expected = topics.message_of(channel.topic)
        name = layouts.message_name(channel.schema)
        if name is None:
            return f"it should carry {expected} but carries '{channel.schema}'" if expected else None
        if expected and name != expected:
            return f"it should carry {expected} but carries {name}"
        if channel.encoding != layouts.ENCODING or channel.schema_encoding != layouts.SCHEMA_ENCODING:
            return f"its encoding is '{channel.encoding}' with a '{channel.schema_encoding}' schema, not cdr with ros2msg"
        return layouts.difference(name, channel.schema_text)

    def _message_of(self, channel: Channel) -> str | None:
        reason = self.misfit(channel)
        if reason is not None:
            raise LogError(f"{self.path}: topic {channel.topic} cannot be read: {reason}")
        return layouts.message_name(channel.schema)

    def _rank_channels(self) -> dict[int, int]:
        return {number: topics.rank(channel.topic) * SECTIONS for number, channel in self.channels.items()}

    def _wanted_sections(self, table: np.ndarray, start_ns: int | None, end_ns: int | None, past_damage: bool) -> list:
        """The sections that may hold records of the table's selected channels between the times, in order."""
        sections = self._sections
        if past_damage:
            sections = sorted(sections + self._beyond, key=lambda section: (section.start_ns, section.offset))
        everything = bool((table["selected"] == table["known"]).all())
        selected = set(np.flatnonzero(table["selected"]).tolist())
        return [
            section
            for section in sections
            if (start_ns is None or section.end_ns >= start_ns)
            and (end_ns is None or section.start_ns < end_ns)
            and (everything or section.channels is None or not selected.isdisjoint(section.channels))
        ]

    def _layout_table(self, wanted: Iterable[str] | None, as_bytes: Iterable[Channel] = ()) -> np.ndarray:
        patterns = None if wanted is None else list(wanted)
        foreign = {channel.id for channel in as_bytes}
        table = np.zeros(max(self.channels, default=0) + 1, layouts.LAYOUT_DTYPE)
        for number, channel in self.channels.items():
            selected = patterns is None or any(matches(channel.topic, pattern) for pattern in patterns)
            name = None
            if selected and number not in foreign:
                name = self._message_of(channel)
            table[number] = (layouts.layout(name) if name else layouts.foreign_layout(channel.encoding))[0]
            table[number]["known"] = 1
            table[number]["selected"] = selected
            table[number]["rank"] = self._ranks[number]
        return table

    def _merge(self, table: np.ndarray, malformed: np.ndarray, sections: list, past_damage: bool = False,
               file_order: bool = False) -> Iterator[Batch]:  # fmt: skip
        waiting, waiting_data = np.zeros(0, RECORD_DTYPE), np.zeros(0, np.uint8)
        given_ns = -1
        problem = None
        in_file = {offset: number % SECTIONS for number, offset in enumerate(sorted(section.offset for section in sections))}
        for number, section in enumerate(sections):
            following = sections[number + 1].start_ns if number + 1 < len(sections) else None
            try:
                found, data = self._read_section(section, table, malformed)
            except ValueError as error:
                if section not in self.damaged:
                    self.damaged.append(section)
                problem = problem or f"{self._where(section)} is damaged: {error}"
                limit_ns = following if past_damage else section.start_ns
                found, data = np.zeros(0, RECORD_DTYPE), np.zeros(0, np.uint8)
            else:
                limit_ns = following
                found["rank"] += np.uint32(in_file[section.offset])
            if len(waiting):
                found["offset"] += len(waiting_data)
                found, data = np.concatenate([waiting, found]), np.concatenate([waiting_data, data])
            if file_order:
                limit_ns = None
            elif not sort_almost_sorted(found):
                found = found[np.lexsort((found["rank"], found["log_time_ns"]))]
            ready = len(found) if limit_ns is None else int(np.searchsorted(found["log_time_ns"], limit_ns))
            waiting = found[ready:].copy()
            if total_length(waiting) > MOST_WAITING_BYTES:
                ready, waiting = len(found), waiting[:0]
            waiting_data = np.empty(total_length(waiting), np.uint8)
            copy_bodies(data, waiting, waiting_data)
            if ready:
                out = found[:ready]
                late = out["log_time_ns"] < np.maximum.accumulate(out["log_time_ns"]) if file_order else False
                if file_order or out["log_time_ns"][0] < given_ns:
                    late |= out["log_time_ns"] < given_ns
                    out["flags"][late] |= FLAG_LATE
                    self.late += int(late.sum())
                given_ns = max(given_ns, int(out["log_time_ns"].max()))
                yield Batch(out, data)
            if problem and not past_damage:
                break
        self.malformed = {self.channels[int(n)].topic: int(malformed[n]) for n in np.flatnonzero(malformed)}
        if problem:
            self.problem = self.problem or problem
            if not past_damage:
                self.problem = problem
                self.last_good_ns = given_ns if given_ns >= 0 else None


def between(batches: Iterable[Batch], start_ns: int | None, end_ns: int | None) -> Iterator[Batch]:
    """The records from `start_ns` to before `end_ns` of every batch; batches without any are left out."""
    for batch in batches:
        times = batch.records["log_time_ns"]
        wanted = np.ones(len(times), bool)
        if start_ns is not None:
            wanted &= times >= start_ns
        if end_ns is not None:
            wanted &= times < end_ns
        if wanted.all():
            yield batch
        elif wanted.any():
            yield Batch(batch.records[wanted], batch.data)


def rows_of(batch: Batch, dtype: np.dtype) -> np.ndarray:
    """The batch's records, all of one message, as an array (n,) of its dtype; rows behind the end of a list are zero."""
    rows = np.zeros(len(batch.records), dtype)
    copy_rows(batch.data, batch.records, rows.view(np.uint8).reshape(len(rows), dtype.itemsize))
    return rows


def list_capacity(batch: Batch, message: str) -> int:
    """How many elements the longest list among the batch's records, all of one message that ends in a list, may have."""
    _, first, size = msg.list_layout(message)
    longest = int(batch.records["length"].max(initial=0))
    return max((longest - first) // size, 1)


def short_rows(batch: Batch, message: str, capacity: int | None = None) -> np.ndarray:
    """`rows_of`, but with room for `capacity` list elements (default: those in use): a message may have room for 64 kB."""
    if definitions.load(message).fields[-1].kind != "list":
        return rows_of(batch, msg.dtype(message))
    return rows_of(batch, layouts.short_dtype(message, capacity or list_capacity(batch, message)))


def steps_back(sections: Iterable, margin_ns: int = LARGEST_STEP_BACK_NS) -> tuple[int, int]:
    """How often the sections of a file go back by more than `margin_ns`, and by how many ns at most, about.

    A section may hold a step itself: it then reaches from the new times to the old ones and is counted once.
    """
    count = largest = 0
    now_ns: int | None = None  # where the clock was at the end of the section before
    for section in sorted(sections, key=lambda section: section.offset):
        if not (section.end_ns or section.start_ns):
            continue
        if now_ns is None or section.start_ns >= now_ns - margin_ns:
            now_ns = section.end_ns
            continue
        count, largest = count + 1, max(largest, max(now_ns, section.end_ns) - section.start_ns)
        now_ns = section.start_ns if section.end_ns > now_ns - margin_ns else section.end_ns
    return count, largest
