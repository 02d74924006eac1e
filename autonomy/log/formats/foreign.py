"""Reads a recording of a foreign format as if it were one of our logs: same topics, order, batches and counts.

Opening it passes over the file once and notes where its blocks lie and what they hold; blocks are then read again as
they are wanted, in the order of their times. A short recording stays in memory.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autonomy.log import layouts
from autonomy.log.formats.recording import Block, Damage, Recording
from autonomy.log.ordered import FLAG_PLAIN, OrderedReader
from autonomy.log.structure import Attachment
from autonomy.log.writer import METADATA_NAME

KEPT_BYTES = 64 << 20  # of blocks that stay in memory after the first pass


class Section(NamedTuple):
    """A block that can be read again."""

    start_ns: int
    end_ns: int
    offset: int  # its number: blocks with equal times keep the order of the file
    place: Any
    sequence: int  # of its first record
    channels: tuple[int, ...]


class ForeignReader(OrderedReader):
    """A recording of another format.

    `unused` and `notes` count by reason what the format holds and we do not; both stand in `metadata` too. Raises
    LogError, EnvironmentFault.
    """

    def __init__(self, recording: Recording):
        self._recording = recording
        self._found: list[Section] = []
        self._kept: dict[int, Block] = {}
        self._kept_bytes = 0
        self._steps: list[int] = [0, 0]  # back in time: how many, and the largest in ns
        try:
            counts, problem = self._pass_over()
        except BaseException:
            recording.close()
            raise
        channels = {number: recording.channel(number) for number in sorted(counts)}
        super().__init__(Path(recording.path), channels, self._found, problem)
        told = recording.steps_back()
        self.steps_back, self.largest_step_back_ns = told if told is not None else self._steps
        self.library = recording.name
        self.counts = {}
        for number, channel in channels.items():
            self.counts[channel.topic] = self.counts.get(channel.topic, 0) + counts[number]
        self.attachments = recording.attachments
        self.unused = +recording.unused  # without the zeros
        self.notes = +recording.notes
        own = {"importer": recording.name, "clock": recording.clock, **recording.details}
        self.metadata = {**recording.metadata, METADATA_NAME: own | recording.metadata.get(METADATA_NAME, {})}
        for name, reasons in (("unused", self.unused), ("notes", self.notes)):
            if reasons:
                self.metadata[name] = {reason: str(count) for reason, count in reasons.items()}

    def other_names(self) -> dict[str, list[str]]:
        return {name: [topic] for name, topic in self._recording.other_names().items()}

    def close(self) -> None:
        self._recording.close()

    def describe_attachment(self, name: str) -> Attachment:
        return self._recording.describe_attachment(name)

    def attachment(self, name: str) -> bytes:
        return self._recording.attachment(name)

    def _pass_over(self) -> tuple[Counter[int], str | None]:
        """Messages by channel, and why the recording ends early."""
        counts: Counter[int] = Counter()
        problem = None
        place, sequence, number = self._recording.first, 0, 0
        stream, before_ns = None, 0  # the last record's
        while place is not None:
            try:
                block = self._recording.read(place, True)
            except Damage as error:
                problem = str(error)
                break
            if len(block.records):
                times = block.records["log_time_ns"]
                if self._recording.stream(place) == stream:
                    self._note_steps(np.array([before_ns, times[0]]))
                self._note_steps(times)
                stream, before_ns = self._recording.stream(place), int(times[-1])
                present = np.bincount(block.records["channel"])
                channels = tuple(np.flatnonzero(present).tolist())
                counts.update({channel: int(present[channel]) for channel in channels})
                section = Section(int(times.min()), int(times.max()), number, place, sequence, channels)
                self._found.append(section)
                self._keep(number, block)
                sequence += len(block.records)
            number += 1
            place, problem = block.following, problem or block.problem
        return counts, problem

    def _note_steps(self, times: np.ndarray) -> None:
        steps = times[:-1] - times[1:]
        self._steps[0] += int((steps > 0).sum())
        self._steps[1] = max(self._steps[1], int(steps.max(initial=0)))

    def _keep(self, number: int, block: Block) -> None:
        self._kept_bytes += block.records.nbytes + block.data.nbytes
        if self._kept_bytes <= KEPT_BYTES:
            self._kept[number] = block
        else:
            self._kept.clear()

    def _read_section(self, section: Section, table: np.ndarray, malformed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        try:
            block = self._kept.get(section.offset) or self._recording.read(section.place, False)
        except Damage as error:
            raise ValueError(f"it was sound before ({error})") from error
        selected = table["selected"].astype(bool)
        wanted = selected[block.records["channel"]]
        records = block.records[wanted] if not wanted.all() else block.records.copy()
        records["sequence"] += np.uint32(section.sequence & 0xFFFFFFFF)
        records["rank"] = table["rank"][records["channel"]]
        plain = np.array([self._is_plain(number) for number in range(len(table))])
        records["flags"] = np.where(plain[records["channel"]], FLAG_PLAIN, 0)
        return records, block.data

    def _where(self, section: Section) -> str:
        return f"block {section.offset}"

    def _is_plain(self, number: int) -> bool:
        return number in self.channels and self.channels[number].encoding != layouts.ENCODING
