"""The table of topics (autonomy/msg/topics.toml): which message a topic carries and where it stands among equal times."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from autonomy.errors import UsageError
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


@cache
def rank(topic: str) -> int:
    """Where a topic stands among records of equal time: /parameters, then whatever a tick may use, then what a tick writes.

    Topics of one rank keep the order of the recording: between what came in, that order is a fact.
    """
    first = place("/in/frame")
    at = place(topic)
    if at == len(table()):
        return 1
    return 0 if topic == "/parameters" else max(at - first + 2, 1)


@cache
def key(topic: str) -> int:
    """`rank` and then `place`: where records of several recordings have no common order."""
    return rank(topic) * (len(table()) + 1) + place(topic)


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


def wanted(patterns: Sequence[str] | None, readers: Sequence) -> list[str] | None:
    """The topics or patterns asked for, and the topics meant by names they have elsewhere (see `other_names`).

    Raises UsageError for one that means no topic of the recordings.
    """
    if patterns is None:
        return None
    present = sorted({topic for reader in readers for topic in reader.topics})
    others = [names for reader in readers for names in reader.other_names().items()]
    found = list(patterns)
    for pattern in patterns:
        meant = [topic for name, topics in others if matches(name, pattern) for topic in topics]
        if not meant and not any(matches(topic, pattern) for topic in present):
            raise UsageError(f"--topics {pattern}: no such topic; there are {', '.join(present) or 'none'}")
        found += meant
    return list(dict.fromkeys(found))
