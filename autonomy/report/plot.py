"""Plots as SVG text: axes with round ticks, lines, bands, points, levels and bars. Pure functions of their data.

Colours are style sheet classes (`s1` ... `s6`, `reference`, `raw`), so that one page serves light, dark and print. The
marks lie in an inner drawing of their own coordinates: the page's script zooms by changing its view box and reads values
back from the paths, so that no number is in the page twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from autonomy.report import series
from autonomy.report.scale import Scale, covering

WIDTH, WIDE, HEIGHT = 560, 1140, 190
LEFT, RIGHT, TOP, BOTTOM = 54, 10, 22, 34
TIME_LABEL = "time from log start (s)"
BOUND_REACH = 8.0  # a bound further out than so many times the largest error is cut off
LABEL_ROOM = 0.13  # of a plot's height
SETTLING_S = 5.0  # a filter's first seconds do not set the range of an axis


@dataclass(frozen=True)
class Line:
    x: np.ndarray
    y: np.ndarray
    style: str
    label: str = ""
    steps: bool = False


@dataclass(frozen=True)
class Band:
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    style: str
    label: str = ""


@dataclass(frozen=True)
class Points:
    x: np.ndarray
    y: np.ndarray
    style: str
    label: str = ""


@dataclass(frozen=True)
class Level:
    """A horizontal line with a word beside it, such as a gate."""

    y: float
    label: str = ""


Mark = Line | Band | Points | Level


@dataclass(frozen=True)
class Figure:
    """One drawing with its words. `svg` is markup, escaped where it was made; `legend` holds (style, kind, label)."""

    title: str
    svg: str
    legend: tuple[tuple[str, str, str], ...] = ()
    note: str = ""
    shape: str = ""  # "" one column, "wide" two columns, "tall" one column, three rows


def time_figure(
    title: str,
    marks: Sequence[Mark],
    y_label: str,
    x_range: tuple[float, float],
    *,
    note: str = "",
    least_span: float = 0.0,
    y_range: tuple[float, float] | None = None,
    height: int = HEIGHT,
    settling: bool = False,
    shape: str = "",
) -> Figure:
    """A figure over time with its legend. `settling` leaves the first seconds out of the range of the y axis."""
    settled_s = x_range[0] + SETTLING_S if settling and x_range[1] - x_range[0] > 2 * SETTLING_S else -np.inf
    limits = y_range or value_range(marks, least_span, settled_s)
    svg = plot(
        marks, x_range, limits, TIME_LABEL, y_label, width=WIDE if shape == "wide" else WIDTH, height=height, over_time=True
    )
    return Figure(title, svg, legend(marks), note, shape)


def error_figure(
    title: str,
    time_s: np.ndarray,
    error: np.ndarray,
    sigma: np.ndarray,
    y_label: str,
    x_range: tuple[float, float],
    *,
    least_span: float,
    note: str = "",
    shape: str = "",
) -> Figure:
    """An error about zero inside three of its sigmas; the axis shows both while the error stays readable."""
    late = time_s >= x_range[0] + SETTLING_S
    late = late if late.any() else np.ones(len(time_s), bool)
    largest = float(np.nanmax(np.abs(error[late]), initial=0.5 * least_span))
    bounds = 3.0 * sigma[late & np.isfinite(sigma)]
    bound = min(float(np.percentile(bounds, 90)), BOUND_REACH * largest) if bounds.size else 0.0
    reach = 1.06 * max(largest, 1.08 * bound)
    marks = [Band(time_s, -3.0 * sigma, 3.0 * sigma, "s1", "3 sigma"), Line(time_s, error, "s1", "error")]
    return time_figure(title, marks, y_label, x_range, note=note, y_range=(-reach, reach), shape=shape)


def legend(marks: Sequence[Mark]) -> tuple[tuple[str, str, str], ...]:
    """(style, kind, label) of every labelled mark but the levels, which carry their words themselves."""
    return tuple(
        (mark.style, type(mark).__name__.lower(), mark.label) for mark in marks if mark.label and not isinstance(mark, Level)
    )


def value_range(marks: Sequence[Mark], least_span: float = 0.0, settled_s: float = -np.inf) -> tuple[float, float]:
    """Covers every line and point after `settled_s`; bands and levels only widen it as far as the lines stay readable."""
    main, around = [np.zeros(0)], [np.zeros(0)]
    for mark in marks:
        if isinstance(mark, Level):
            around.append(np.array([mark.y]))
        elif isinstance(mark, Band):
            late = np.asarray(mark.x) >= settled_s
            bounds = np.stack([np.asarray(mark.low, float)[late], np.asarray(mark.high, float)[late]])
            bounds = bounds[:, np.isfinite(bounds).all(axis=0)]
            if bounds.size:
                around.append(np.percentile(bounds[0], [10]))
                around.append(np.percentile(bounds[1], [90]))
        else:
            late = np.asarray(mark.x) >= settled_s
            main.append(np.asarray(mark.y, float)[late])
    lines, outer = np.concatenate(main), np.concatenate(around)
    low, high = covering(lines if np.isfinite(lines).any() else outer, least_span)
    reach = 8.0 * (high - low)
    outer = outer[np.isfinite(outer) & (outer > low - reach) & (outer < high + reach)]
    found = covering(np.concatenate([[low, high], outer + 0.04 * np.sign(outer) * (high - low)]), least_span, margin=0.0)
    named = [mark.y for mark in marks if isinstance(mark, Level) and mark.label and low - reach < mark.y < high + reach]
    room = LABEL_ROOM * (found[1] - found[0])  # a level at the upper end keeps its word above it
    return found[0], max([found[1], *(level + room for level in named)])


def plot(
    marks: Sequence[Mark],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    x_label: str,
    y_label: str,
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    over_time: bool = False,
) -> str:
    """The SVG of one plot."""
    x, y = _scales(x_range, y_range, width, height)
    inner = [_mark(mark, x, y) for mark in marks]
    words = []
    for mark in marks:
        if isinstance(mark, Level) and mark.label and y.low <= mark.y <= y.high:
            top = TOP + float(y(mark.y))
            words.append(_text(width - RIGHT - 4, top - 4 if top > TOP + 14 else top + 12, mark.label, "end", "level"))
    return _frame(x, y, "".join(inner), "".join(words), x_label, y_label, width, height, over_time)


def histogram(
    edges: np.ndarray,
    counts: np.ndarray,
    marks: Sequence[tuple[float, str]],
    x_label: str,
    y_label: str,
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Bars between logarithmic edges with a logarithmic count; `marks` are (value, word) of vertical lines."""
    top_count = max(float(counts.max(initial=0)), 1.0)
    x, y = _scales((edges[0], edges[-1]), (0.7, 2.0 * top_count), width, height, logarithmic=True)
    bars = []
    left, right = x(edges[:-1]), x(edges[1:])
    floor = float(y.start)
    for index in np.flatnonzero(counts):
        top = float(y(counts[index]))
        bars.append(
            f'<rect class="bar s1" x="{_n(left[index])}" y="{_n(top)}" '
            f'width="{_n(max(right[index] - left[index] - 0.5, 0.5))}" height="{_n(floor - top)}"/>'
        )
    words = []
    for number, (value, word) in enumerate(marks):
        at = float(np.clip(x(value), 0.0, x.end))
        bars.append(f'<path class="level" d="M{_n(at)} 0V{_n(floor)}"/>')
        anchor, shift = ("end", -4) if at > 0.8 * x.end else ("start", 4)
        words.append(_text(LEFT + at + shift, TOP + 12 + 14 * number, word, anchor, "level"))
    return _frame(x, y, "".join(bars), "".join(words), x_label, y_label, width, height, over_time=False)


