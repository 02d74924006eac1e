"""Files of the Point Cloud Library, .pcd (ascii, binary, binary_compressed), as columns by their names.

Format: the PCD file format page of the Point Cloud Library, version 0.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.errors import BadInputError

__all__ = ["MOST_POINTS", "columns_of_pcd"]

MOST_HEADER = 65536  # bytes
MOST_POINTS = 20_000_000
PADDING = "_"  # what the library calls fields that hold nothing, as many as there are
SHOWN = 60  # characters of a value in a sentence
TYPES = {
    ("F", 4): "<f4",
    ("F", 8): "<f8",
    **{("U", n): f"<u{n}" for n in (1, 2, 4, 8)},
    **{("I", n): f"<i{n}" for n in (1, 2, 4, 8)},
}


class Header(NamedTuple):
    """`row`: the fields of a point by their number, as names may be anything. `body_line`: where the points begin, from 1."""

    names: list[str]
    counts: list[int]
    row: np.dtype
    points: int
    kind: str
    body_at: int
    body_line: int


def columns_of_pcd(path: Path, data: bytes) -> dict[str, np.ndarray]:
    """The first value of each field, by its name. Raises BadInputError."""
    header = _header(path, data)
    names, row, points, body = header.names, header.row, header.points, data[header.body_at :]
    if header.kind == "ascii":
        return _ascii(path, body, header)
    if header.kind == "binary":
        if len(body) < points * row.itemsize:
            raise BadInputError(
                f"{path}: {points} points of {row.itemsize} bytes are told, {len(body)} bytes are there; it is cut"
            )
        table = np.frombuffer(body, row, points)
        return {name: table[f"{k}"][:, 0] for k, name in enumerate(names)}
    if header.kind == "binary_compressed":
        return dict(_columns(_unpacked(path, body, points * row.itemsize), names, row, points))
    raise BadInputError(f"{path}: DATA {header.kind[:SHOWN]}: must be ascii, binary or binary_compressed")


def _header(path: Path, data: bytes) -> Header:
    lines, at, line = _lines(path, data)
    try:
        names = lines["FIELDS"]
        counts = [int(value) for value in lines.get("COUNT", ["1"] * len(names))]
        kinds = [TYPES[kind, int(size)] for kind, size in zip(lines["TYPE"], lines["SIZE"], strict=True)]
        size = [int(lines[key][0]) for key in ("WIDTH", "HEIGHT") if key in lines]
        points = int(lines["POINTS"][0]) if "POINTS" in lines else size[0] * size[1]
        if len(names) != len(kinds) or len(counts) != len(names) or not names or min(counts) < 1 or max(counts) > 4096:
            raise ValueError
    except (KeyError, ValueError, IndexError):
        raise BadInputError(f"{path}: its header's FIELDS, SIZE, TYPE, COUNT and POINTS do not fit together") from None
    if not 0 <= points <= MOST_POINTS:
        raise BadInputError(f"{path}: POINTS {points}: must be between 0 and {MOST_POINTS}")
    if len(size) == 2 and size[0] * size[1] != points:
        raise BadInputError(f"{path}: POINTS {points}, but WIDTH {size[0]} x HEIGHT {size[1]}; correct the header")
    twice = [name for name in names if name != PADDING and names.count(name) > 1]
    if twice:
        told = f"'{twice[0][:SHOWN]}' {names.count(twice[0])} times"
        raise BadInputError(f"{path}: FIELDS names {told}; each field has its own name")
    row = np.dtype([(f"{k}", kind, (count,)) for k, (kind, count) in enumerate(zip(kinds, counts, strict=True))])
    return Header(names, counts, row, points, lines["DATA"][0].lower(), at, line)


def _lines(path: Path, data: bytes) -> tuple[dict[str, list[str]], int, int]:
    """Lines up to DATA by their first word, and where the points begin: byte, and line counted from 1."""
    found: dict[str, list[str]] = {}
    at, line = 0, 1
    while at < min(len(data), MOST_HEADER):
        end = data.find(b"\n", at)
        if end < 0:
            break
        words = data[at:end].decode("latin-1").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            key = words[0].upper()
            if key in found:
                raise BadInputError(f"{path} line {line}: a second line {key[:SHOWN]}; its header has one of each")
            found[key] = words[1:]
            if key == "DATA" and len(words) == 2:
                return found, at, line + 1
        line += 1
    raise BadInputError(f"{path}: has no line DATA; it is no PCD file or cut")


def _ascii(path: Path, body: bytes, header: Header) -> dict[str, np.ndarray]:
    """A point a line; empty ones count for nothing."""
    wanted, points = sum(header.counts), header.points
    rows = [(line, words) for line, text in enumerate(body.split(b"\n"), header.body_line) if (words := text.split())]
    values = _numbers(path, rows)
    if len(rows) < points:
        raise BadInputError(f"{path}: {points} points of {wanted} values are told, {len(rows)} lines are there; it is cut")
    for line, words in rows:
        if len(words) != wanted:
            told = "; it is cut" if line == rows[-1][0] and len(words) < wanted else ""
            raise BadInputError(f"{path} line {line}: {len(words)} values, but FIELDS and COUNT tell {wanted} a point{told}")
    if len(rows) > points:
        raise BadInputError(f"{path} line {rows[points][0]}: a line more than POINTS {points}; correct the header or the lines")
    table = values.reshape(points, wanted)
    begins = np.cumsum([0, *header.counts])
    return {name: table[:, begins[k]] for k, name in enumerate(header.names)}


def _numbers(path: Path, rows: list[tuple[int, list[bytes]]]) -> np.ndarray:
    """All values one after the other."""
    try:
        return np.array([word for _, words in rows for word in words], np.float64)
    except ValueError:
        for line, words in rows:
            for word in words:
                if not _is_number(word):
                    raise BadInputError(f"{path} line {line}: '{word.decode('latin-1')[:SHOWN]}' is no number") from None
        raise


def _is_number(word: bytes) -> bool:
    try:
        np.array([word], np.float64)
    except ValueError:
        return False
    return True


def _unpacked(path: Path, body: bytes, size: int) -> np.ndarray:
    """The points of a binary_compressed body: two sizes and an LZF stream."""
    from autonomy.perception._lzf import unpack

    if len(body) < 8:
        raise BadInputError(f"{path}: has no sizes before its compressed points; it is cut")
    packed, unpacked = (int(value) for value in np.frombuffer(body, "<u4", 2))
    if len(body) < 8 + packed or unpacked != size:
        raise BadInputError(
            f"{path}: {packed} compressed and {unpacked} whole bytes are told, {len(body) - 8} are there and {size} needed; "
            "it is cut"
        )
    points = unpack(body[8 : 8 + packed], unpacked)
    if points is None:
        raise BadInputError(f"{path}: its compressed points are damaged")
    return points


def _columns(raw: np.ndarray, names: list[str], row: np.dtype, points: int) -> Iterator[tuple[str, np.ndarray]]:
    """Compressed files hold field after field, not point after point."""
    at = 0
    for k, name in enumerate(names):
        kind = row[f"{k}"]
        size = kind.itemsize * points
        yield name, raw[at : at + size].view(kind.base).reshape(points, *kind.shape)[:, 0]
        at += size
