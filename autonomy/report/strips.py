"""States over time as strips: one row a state machine or fault, each stretch with its word where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from autonomy.report.plot import RIGHT, TIME_LABEL, Figure
from autonomy.report.scale import Scale
from autonomy.report.series import runs

WIDTH, LEFT, TOP, ROW = 1140, 190, 6, 22
COLUMNS = 600  # at most so many stretches in a row


@dataclass(frozen=True)
class Strip:
    """`values` (n,) small integers; `words` their names and `styles` their classes ("good", "warn", "bad", "calm", "")."""

    label: str
    values: np.ndarray
    words: Mapping[int, str]
    styles: Mapping[int, str]


def strip_figure(
    title: str, times_s: np.ndarray, strips: Sequence[Strip], x_range: tuple[float, float], note: str = ""
) -> Figure:
    height = TOP + ROW * len(strips) + 34
    bottom = TOP + ROW * len(strips)
    scale = Scale(*x_range, 0.0, float(WIDTH - LEFT - RIGHT))
    rows, labels = [], []
    for number, strip in enumerate(strips):
        top = ROW * number + 3
        labels.append(f'<text x="{LEFT - 8}" y="{TOP + top + 12}" text-anchor="end">{escape(strip.label)}</text>')
        rows.append(_row(strip, times_s, scale, top))
    ticks = "".join(
        f'<g class="tick"><path class="grid" d="M{LEFT + float(scale(value)):.1f} {TOP}V{bottom}"/>'
        f'<text x="{LEFT + float(scale(value)):.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text></g>'
        for value, text in scale.ticks(12)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot time strips" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" data-x="{x_range[0]:.9g} {x_range[1]:.9g}" '
        f'data-area="{LEFT} {TOP} {scale.end:g} {bottom - TOP}">'
        f'<g class="across">{ticks}</g>{"".join(labels)}'
        f'<svg class="area" x="{LEFT}" y="{TOP}" width="{scale.end:g}" height="{bottom - TOP}" '
        f'viewBox="0 0 {scale.end:g} {bottom - TOP}" '
        f'preserveAspectRatio="none">{"".join(rows)}</svg>'
        f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>'
        f'<text class="label" x="{WIDTH - RIGHT}" y="{height - 4}" text-anchor="end">{TIME_LABEL}</text></svg>'
    )
    return Figure(title, svg, (), note, "wide")


def _row(strip: Strip, times_s: np.ndarray, scale: Scale, top: int) -> str:
    values = np.asarray(strip.values)
    stretches = runs(values)
    if len(stretches) > COLUMNS:  # flicker: each column shows the worst of its time
        size = -(-len(values) // COLUMNS)
        values = np.repeat(np.maximum.reduceat(values, np.arange(0, len(values), size)), size)[: len(values)]
        stretches = runs(values)
    parts = []
    for first, last in stretches:
        value = int(values[first])
        word, style = strip.words.get(value, str(value)), strip.styles.get(value, "")
        if not style:
            continue
        start, end = float(scale(times_s[first])), float(scale(times_s[min(last, len(times_s) - 1)]))
        width = max(end - start, 1.0)
        name = escape(f"{word}, {times_s[first]:.2f} to {times_s[min(last, len(times_s) - 1)]:.2f} s")
        parts.append(
            f'<g><title>{name}</title><rect class="{style}" x="{start:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 6}"/>'
        )
        if width > 6.0 * len(word) + 6:
            parts.append(f'<text class="{style}" x="{start + 6:.1f}" y="{top + 12}">{escape(word)}</text>')
        parts.append("</g>")
    return "".join(parts)