def path_data(x: np.ndarray, y: np.ndarray) -> str:
    """Pixels as SVG path data: a new stroke after every gap, flat stretches by their ends alone."""
    parts, open_stroke = [], False
    px, py = np.round(x, 1), np.round(y, 1)
    finite = np.isfinite(px) & np.isfinite(py)
    flat = np.zeros(len(px), bool)
    flat[1:-1] = (py[1:-1] == py[:-2]) & (py[1:-1] == py[2:])
    for across, down, usable, skip in zip(px.tolist(), py.tolist(), finite.tolist(), flat.tolist(), strict=True):
        if not usable:
            open_stroke = False
        elif not open_stroke:
            parts.append(f"M{across:g} {down:g}L")
            open_stroke = True
        elif not skip:
            parts.append(f"{across:g} {down:g} ")
    # A lone point has nothing to draw a line to
    return "".join(parts).replace("LM", "M").removesuffix("L").rstrip()


def dots_data(x: np.ndarray, y: np.ndarray) -> str:
    """Pixels as strokes of no length, which round caps turn into dots of the same size at every zoom."""
    points = np.unique(np.round(np.stack([x, y], axis=1)[np.isfinite(x) & np.isfinite(y)], 1), axis=0)
    return "".join(f"M{across:g} {down:g}h0" for across, down in points.tolist())


