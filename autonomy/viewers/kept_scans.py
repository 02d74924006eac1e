"""The ten seconds of a drive whose scans tell most, kept for its report: those about the nearest obstacle ahead in the own
lane, else about the most obstacles; of none in the whole drive, its first.

Which they are is decided while the drive goes on, so memory does not grow with its length.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from autonomy.viewers.scans import ShownScan

KEPT_NS = 10_000_000_000
HALF_LANE_M = 1.75  # [D] of a motorway, to both sides of the lane's middle
LEFT, RIGHT = 0, 1  # LINE.side
STEP_M = 0.01  # of the points as they are stored
ARRAYS = ("time_ns", "source", "scanned", "points", "labels", "boxes", "lines", "point_count", "box_count", "line_count")


class KeptScans:
    """Told every scan; of a truck with several lidars it keeps those of the first that speaks."""

    def __init__(self) -> None:
        self._recent: deque[ShownScan] = deque()
        self._kept: list[ShownScan] = []
        self._best: tuple[float, int] | None = None
        self._source: int | None = None

    def add(self, scan: ShownScan) -> None:
        self._source = scan.source if self._source is None else self._source
        if scan.source != self._source:
            return
        if self._recent and scan.valid_time_ns <= self._recent[-1].valid_time_ns:  # the clock was set back
            self._recent.clear()
        self._recent.append(scan)
        while scan.valid_time_ns - self._recent[0].valid_time_ns > KEPT_NS:
            self._recent.popleft()
        told = _telling(scan)
        if self._best is None or told > self._best:
            self._best = told
            self._kept = [each for each in self._recent if scan.valid_time_ns - each.valid_time_ns <= KEPT_NS // 2]
        elif self._kept[-1].valid_time_ns < scan.valid_time_ns <= self._kept[0].valid_time_ns + KEPT_NS:
            self._kept.append(scan)

    def arrays(self) -> dict[str, np.ndarray] | None:
        """What `scans.npz` holds, by the names ARRAYS; None without a scan. Points (k, 2) int16 in steps of STEP_M."""
        scans = self._kept
        if not scans:
            return None
        if scans[-1] is self._recent[-1] and len(self._recent) > len(scans):
            scans = list(self._recent)  # the drive ended first: as much more of the time before
        points = np.concatenate([scan.points for scan in scans])
        places = np.stack([points["x"], points["y"]], axis=1) / STEP_M
        return {
            "time_ns": np.array([scan.valid_time_ns for scan in scans], np.int64),
            "source": np.array([scan.source for scan in scans], np.uint16),
            "scanned": np.array([scan.scanned for scan in scans], np.uint32),
            "points": np.round(places).astype(np.int16),
            "labels": points["label"].copy(),
            "boxes": np.concatenate([scan.boxes for scan in scans]),
            "lines": np.concatenate([scan.lines for scan in scans]),
            **{f"{name}_count": np.array([len(getattr(scan, f"{name}{end}")) for scan in scans], np.uint32)
               for name, end in (("point", "s"), ("box", "es"), ("line", "s"))},
        }  # fmt: skip


def _telling(scan: ShownScan) -> tuple[float, int]:
    """Less its distance the nearest obstacle ahead in the own lane, and how many obstacles there are at all."""
    boxes = scan.boxes[scan.boxes["is_fixed"] == 0]
    ahead = boxes[(boxes["x"] > 0.0) & (np.abs(boxes["y"] - _middle(scan.lines, boxes["x"])) < HALF_LANE_M)]
    faces = ahead["x"] - 0.5 * ahead["length"] * np.abs(np.cos(ahead["yaw"]))
    return -float(faces.min(initial=np.inf)), len(boxes)


def _middle(lines: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of the own lane, m to the left; straight ahead where its lines were not found."""
    sides = [lines[lines["side"] == side] for side in (LEFT, RIGHT)]
    if not all(map(len, sides)):
        return np.zeros(len(x))
    seen = np.clip(x, None, max(float(side["x_max"][0]) for side in sides))
    return 0.5 * sum(np.polyval(side["c"][0][::-1], seen) for side in sides)
