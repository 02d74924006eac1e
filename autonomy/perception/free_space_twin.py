"""The nearest obstacle cell of each sector, in NumPy: the twin of ext/autonomy/perception/_free_space.pyx."""

from __future__ import annotations

import numpy as np

from autonomy.perception.ground_twin import corner

SECTORS = 256


def find(cells: np.ndarray, far_m: float) -> np.ndarray:
    """(SECTORS,) m from cells [n, 2] of obstacles."""
    free = np.full(SECTORS, float(far_m))
    np.minimum.at(
        free, (corner(cells[:, 0], cells[:, 1]) * SECTORS / 4).astype(int) % SECTORS, np.hypot(cells[:, 0], cells[:, 1])
    )
    return free
