"""How long the ticks took."""

from __future__ import annotations

import numpy as np

from autonomy.report.drive import Drive
from autonomy.report.plot import Figure, histogram
from autonomy.report.sections.section import Section, Table
from autonomy.report.words import number, whole

BARS = 110
LEAST_RATIO = 8.0  # of the axis' end to its start, so that a steady tick does not fill the width


def section(drive: Drive) -> Section:
    times = drive.tick_times
    if times is None or not times.counts.sum():
        return Section("timing", "Tick time", missing="No tick was timed.")
    found = drive.metrics.get("tick_us") or {}
    words = [("p50", "median"), ("p99", "99 %"), ("max", "longest")]
    marks = [(found[key], f"{word} {number(found[key], 'µs')}") for key, word in words if found.get(key)]
    edges, counts = _bars(times)
    svg = histogram(edges, counts, marks, "duration of a tick (µs), logarithmic", "ticks, logarithmic", width=1140, height=220)
    rows = (
        ("Ticks", whole(int(times.counts.sum()))),
        *(
            (name, number(times.percentile_us(share), "µs"))
            for name, share in (("Median", 0.5), ("90 % below", 0.9), ("99 % below", 0.99), ("99.9 % below", 0.999))
        ),
        ("Longest", number(times.largest_ns / 1e3, "µs")),
        ("Share of the 10 ms period, median", number(100 * (times.percentile_us(0.5) or 0.0) / 1e4, "%", 2)),
    )
    return Section(
        "timing",
        "Tick time",
        "Time of the machine that ran the replay, from the input frame to the output frame; not part of what must repeat.",
        (Figure("Duration of a tick", svg, shape="wide"),),
        (Table("Durations", ("Figure", "Value"), rows),),
    )


def _bars(times) -> tuple[np.ndarray, np.ndarray]:
    """Logarithmic bins in microseconds around all durations, no finer than they were counted; the longest closes the last."""
    borders = np.append(times.EDGES_NS / 1e3, np.inf)
    filled = np.flatnonzero(times.counts)
    low = max(borders[filled[0]], borders[1])
    high = times.largest_ns / 1e3 * 1.02
    if high / low < LEAST_RATIO:
        middle = np.sqrt(high * low)
        low, high = middle / np.sqrt(LEAST_RATIO), middle * np.sqrt(LEAST_RATIO)
    # Each edge on a border of the counted steps; what would fall between two of them becomes one bar
    places = np.unique(np.clip(np.searchsorted(borders, np.geomspace(low, high, BARS + 1)), 1, len(times.counts) - 1))
    counts = np.diff(np.concatenate([[0], np.cumsum(times.counts)])[places])
    counts[-1] += times.counts.sum() - counts.sum()
    return borders[places], counts
