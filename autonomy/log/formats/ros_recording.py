"""What the readers of bags share: standard ROS messages become ours, and what else there was is told once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from autonomy.log.formats.frames import FrameList
from autonomy.log.formats.recording import Block, Recording
from autonomy.log.formats.ros import Translator


class RosRecording(Recording):
    def __init__(self, path: Path, name: str, is_ros1: bool) -> None:
        super().__init__(path, name)
        self._translator = Translator(is_ros1)
        self.channels = self._translator.channels

    def other_names(self) -> dict[str, str]:
        return self._translator.other_names()

    def block(self, frames: FrameList, unused: Counter[str], notes: Counter[str], following: Any, problem: str | None,
              is_first_time: bool) -> Block:  # fmt: skip
        """The translated messages as a block; their counts are kept when it is read the first time."""
        records, data = frames.content()
        if is_first_time:
            self.unused.update(unused)
            self.notes.update(notes)
            self.details.update(self._translator.details())
            self.tell_clock(records)
        return Block(records, data, following, problem)
