"""How messages lie in a log: the table the inner loops read, and whether a log's schema is the message we know."""

from __future__ import annotations

from functools import cache

import numpy as np

from autonomy import msg
from autonomy.msg import definitions

ENCODING = "cdr"
SCHEMA_ENCODING = "ros2msg"
PACKAGE = "autonomy"

LAYOUT_DTYPE = np.dtype(
    [("size", "<i8"), ("count_offset", "<i8"), ("first", "<i8"), ("element", "<i8"), ("bound", "<u4"), ("rank", "<u4"),
     ("known", "u1"), ("selected", "u1"), ("header", "u1"), ("padding", "u1"), ("padding2", "<u4")]
)  # fmt: skip


def schema_name(message: str) -> str:
    return f"{PACKAGE}/msg/{message}"


def message_name(schema: str) -> str | None:
    """The message of ours that a schema name means, None for somebody else's."""
    package, _, name = schema.partition("/")
    return name.removeprefix("msg/") if package == PACKAGE else None


@cache
def layout(message: str) -> np.ndarray:
    """One row of LAYOUT_DTYPE for a message of ours. Raises DefinitionError."""
    row = np.zeros(1, LAYOUT_DTYPE)
    row["size"], row["count_offset"], row["header"] = definitions.load(message).size, -1, len(msg.CDR_HEADER)
    lists = msg.list_layout(message)
    if lists is not None:
        row["count_offset"], row["first"], row["element"] = lists
        row["bound"] = definitions.load(message).list_field.length
    return row


def body(row: bytes, layout: np.void) -> bytes:
    """A message's bytes behind its header of one row of memory: of a list at its end only what is in use."""
    offset, bound = int(layout["count_offset"]), int(layout["bound"])
    if offset < 0:
        return row[: int(layout["size"])]
    count = min(int.from_bytes(row[offset : offset + 4], "little"), bound)
    return row[: int(layout["first"]) + count * int(layout["element"]) if count else offset + 4]


@cache
def short_dtype(message: str, capacity: int) -> np.dtype:
    """The dtype of a message whose list has room for `capacity` elements only: what many short messages are built in."""
    full, (_, first, size) = msg.dtype(message), msg.list_layout(message)
    name = definitions.load(message).fields[-1].name
    kinds = {key: full.fields[key] for key in full.names}
    kinds[name] = (np.dtype((full.fields[name][0].base, (capacity,))), first)
    return np.dtype({"names": list(kinds), "formats": [kind[0] for kind in kinds.values()],
                     "offsets": [kind[1] for kind in kinds.values()], "itemsize": first + capacity * size})  # fmt: skip


def foreign_layout(encoding: str) -> np.ndarray:
    """The row for messages of somebody else: any length."""
    row = np.zeros(1, LAYOUT_DTYPE)
    row["count_offset"], row["header"] = -1, len(msg.CDR_HEADER) if encoding == ENCODING else 0
    return row


def difference(message: str, schema_text: str) -> str | None:
    """Why a schema found in a log is not our message of that name; None when the memory is the same.

    Comments and constants may differ: they do not change a byte.
    """
    if message not in definitions.names():
        return f"this version has no message {message}"
    if schema_text == msg.schema_text(message):
        return None
    head, *others = schema_text.split(definitions.SCHEMA_SEPARATOR)
    texts = {}
    for part in others:
        title, _, text = part.strip().partition("\n")
        texts[title.removeprefix("MSG:").strip().split("/")[-1]] = text
    try:
        return _compare(message, definitions.parse(message, head, _resolver(texts)), _resolver(texts))
    except (definitions.DefinitionError, RecursionError) as error:
        return f"its schema cannot be read ({error})"


def _resolver(texts: dict[str, str]):
    def resolve(name: str) -> definitions.Message:
        if name not in texts:
            raise definitions.DefinitionError(f"the type {name} is not described")
        return definitions.parse(name, texts[name], resolve)

    return resolve


def _compare(message: str, found: definitions.Message, resolve) -> str | None:
    known = definitions.load(message)
    for ours, theirs in zip(known.fields, found.fields, strict=False):
        for what in ("name", "type", "kind", "length"):
            if getattr(ours, what) != getattr(theirs, what):
                return (
                    f"field {message}.{theirs.name} is '{theirs.type}' x {theirs.length}, "
                    f"this version has {message}.{ours.name} '{ours.type}' x {ours.length} there"
                )
        if ours.type not in definitions.PRIMITIVE_SIZES and (below := _compare(ours.type, resolve(ours.type), resolve)):
            return below
    if len(known.fields) != len(found.fields):
        return f"{message} has {len(found.fields)} fields there and {len(known.fields)} in this version"
    return None
