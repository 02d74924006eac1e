"""Options that say where something named is: NAME=PLACE, each name once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from autonomy.errors import UsageError

__all__ = ["named_places", "once"]

Place = TypeVar("Place")


def named_places(texts: Iterable[str], option: str, form: str = "NAME=PLACE") -> dict[str, str]:
    """`form`: what is to be written, for who wrote something else. Raises UsageError."""
    pairs = []
    for text in texts:
        name, _, place = text.partition("=")
        if not name or not place:
            raise UsageError(f"{option} {text}: write {form}")
        pairs.append((name, place))
    return once(pairs, option)


def once(pairs: Iterable[tuple[str, Place]], option: str) -> dict[str, Place]:
    """Raises UsageError for a name that comes again: what it was given first would be lost without a word."""
    found: dict[str, Place] = {}
    for name, place in pairs:
        if name in found:
            raise UsageError(f"{option} {name}=...: given more than once; each has one place")
        found[name] = place
    return found
