"""A table of a configuration file as a typed struct: what does not fit is one sentence with file, table and key."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from autonomy.errors import UsageError

__all__ = ["convert"]

Kind = TypeVar("Kind")


def convert(value: Any, kind: type[Kind], where: str, error: type[UsageError], at: str = "") -> Kind:
    """`value` as a `kind`. `where` names file and table, `at` the value's place in that table. Raises `error`."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as wrong:
        sentence, _, inner = str(wrong).partition(" - at `$")
        place = (at + inner.rstrip("`")).removeprefix(".")
        raise error(f"{where}{f' at {place}' if place else ''}: {sentence}; correct this key") from None
