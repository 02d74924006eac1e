"""Tables and plain text in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"[*]|<(?=[a-zA-Z/])")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One line a row; a bar inside a cell is escaped."""
    lines = [_line(header), _line(["---"] * len(header))]
    return "\n".join(lines + [_line(row) for row in rows]) + "\n"


def plain(text: str) -> str:
    """Text that means no markup: stars and what looks like a tag are escaped."""
    return _MARKUP.sub(lambda found: "\\" + found[0], text)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
