"""The table of topics (autonomy/msg/topics.toml): which message a topic carries and where it stands among equal times."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from dataclasses import dataclass
from functools import cache

from autonomy.msg import definitions

VIEW_TOPICS = "/view/"  # standard messages drawn from a run's outputs: nobody's measurements


@dataclass(frozen=True)
class Topic:
    topic: str  # with <placeholders>
    message: str  # "" = declared by the writer
    rate_hz: float
    writer: str
    readers: tuple[str, ...]
    timeout_s: float


@cache
def table() -> tuple[Topic, ...]:
    """All rows of topics.toml, in order."""
    with (definitions.DIRECTORY / "topics.toml").open("rb") as file:
        rows = tomllib.load(file)["topic"]
    return tuple(Topic(**{**row, "readers": tuple(row["readers"])}) for row in rows)


@cache
def place(topic: str) -> int:
    """Index of the row a topic belongs to; the length of the table for a topic that is not in it."""
    for number, pattern in enumerate(_patterns()):
        if pattern.fullmatch(topic):
            return number
    return len(table())


def message_of(topic: str) -> str | None:
    """The message a topic must carry; "" when its writer declares it, None for a topic that is not in the table."""
    number = place(topic)
    return table()[number].message if number < len(table()) else None


def matches(topic: str, pattern: str) -> bool:
    """Whether a topic is meant by a name or pattern such as '/in/*'."""
    return fnmatch.fnmatchcase(topic, pattern)


@cache
def _patterns() -> tuple[re.Pattern, ...]:
    return tuple(re.compile(re.sub(r"<\w+>", "[^/]+", row.topic)) for row in table())
