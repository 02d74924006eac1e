"""The table of topics as Markdown, for the documentation: `python -m autonomy.msg.table FILE` renews it in that file."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from autonomy.msg import definitions

BEGIN, END = "<!-- topics: begin -->", "<!-- topics: end -->"
HEADER = ("topic", "message", "bytes", "rate, Hz", "time-out, s", "writer", "readers")


def markdown() -> str:
    """One row a topic, in the order of topics.toml."""
    with (definitions.DIRECTORY / "topics.toml").open("rb") as file:
        rows = tomllib.load(file)["topic"]
    cells = [HEADER, ("---",) * len(HEADER)] + [_row(row) for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def renewed(page: str) -> str:
    """The text of a page with the table between its two marks made anew. Raises ValueError without the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


def _row(row: dict) -> tuple[str, ...]:
    name = row["message"]
    message = f"[`{name}`](../autonomy/msg/{name}.msg)" if name else "declared by its writer"
    rate, timeout = (f"{row[key]:g}" if row[key] else "-" for key in ("rate_hz", "timeout_s"))
    return f"`{row['topic']}`", message, _size(name), rate, timeout, row["writer"], ", ".join(row["readers"])


def _size(name: str) -> str:
    if not name:
        return "-"
    message = definitions.load(name)
    item = message.list_field
    if item is None:
        return str(message.size)
    element = definitions.PRIMITIVE_SIZES.get(item.type) or definitions.load(item.type).size
    return f"{message.size - item.length * element} + {element} n, n <= {item.length}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
