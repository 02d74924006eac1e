"""Standard messages as memory: NumPy rows whose bytes are the message's CDR body, so that many are filled at once.

CDR aligns each number to its own size, so the place of a field hangs on the strings and lists before it. Here these have
a fixed length, except for one list at the end, or for a number of bytes at the end that the row tells itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from autonomy.log import layouts
from autonomy.msg import CDR_HEADER
from autonomy.viewers.standard import definitions

USED = "used_bytes"  # at the end of a row of variable length, no part of the message


@dataclass
class Memory:
    """How a message lies in memory.

    `strings` {path: text, or a width that later texts are padded to}; `lists` {path: elements}, 0 for those not named.
    A path is written without indices: "markers.header.frame_id". `ends_in` names the last list where its rows use only a
    part of it; `counts_bytes` gives rows a field USED instead. The elements of the lists `apart` have strings of their own
    ("transforms[1].child_frame_id") and are the list's fields "0", "1" ... `dtype` has one field per field of the message; a
    string is (length, text), a list (count, items), or (count, lead, items) where its first element is aligned otherwise.
    """

    name: str
    strings: Mapping[str, str | int] = field(default_factory=dict)
    lists: Mapping[str, int] = field(default_factory=dict)
    ends_in: str | None = None
    counts_bytes: bool = False
    apart: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        body, size = self._struct(self.name, 0, "")
        self.body_bytes = size
        fields = {key: body.fields[key][:2] for key in body.names}
        if self.counts_bytes:
            size = -(-size // 4) * 4
            fields[USED] = (np.dtype("<u4"), size)
            size += 4
        self.dtype = _dtype(fields, size)
        self._template = np.zeros(1, self.dtype)
        self._fill(self._template, self.name, "")
        if self.counts_bytes:
            self._template[USED] = self.body_bytes

    def rows(self, count: int) -> np.ndarray:
        """(count,) messages with their strings and counts in place and all else zero."""
        return np.repeat(self._template, count)

    @property
    def layout(self) -> np.ndarray:
        """The row of layouts.LAYOUT_DTYPE with which the log's writer finds the end of a message."""
        if self.counts_bytes:
            return _counting_bytes(self.dtype)
        row = np.zeros(1, layouts.LAYOUT_DTYPE)
        row["size"], row["count_offset"], row["header"] = self.dtype.itemsize, -1, len(CDR_HEADER)
        if self.ends_in:
            kind, offset = self.dtype.fields[self.ends_in][:2]
            items, first = kind.fields["items"][:2]
            row["count_offset"], row["element"] = offset, items.base.itemsize
            row["first"], row["bound"] = offset + first, items.shape[0]
            if "lead" in kind.names:  # counted like the others, although it is shorter or longer
                row["first"] -= items.base.itemsize
                row["bound"] += 1
        return row

    def _struct(self, name: str, start: int, path: str) -> tuple[np.dtype, int]:
        """(dtype with offsets from `start`, end) of a message that begins at `start` of the body."""
        found, at = {}, start
        for item in definitions.fields(name):
            kind, begin, at = self._field(item, at, f"{path}{item.name}")
            found[item.name] = (kind, begin - start)
        return _dtype(found, at - start), at

    def _field(self, item: definitions.Field, at: int, path: str) -> tuple[np.dtype, int, int]:
        """(dtype, begin, end)."""
        if item.kind == "scalar":
            return self._value(item.type, at, path)
        if item.kind == "array":
            kind, begin, end = self._value(item.type, at, path)
            return np.dtype((kind, (item.length,))), begin, end + (item.length - 1) * kind.itemsize
        begin = _aligned(at, 4)
        count = self.lists.get(path, 0)
        if not count:
            return _dtype({"count": (np.dtype("<u4"), 0)}, 4), begin, begin + 4
        fields = {"count": (np.dtype("<u4"), 0)}
        if path in self.apart:
            end = begin + 4
            for number in range(count):
                kind, first, end = self._value(item.type, end, f"{path}[{number}]")
                fields[str(number)] = (kind, first - begin)
            return _dtype(fields, end - begin), begin, end
        kind, first, end = self._value(item.type, begin + 4, path)
        if count > 1:
            again, second, end = self._value(item.type, end, path)
            if again != kind:  # the list begins where the others do not: its first element stands alone
                fields["lead"] = (kind, first - begin)
                kind, first, count = again, second, count - 1
                # What follows the last 8-byte number is of one length, so all others begin as the second one does
                _, second, _ = self._value(item.type, end, path)
            if kind.names:  # what the next element is aligned to belongs to this one
                kind = _dtype({key: kind.fields[key][:2] for key in kind.names}, second - first)
            end = first + count * kind.itemsize
        fields["items"] = (np.dtype((kind, (count,))), first - begin)
        return _dtype(fields, end - begin), begin, end

    def _value(self, kind: str, at: int, path: str) -> tuple[np.dtype, int, int]:
        if kind == "string":
            text = self.strings.get(path, "")
            width = (text if isinstance(text, int) else len(text)) + 1
            begin = _aligned(at, 4)
            string = _dtype({"length": (np.dtype("<u4"), 0), "text": (np.dtype(f"S{width}"), 4)}, 4 + width)
            return string, begin, begin + 4 + width
        if kind in definitions.SIZES:
            size = definitions.SIZES[kind]
            begin = _aligned(at, size)
            return np.dtype({"bool": "u1", "byte": "u1"}.get(kind, kind)).newbyteorder("<"), begin, begin + size
        inner, end = self._struct(kind, _aligned(at, _first_size(kind)), f"{path}.")
        return inner, end - inner.itemsize, end

    def _fill(self, rows: np.ndarray, name: str, path: str) -> None:
        for item in definitions.fields(name):
            here, values = f"{path}{item.name}", rows[item.name]
            if item.kind == "sequence":
                values["count"] = self.lists.get(here, 0)
                if not self.lists.get(here, 0):
                    continue
                if here in self.apart:
                    for number in range(self.lists[here]):
                        self._fill_value(values[str(number)], item, f"{here}[{number}]")
                    continue
                if "lead" in values.dtype.names:
                    self._fill_value(values["lead"], item, here)
                values = values["items"]
            self._fill_value(values, item, here)

    def _fill_value(self, values: np.ndarray, item: definitions.Field, here: str) -> None:
        if item.type == "string":
            text = self.strings.get(here, "")
            values["length"] = (text if isinstance(text, int) else len(text)) + 1
            values["text"] = b"" if isinstance(text, int) else text.encode()
        elif item.type not in definitions.SIZES:
            self._fill(values, item.type, f"{here}.")


