"""Of all ego outputs, those that a reference is compared with: memory grows with the reference, not with the ticks."""

from __future__ import annotations

import numpy as np
from numpy.lib import recfunctions as structured

from autonomy import msg

# What evaluation and report read of an EgoState: an eighth of its bytes
FIELDS = (
    "time_ns", "status", "origin_latitude_deg", "origin_longitude_deg", "origin_altitude_m", "position", "velocity", "yaw",
    "sigma", "covariance_xy",
)  # fmt: skip


class ReferenceCollector:
    """Keeps the ego outputs on both sides of every reference time, which is all that interpolation needs.

    `with_ends`: the first and the last output as well, between which an outage is judged.
    """

    def __init__(self, poses: np.ndarray, *, with_ends: bool = False):
        self.poses = poses
        self._with_ends = with_ends
        self._times = poses["time_ns"]
        self._kept: list[np.ndarray] = []
        self._last: np.ndarray | None = None

    def add(self, ego: np.ndarray) -> None:
        """Takes the next ego outputs, at least one."""
        ego = structured.repack_fields(ego[list(FIELDS)])
        times = ego["time_ns"]
        if self._with_ends and self._last is None:
            self._kept.append(ego[:1].copy())
        if self._last is not None:
            times = np.concatenate([self._last["time_ns"], times])
        low, high = np.searchsorted(self._times, [times[0], times[-1]])
        if high > low:
            after = np.searchsorted(times, self._times[low:high], side="left")
            wanted = np.unique(np.concatenate([np.maximum(after - 1, 0), np.minimum(after, len(times) - 1)]))
            rows = ego if self._last is None else np.concatenate([self._last, ego])
            self._kept.append(rows[wanted])
        self._last = ego[-1:].copy()

    def ego(self) -> np.ndarray:
        """The fields FIELDS of EgoState, strictly increasing in time."""
        if not self._kept:
            return np.zeros(0, msg.dtype("EgoState"))
        rows = np.concatenate([*self._kept, self._last] if self._with_ends else self._kept)
        return rows[np.concatenate([[True], np.diff(rows["time_ns"]) > 0])]
