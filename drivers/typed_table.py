"""A table of a configuration file as a typed struct: what does not fit is one sentence with file, table and key, the keys that
are known there, and what to do."""

from __future__ import annotations

import difflib
import re
import types
import typing
from typing import Any, TypeVar

import msgspec

from autonomy.errors import UsageError

__all__ = ["convert"]

Kind = TypeVar("Kind")
UNKNOWN, MISSING = re.compile(r"unknown field `(.+?)`"), re.compile(r"missing required field `(.+?)`")
LONGEST_SHOWN = 60  # characters of a value
STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")  # of a place: a key, or an index in brackets


def convert(value: Any, kind: type[Kind], where: str, error: type[UsageError], at: str = "") -> Kind:
    """`value` as a `kind`. `where` names file and table, `at` the value's place in that table. Raises `error`."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as wrong:
        sentence, _, inner = str(wrong).partition(" - at `$")
        inner = inner.rstrip("`")
        place = (at + inner).removeprefix(".")
        raise error(f"{where}{f' at {place}' if place else ''}: {_said(sentence, kind, inner, value)}") from None


def _said(sentence: str, kind: type, inner: str, value: Any) -> str:
    """What is wrong with the struct at the place `inner` of a `kind`, in words."""
    struct = _kind_at(kind, inner)
    known = [item.encode_name for item in msgspec.structs.fields(struct)] if struct is not None else []
    if (found := UNKNOWN.search(sentence)) and known:
        key = found[1]
        near = difflib.get_close_matches(key, known, 1)
        return f"no key '{key}' is known here; " + (f"did you mean '{near[0]}'? " if near else "leave it out. ") \
            + f"Known: {', '.join(known)}"  # fmt: skip
    if (found := MISSING.search(sentence)) and known:
        return f"'{found[1]}' is missing; give it. Known: {', '.join(known)}"
    return f"{sentence}{_shown(value, inner)}; correct this key"


def _shown(value: Any, inner: str) -> str:
    """The value at a place, in brackets; nothing where the place names none (a key of a table, any item)."""
    for step in STEP.findall(inner):
        try:
            value = value[int(step[1:-1]) if step.startswith("[") else step]
        except (KeyError, IndexError, TypeError, ValueError):
            return ""
    text = repr(value)
    return f" ({text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + ' ...'})"


def _kind_at(kind: Any, inner: str) -> type[msgspec.Struct] | None:
    """The struct at a place such as `.road.segments[0]`, None where there is none."""
    for step in STEP.findall(inner):
        kind = _plain(kind)
        if step.startswith("["):
            arguments = typing.get_args(kind)
            kind = arguments[-1] if arguments else None
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = next((item.type for item in msgspec.structs.fields(kind) if item.encode_name == step), None)
        else:
            return None
    kind = _plain(kind)
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _plain(kind: Any) -> Any:
    """Of `X | None` the X."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next((item for item in typing.get_args(kind) if item is not type(None)), None)
    return kind
