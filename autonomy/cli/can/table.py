"""Plain tables: columns as wide as what is in them, those without content left out."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["figure", "percent", "table"]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, gap: str = "  ") -> list[str]:
    """Lines with the heads first. A head that begins with '>' makes its column flush right. No rows: no lines."""
    if not rows:
        return []
    columns = []
    for head, cells in zip(heads, zip(*rows, strict=True), strict=True):
        if not any(cells):
            continue
        is_right, title = head.startswith(">"), head.removeprefix(">")
        width = max(len(title), *map(len, cells))
        columns.append([cell.rjust(width) if is_right else cell.ljust(width) for cell in (title, *cells)])
    return [gap.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def figure(value: float | None, decimals: int) -> str:
    """The number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{decimals}f}"


def percent(share: float | None, decimals: int = 0) -> str:
    return "-" if share is None else f"{100 * share:.{decimals}f} %"
