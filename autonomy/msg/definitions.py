"""Reads the `.msg` files: the only definition of every message, checked against the rules that make memory equal CDR.

The syntax is that of ROS 2 messages. A struct that keeps these rules is, byte for byte, the CDR body of the same
message, so nothing is serialised in the loop:

* every field stands at a multiple of its own size (no implicit padding) and the size is a multiple of 8;
* a nested type starts with an 8-byte field and is written by its bare name;
* no strings, no `bool` (write `uint8`), no unbounded lists;
* at most one list per message, last: `Track[<=128] tracks` is `uint32 count; uint32 padding; Track[128]` in memory and
  `offset + count * size` bytes in the log;
* bytes are listed without that padding, because CDR writes none: `uint8[<=1504] data` is `uint32 count; uint8[1504]`.

`InputFrame` alone nests several lists; it lives in memory only and is logged list by list.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

DIRECTORY = Path(__file__).parent
PRIMITIVE_SIZES = {
    "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4,
    "int64": 8, "uint64": 8, "float32": 4, "float64": 8,
}  # fmt: skip
LIST_HEADER_SIZE = 8  # uint32 count, uint32 padding
BYTE_LIST_HEADER_SIZE = 4  # uint32 count
SCHEMA_SEPARATOR = "=" * 80

_FIELD = re.compile(r"^(?P<type>[A-Za-z]\w*)(?:\[(?P<bound><=)?(?P<length>\d+)\])?\s+(?P<name>[a-z]\w*)$")
_CONSTANT = re.compile(r"^(?P<type>\w+)\s+(?P<name>[A-Z]\w*)\s*=\s*(?P<value>\S+)$")


class DefinitionError(ValueError):
    """A `.msg` file breaks one of the rules; the text names file, line and remedy."""


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    length: int  # 1 for a scalar, n for an array, the bound for a list
    kind: str  # "scalar", "array" or "list"
    offset: int
    comment: str = ""

    @property
    def list_header_size(self) -> int:
        """Bytes in front of a list's first element: its count, and padding up to elements that start on 8 bytes."""
        return BYTE_LIST_HEADER_SIZE if self.type == "uint8" else LIST_HEADER_SIZE


@dataclass(frozen=True)
class Message:
    name: str
    fields: tuple[Field, ...]
    constants: tuple[tuple[str, str, str], ...]  # type, name, value
    size: int
    text: str
    nested: tuple[str, ...] = field(default=())  # every message type below this one, each once, in order of appearance
    list_count: int = 0

    @property
    def list_field(self) -> Field | None:
        """The list that ends this message, directly or within its last nested message; None without one."""
        last = self.fields[-1]
        if last.kind == "list":
            return last
        return load(last.type).list_field if last.kind == "scalar" and last.type not in PRIMITIVE_SIZES else None

    @property
    def is_loggable(self) -> bool:
        return self.list_count == 0 or (self.list_count == 1 and self.list_field is not None)


def names() -> list[str]:
    """The names of all messages, sorted."""
    return sorted(path.stem for path in DIRECTORY.glob("*.msg"))


@cache
def load(name: str) -> Message:
    """The message `name` of the tree. Raises DefinitionError."""
    path = DIRECTORY / f"{name}.msg"
    if not path.is_file():
        raise DefinitionError(f"no message {name}: {path.name} does not exist in autonomy/msg")
    return parse(name, path.read_text(), load)


def parse(name: str, text: str, resolve) -> Message:
    """Parses one definition; `resolve(type_name) -> Message` supplies nested types. Raises DefinitionError."""
    fields: list[Field] = []
    constants: list[tuple[str, str, str]] = []
    nested: dict[str, None] = {}
    offset = list_count = 0
    for number, raw in enumerate(text.splitlines(), 1):
        code, _, comment = raw.partition("#")
        code = code.strip()
        if not code:
            continue
        where = f"{name}.msg line {number}"
        if constant := _CONSTANT.match(code):
            constants.append((constant["type"], constant["name"], constant["value"]))
            continue
        match = _FIELD.match(code)
        if not match:
            raise DefinitionError(f"{where}: cannot read '{code}'; write 'type name', 'type[n] name' or 'type[<=n] name'")
        type_name, length = match["type"], int(match["length"] or 1)
        kind = "list" if match["bound"] else "array" if match["length"] else "scalar"
        if fields and fields[-1].kind == "list":
            raise DefinitionError(f"{where}: '{match['name']}' follows the list '{fields[-1].name}'; a list must stand last")
        if type_name in PRIMITIVE_SIZES:
            size = alignment = PRIMITIVE_SIZES[type_name]
        elif type_name in ("bool", "string", "wstring", "char", "byte", "time", "duration"):
            raise DefinitionError(f"{where}: type '{type_name}' is not allowed; use uint8 or a number")
        else:
            inner = resolve(type_name)
            first = inner.fields[0]
            if first.kind == "list" or PRIMITIVE_SIZES.get(first.type, 8) != 8:
                raise DefinitionError(f"{where}: '{type_name}' is nested but does not start with an 8-byte field")
            if inner.list_count and kind != "scalar":
                raise DefinitionError(f"{where}: '{type_name}' holds a list and cannot be an array element")
            size, alignment = inner.size, 8
            list_count += inner.list_count
            for below in (type_name, *inner.nested):
                nested.setdefault(below)
        if kind == "list":
            if offset % 4:
                raise DefinitionError(f"{where}: list '{match['name']}' starts at {offset}; add padding to a multiple of 4")
            # CDR aligns the elements, not the count: 4 bytes of count, then padding up to 8 for 8-byte elements
            if type_name == "uint8":
                if offset % 8 != 4:
                    raise DefinitionError(f"{where}: list '{match['name']}' of bytes must start 4 bytes after a multiple of 8")
            elif offset % 8 or alignment != 8:
                raise DefinitionError(
                    f"{where}: list '{match['name']}' must start at a multiple of 8 and hold elements that do too"
                )
            list_count += 1
            fields.append(Field(match["name"], type_name, length, kind, offset, comment.strip()))
            offset += fields[-1].list_header_size + length * size
            continue
        if offset % alignment:
            raise DefinitionError(
                f"{where}: '{match['name']}' would need {alignment - offset % alignment} bytes of hidden padding at {offset}; "
                "write a padding field before it"
            )
        fields.append(Field(match["name"], type_name, length, kind, offset, comment.strip()))
        offset += size * length
    if not fields:
        raise DefinitionError(f"{name}.msg: no fields")
    if offset % 8:
        raise DefinitionError(f"{name}.msg: size {offset} is not a multiple of 8; add uint8[{8 - offset % 8}] padding")
    return Message(name, tuple(fields), tuple(constants), offset, text, tuple(nested), list_count)


def schema_text(name: str) -> str:
    """The `ros2msg` schema of a message: its own text and that of every nested type, as the MCAP registry asks."""
    message = load(name)
    parts = [message.text.rstrip()]
    parts += [f"{SCHEMA_SEPARATOR}\nMSG: autonomy/{inner}\n{load(inner).text.rstrip()}" for inner in message.nested]
    return "\n".join(parts) + "\n"


@cache
def layout_hash() -> int:
    """64-bit hash over names, types and offsets of every field of every message; comments and constants left out."""
    digest = hashlib.sha256()
    for name in names():
        for item in load(name).fields:
            digest.update(f"{name}.{item.name}:{item.type}:{item.kind}:{item.length}@{item.offset}\n".encode())
    return int.from_bytes(digest.digest()[:8], "little")
