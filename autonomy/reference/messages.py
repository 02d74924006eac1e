"""The page of topics and messages: `topics.toml` and the `.msg` files with the sizes and offsets the compiler is held to."""

from __future__ import annotations

import tomllib

from autonomy.msg import definitions
from autonomy.msg.definitions import PRIMITIVE_SIZES, Field, Message
from autonomy.reference.markdown import plain, table

TOPIC_HEADER = ("topic", "message", "bytes", "rate, Hz", "time-out, s", "writer", "readers")


def page() -> str:
    parts = [_INTRODUCTION, "## Topics", "", _ABOUT_TOPICS, topics(), "## Messages", ""]
    for name in definitions.names():
        parts += _message(definitions.load(name))
    return "\n".join(parts)


def topics() -> str:
    """One row a topic, in the order of topics.toml."""
    with (definitions.DIRECTORY / "topics.toml").open("rb") as file:
        rows = tomllib.load(file)["topic"]
    return table(TOPIC_HEADER, [_topic(row) for row in rows])


def size(name: str) -> str:
    """Bytes of a message in a log, without the 4 of the CDR header."""
    message = definitions.load(name)
    item = message.list_field
    if item is None or not message.is_loggable:
        return str(message.size)
    element = PRIMITIVE_SIZES.get(item.type) or definitions.load(item.type).size
    return f"{message.size - item.length * element} + {element} n, n <= {item.length}"


def comment_above(text: str) -> str:
    """The comment that a definition begins with, as one paragraph."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return plain(" ".join(lines))


def _topic(row: dict) -> tuple[str, ...]:
    name = row["message"]
    rate, timeout = (f"{row[key]:g}" if row[key] else "-" for key in ("rate_hz", "timeout_s"))
    message = _link(name) if name else "declared by its writer"
    return f"`{row['topic']}`", message, size(name) if name else "-", rate, timeout, row["writer"], ", ".join(row["readers"])


def _message(message: Message) -> list[str]:
    parts = [f"### {message.name}", ""]
    if described := comment_above(message.text):
        parts += [described, ""]
    parts += [f"{size(message.name)} bytes.", "", table(("offset", "type", "field", "meaning"), map(_field, message.fields))]
    if message.constants:
        parts.append(
            table(("constant", "type", "value"), [(f"`{name}`", kind, value) for kind, name, value in message.constants])
        )
    return parts


def _field(item: Field) -> tuple[str, ...]:
    length = {"scalar": "", "array": f"[{item.length}]", "list": f"[<={item.length}]"}[item.kind]
    kind = item.type if item.type in PRIMITIVE_SIZES else _link(item.type)
    return str(item.offset), kind + length, f"`{item.name}`", plain(item.comment)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


_INTRODUCTION = """# Topics and messages

What the fields of a log mean, where they stand, and how large they are. The rules behind the layout are in
[messages](../messages.md), units and frames in [conventions](../conventions.md).
"""
_ABOUT_TOPICS = """\
*bytes*: in a log, without the 4 of the CDR header; a list takes what it holds. *rate*: usual rate, `-` = once or on change.
*time-out*: silence longer than this counts as a fault of the source, `-` = never; the values the tick uses are in
[`[inputs]`](configuration.md#inputs). The order is that of records with equal time: what goes into a tick stands before what
comes out. Writers and readers that do not exist yet (perception, guard, loop, transports) are named as planned.
"""
