"""Thinning of long series: the page's size is bounded however long the log, and no peak is lost."""

from __future__ import annotations

import numpy as np

BUCKETS = 480  # about one a pixel of a plot's width
MOST_POINTS = 3000  # of one scatter


def envelope(x: np.ndarray, y: np.ndarray, buckets: int = BUCKETS) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest value of each bucket, in their order; short series come back whole.

    A bucket without a finite value gives one NaN, so that a gap stays a gap.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if len(x) <= 2 * buckets:
        return x, y
    table, first = _table(y, buckets)
    empty = ~np.isfinite(table).any(axis=1)
    low = np.argmin(np.where(np.isfinite(table), table, np.inf), axis=1)
    high = np.argmax(np.where(np.isfinite(table), table, -np.inf), axis=1)
    kept = np.sort(np.stack([low, high], axis=1), axis=1) + first[:, None]
    values = y[np.minimum(kept, len(y) - 1)]
    values[empty] = np.nan
    kept = np.minimum(kept.ravel(), len(x) - 1)
    return x[kept], values.ravel()


def band_envelope(x: np.ndarray, low: np.ndarray, high: np.ndarray, buckets: int = BUCKETS // 2):
    """(x, low, high) with the lowest low and the highest high of each bucket."""
    x, low, high = (np.asarray(values, float) for values in (x, low, high))
    if len(x) <= buckets:
        return x, low, high
    lows, first = _table(low, buckets)
    highs, _ = _table(high, buckets)
    size = lows.shape[1]
    usable = np.isfinite(lows).any(axis=1) & np.isfinite(highs).any(axis=1)
    low = np.where(usable, np.min(np.where(np.isfinite(lows), lows, np.inf), axis=1), np.nan)
    high = np.where(usable, np.max(np.where(np.isfinite(highs), highs, -np.inf), axis=1), np.nan)
    middle = np.minimum(first + size // 2, len(x) - 1)
    middle[0], middle[-1] = 0, len(x) - 1  # the band reaches as far as the line does
    return x[middle], low, high


def thin_points(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` finite points: all, or the extremes of buckets so that outliers stay."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    return (x, y) if len(x) <= most else envelope(x, y, most // 2)


def runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Half-open index ranges of equal neighbouring values."""
    if not len(values):
        return []
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
    return list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))


def _table(values: np.ndarray, buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """The values as rows of one bucket each, filled up with NaN, and the index of each row's first value."""
    size = -(-len(values) // buckets)
    rows = -(-len(values) // size)
    table = np.full(rows * size, np.nan)
    table[: len(values)] = values
    return table.reshape(rows, size), np.arange(rows) * size
