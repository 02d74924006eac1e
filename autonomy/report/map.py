"""The drive seen from above: equal axes, a scale bar, north up. Pure functions of points in east and north metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from autonomy.report.plot import Figure, dots_data, path_data
from autonomy.report.series import thin_points

MARGIN, FOOT = 26, 40  # pixels round the drive, and below it for the scale bar and the north arrow
TALL = 560, 640  # width and height beside three plots
WIDE, LOWEST, HIGHEST = 1140, 220, 420  # width of a drive that is much longer than high, and its height
MOST_VERTICES = 1500
TIME_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class Track:
    """A path: `points` (n, 2) east and north in metres; `times_s` (n,) where known lets the page's cursor find its place."""

    points: np.ndarray
    style: str
    label: str
    times_s: np.ndarray | None = None
    dots: bool = False
    background: bool = False  # drawn where it passes through the frame of the others


def map_figure(title: str, tracks: Sequence[Track], note: str = "") -> Figure:
    """All tracks in one frame, a wide or a tall one as the drive fits; the first with times carries time marks and the cursor."""
    tracks = [track for track in tracks if np.isfinite(track.points).all(axis=1).any()]
    framing = [track for track in tracks if not track.background] or tracks
    place = _Place(np.concatenate([track.points for track in framing]))
    shapes = [_shape(track, place) for track in tracks]
    timed = next((track for track in tracks if track.times_s is not None and len(track.times_s) > 1), None)
    marks, data = ("", "") if timed is None else (_time_marks(timed, place), _cursor_data(timed, place))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot map" viewBox="0 0 {place.width} {place.height}" role="img" '
        f'aria-label="{escape(title)}"{data}>{"".join(shapes)}{marks}{_scale_bar(place)}{_north(place)}'
        '<circle class="here" r="5" cx="-20" cy="-20"/></svg>'
    )
    kinds = tuple((track.style, "points" if track.dots else "line", track.label) for track in tracks)
    return Figure(title, svg, kinds, note, "tall" if place.width == TALL[0] else "wide")


class _Place:
    """Equal scale in both directions, the whole drive in the middle of the frame."""

    def __init__(self, points: np.ndarray):
        points = points[np.isfinite(points).all(axis=1)]
        low, high = points.min(axis=0), points.max(axis=0)
        span = np.maximum(high - low, 1.0)
        self.width, self.height = TALL
        if span[1] < 0.4 * span[0]:
            wanted = (WIDE - 2 * MARGIN) * span[1] / span[0] + 2 * MARGIN + FOOT
            self.width, self.height = WIDE, int(np.clip(math.ceil(wanted), LOWEST, HIGHEST))
        inner = self.width - 2 * MARGIN, self.height - 2 * MARGIN - FOOT
        self.pixels_per_m = float(min(inner[0] / span[0], inner[1] / span[1]))
        self._middle = 0.5 * (low + high)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east = (points[:, 0] - self._middle[0]) * self.pixels_per_m + 0.5 * self.width
        north = 0.5 * (self.height - FOOT) - (points[:, 1] - self._middle[1]) * self.pixels_per_m
        return east, north


def _shape(track: Track, place: _Place) -> str:
    if track.dots:
        return f'<path class="dots {track.style}" d="{dots_data(*thin_points(*place(track.points)))}"/>'
    x, y = place(_strided(track.points))
    if track.background:
        far = (x < -WIDE) | (x > 2 * WIDE) | (y < -WIDE) | (y > 2 * WIDE)
        x, y = np.where(far, np.nan, x), np.where(far, np.nan, y)
    return f'<path class="line {track.style}" d="{path_data(x, y)}"/>'


def _strided(values: np.ndarray) -> np.ndarray:
    """Every so-manyth row and the last: even in time where the rows are."""
    step = -(-len(values) // MOST_VERTICES)
    return values if step <= 1 else np.concatenate([values[::step], values[-1:]])


def _cursor_data(track: Track, place: _Place) -> str:
    """Where the track was when, for the page's script: times and pixels of some hundred places."""
    step = max(1, len(track.points) // 400)
    x, y = place(track.points[::step])
    usable = np.isfinite(x) & np.isfinite(y)
    rows = zip(track.times_s[::step][usable].tolist(), x[usable].tolist(), y[usable].tolist(), strict=True)
    return ' data-places="' + " ".join(f"{time:.2f},{across:.0f},{down:.0f}" for time, across, down in rows) + '"'


def _time_marks(track: Track, place: _Place) -> str:
    """A dot with its time every so many seconds, the first one named as the start; none closer than a word's width."""
    times, usable = track.times_s, np.isfinite(track.points).all(axis=1)
    times, points = times[usable], track.points[usable]
    x, y = place(points)
    step = next((step for step in TIME_STEPS_S if (times[-1] - times[0]) / step <= 8), TIME_STEPS_S[-1])
    wanted = np.arange(math.ceil(times[0] / step) * step, times[-1] + 1e-9, step)
    parts, last = [], None
    for time in wanted:
        index = min(int(np.searchsorted(times, time)), len(times) - 1)
        across, down = float(x[index]), float(y[index])
        if last is not None and math.hypot(across - last[0], down - last[1]) < 34.0:
            continue
        last = across, down
        text_x, text_y, anchor = _beside(x, y, index, place)
        parts.append(
            f'<circle class="clock" r="3" cx="{across:.1f}" cy="{down:.1f}"/>'
            f'<text class="level" x="{text_x:.1f}" y="{text_y:.1f}" text-anchor="{anchor}">{time:g} s</text>'
        )
    return "".join(parts)


def _beside(x: np.ndarray, y: np.ndarray, index: int, place: _Place) -> tuple[float, float, str]:
    """Where a word stands: square to the path, on its right-hand side of the page unless that is the edge."""
    ahead, behind = min(index + 20, len(x) - 1), max(index - 20, 0)
    along = np.array([x[ahead] - x[behind], y[ahead] - y[behind]])
    length = float(np.hypot(*along))
    away = np.array([-along[1], along[0]]) / length if length > 0.0 else np.array([1.0, 0.0])
    if away[0] < 0.0:
        away = -away
    if x[index] + 50.0 > place.width:
        away = -away
    anchor = "middle" if abs(away[0]) < 0.4 else "start" if away[0] > 0 else "end"
    return float(x[index] + 11.0 * away[0]), float(y[index] + 4.0 + 14.0 * away[1]), anchor


def _scale_bar(place: _Place) -> str:
    """A round length of about a fifth of the width."""
    rough = 0.22 * TALL[0] / place.pixels_per_m
    power = 10.0 ** math.floor(math.log10(rough))
    length = max(power * factor for factor in (1.0, 2.0, 5.0) if power * factor <= rough)
    pixels, down = length * place.pixels_per_m, place.height - 16
    words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return (
        f'<path class="axis" d="M{MARGIN} {down - 4}v8m0 -4h{pixels:.1f}m0 -4v8"/>'
        f'<text class="label" x="{MARGIN + pixels + 8:.1f}" y="{down + 4}">{words}</text>'
    )


def _north(place: _Place) -> str:
    """Below the drive, beside the scale bar, where no path can lie."""
    return (
        f'<g class="north" transform="translate({place.width - MARGIN} {place.height - 8})"><path d="M0 -26L6 -8L0 -12L-6 -8Z"/>'
        '<text class="label" x="-12" y="-10" text-anchor="end">N</text></g>'
    )