def area_data(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """Pixels of a band as closed outlines, one for each stretch without a gap."""
    usable = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    outlines = []
    for first, last in series.runs(usable):
        if usable[first] and last - first > 1:
            across = np.concatenate([x[first:last], x[first:last][::-1]])
            down = np.concatenate([high[first:last], low[first:last][::-1]])
            outlines.append(
                "M" + "L".join(f"{a:g} {b:g}" for a, b in np.round(np.stack([across, down], axis=1), 1).tolist()) + "Z"
            )
    return "".join(outlines)


def _scales(x_range, y_range, width: int, height: int, logarithmic: bool = False) -> tuple[Scale, Scale]:
    x = Scale(*x_range, 0.0, float(width - LEFT - RIGHT), logarithmic)
    return x, Scale(*y_range, float(height - TOP - BOTTOM), 0.0, logarithmic)


def _mark(mark: Mark, x: Scale, y: Scale) -> str:
    if isinstance(mark, Level):
        at = _n(float(y(mark.y)))
        return f'<path class="level" d="M0 {at}H{_n(x.end)}"/>'
    name = escape(mark.label)
    if isinstance(mark, Band):
        across, low, high = series.band_envelope(mark.x, mark.low, mark.high)
        return f'<path class="band {mark.style}" d="{area_data(x(across), y(low), y(high))}"/>'
    if isinstance(mark, Points):
        across, up = series.thin_points(mark.x, mark.y)
        return f'<path class="dots {mark.style}" d="{dots_data(x(across), y(up))}"/>'
    across, up = series.envelope(mark.x, mark.y)
    if mark.steps and len(across):
        across, up = np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1]
    return f'<path class="line {mark.style}" data-name="{name}" d="{path_data(x(across), y(up))}"/>'


def _frame(
    x: Scale, y: Scale, inner: str, words: str, x_label: str, y_label: str, width: int, height: int, over_time: bool
) -> str:
    """Grid, ticks and labels round the marks."""
    bottom = height - BOTTOM
    parts = []
    for value, text in x.ticks(8 if width <= WIDTH else 14):
        at = LEFT + float(x(value))
        parts.append(
            f'<g class="tick"><path class="grid" d="M{_n(at)} {TOP}V{bottom}"/>{_text(at, bottom + 14, text, "middle")}</g>'
        )
    across, ticks = "".join(parts), []
    for value, text in y.ticks(5):
        at = TOP + float(y(value))
        ticks.append(f'<path class="grid" d="M{LEFT} {_n(at)}H{width - RIGHT}"/>{_text(LEFT - 6, at + 4, text, "end")}')
    kind = "plot time" if over_time else "plot"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(y_label)}" '
        f'data-x="{x.low:.9g} {x.high:.9g}" data-y="{y.low:.9g} {y.high:.9g}" data-area="{LEFT} {TOP} {_n(x.end)} {_n(y.start)}">'
        f'<g class="across">{across}</g><g>{"".join(ticks)}</g>'
        f'<svg class="area" x="{LEFT}" y="{TOP}" width="{_n(x.end)}" height="{_n(y.start)}" '
        f'viewBox="0 0 {_n(x.end)} {_n(y.start)}" preserveAspectRatio="none">{inner}</svg>'
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{width - RIGHT}"/>{words}'
        f"{_text(2, 12, y_label, 'start', 'label')}{_text(width - RIGHT, height - 4, x_label, 'end', 'label')}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def _n(value: float) -> str:
    return f"{round(float(value), 1):g}"
