"""What a rig says of its own timing: percentiles of lateness, and whether it drifts.

Drift is the slope of the least lateness of each stretch of the run over time: how late the worst frame of a second is says
something of the machine, how late the best one is says something of the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autonomy.runtime.figures import percentiles_us

__all__ = ["drift", "sparse", "summed"]

HOUR_S = 3600.0
FEWEST_STRETCHES = 10


def summed(parts: Sequence[tuple[np.ndarray, int]]) -> dict[str, Any]:
    """Percentiles in microseconds of several histograms (counts by microsecond, longest in ns) together."""
    if not parts:
        return percentiles_us(np.zeros(1, np.int64), 0)
    counts = np.sum([part[0] for part in parts], axis=0, dtype=np.int64)
    return percentiles_us(counts, max(part[1] for part in parts))


def sparse(parts: Sequence[tuple[np.ndarray, int]]) -> list[list[int]]:
    """[[microseconds, count], ...] of several histograms together, empty bins left out."""
    counts = np.sum([part[0] for part in parts], axis=0, dtype=np.int64) if parts else np.zeros(0, np.int64)
    return [[int(us), int(counts[us])] for us in np.flatnonzero(counts)]


def drift(courses: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float | None]:
    """{"ms_per_hour", "two_sigma_ms_per_hour", "span_s"} over courses of (s, least lateness in ns); None where too short.

    Least squares with one slope for all lanes and an offset for each; the error is that of the slope, from the residuals.
    """
    parts = [(seconds - seconds.mean(), late - late.mean()) for seconds, late in courses if len(seconds) >= FEWEST_STRETCHES]
    if not parts:
        return {"ms_per_hour": None, "two_sigma_ms_per_hour": None, "span_s": None}
    seconds = np.concatenate([part[0] for part in parts])
    late = np.concatenate([part[1] for part in parts])
    square = float(seconds @ seconds)
    slope = float(seconds @ late) / square
    freedom = max(len(late) - len(parts) - 1, 1)
    residual = late - slope * seconds
    sigma = float(np.sqrt(residual @ residual / freedom / square))
    to_ms_per_hour = HOUR_S / 1e6
    return {"ms_per_hour": slope * to_ms_per_hour, "two_sigma_ms_per_hour": 2.0 * sigma * to_ms_per_hour,
            "span_s": float(seconds.max() - seconds.min())}  # fmt: skip