class Bytes:
    """A message of any content up to `most` bytes: rows are its CDR body and how much of it is used."""

    def __init__(self, name: str, most: int):
        self.name = name
        self.dtype = np.dtype([("body", "u1", (-(-most // 4) * 4,)), (USED, "<u4")])

    def rows(self, bodies: list[bytes]) -> np.ndarray:
        rows = np.zeros(len(bodies), self.dtype)
        for row, body in zip(rows, bodies, strict=True):
            row["body"][: len(body)] = np.frombuffer(body, np.uint8)
            row[USED] = len(body)
        return rows

    @property
    def layout(self) -> np.ndarray:
        return _counting_bytes(self.dtype)


def _counting_bytes(dtype: np.dtype) -> np.ndarray:
    row = np.zeros(1, layouts.LAYOUT_DTYPE)
    row["size"], row["count_offset"], row["header"] = dtype.itemsize, dtype.fields[USED][1], len(CDR_HEADER)
    row["element"], row["bound"] = 1, dtype.fields[USED][1]
    return row


def _first_size(kind: str) -> int:
    """What the first number of a message is aligned to."""
    item = definitions.fields(kind)[0]
    if item.kind == "sequence" or item.type == "string":
        return 4
    return definitions.SIZES.get(item.type) or _first_size(item.type)


def _aligned(at: int, size: int) -> int:
    return -(-at // size) * size


def _dtype(fields: Mapping[str, tuple[np.dtype, int]], size: int) -> np.dtype:
    return np.dtype({"names": list(fields), "formats": [kind for kind, _ in fields.values()],
                     "offsets": [offset for _, offset in fields.values()], "itemsize": size})  # fmt: skip
