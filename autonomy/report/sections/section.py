"""What a section of the page is made of."""

from __future__ import annotations

from dataclasses import dataclass

from autonomy.report.plot import Figure


@dataclass(frozen=True)
class Link:
    """A cell that leads to another page or to a place on this one."""

    text: str
    target: str


@dataclass(frozen=True)
class Table:
    """`rows` of texts or links; columns behind the first `text_columns` are set flush right. `flags` marks rows that want a
    look; a `sortable` table is sorted by a click on a column's head."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Link, ...], ...]
    text_columns: int = 1
    flags: tuple[bool, ...] = ()
    sortable: bool = False


@dataclass(frozen=True)
class Section:
    """`missing` says, in one sentence, what the log lacks for (parts of) this section."""

    anchor: str
    title: str
    text: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    missing: str = ""
