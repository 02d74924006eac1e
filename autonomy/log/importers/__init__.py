"""Recordings of others into our log: one file a format, each with `convert(...) -> Conversion`.

Nothing is dropped in silence: what found no message is counted by reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Conversion:
    """What a conversion did: messages by topic, unused rows by reason, notes counted beside them.

    `problems` are sentences about recordings that end early or hold something damaged.
    """

    format: str
    messages: dict[str, int] = field(default_factory=dict)
    unused: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    start_ns: int | None = None
    end_ns: int | None = None
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "messages": self.messages,
            "unused": {reason: count for reason, count in self.unused.items() if count},
            "notes": {note: count for note, count in self.notes.items() if count},
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "problems": self.problems,
        }
