"""Road edges from cells, in NumPy: the twin of ext/autonomy/perception/_edges.pyx."""

from __future__ import annotations

import numpy as np

PER_M, OFFSETS, BLOCK_M = 4.0, 256, 5.0


def edge_offsets(x: np.ndarray, y: np.ndarray, top: np.ndarray, shape: tuple[float, float], p: dict) -> list[float]:
    """Lateral offsets, m, of what goes along the road low and for long, straightened by (heading, bend)."""
    near = np.abs(x) <= p["look_m"]
    place = np.floor((y - x * (shape[0] + x * shape[1])) * PER_M + OFFSETS // 2).astype(int)
    low, high = near & (top < p["top_most_m"]), near & (top >= p["top_most_m"])
    count = {name: np.bincount(place[mask & (place >= 0) & (place < OFFSETS)], minlength=OFFSETS) for name, mask in
             (("low", low), ("high", high))}  # fmt: skip
    found = []
    for k in range(1, OFFSETS - 1):
        around = slice(k - 1, k + 2)
        blocks = np.unique(((x + p["look_m"]) / BLOCK_M).astype(int)[low & (np.abs(place - k) <= 1)])
        rows = np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)
        cells = count["low"][around].sum()
        if (count["low"][k] == count["low"][around].max() > 0 and max(map(len, rows)) >= p["blocks_least"] and
                cells >= p["cells_least"] and count["high"][around].sum() <= p["high_share_most"] * cells):  # fmt: skip
            found.append((k + 0.5 - OFFSETS // 2) / PER_M)
    return found
