"""Ten moments a second of a run: the outputs of one tick in ten, and what came in since the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autonomy import msg

EVERY_TICKS = 10  # 10 Hz: smooth to the eye, a tenth of the data
MOST_MOMENTS = 128  # that one call of `add` may bring
HAND_ON_MOMENTS = 4  # a log's topics stay within 1 s of each other: these and what a block of 64 ticks brings
PATH_EVERY_NS = 1_000_000_000  # windows of the lane path overlap by far more than a second of driving
VALID = 0  # code of a sample that may be used, see docs/conventions.md
# Kinds of inputs that are shown, and their items
LISTS = {"radar": "RadarPoint", "gnss": "GnssSample", "obstacle": "ObstacleSample"}

# By kind, the items of some ticks with the index of the tick each went into
Items = Mapping[str, tuple[np.ndarray, np.ndarray]]


class Scan(NamedTuple):
    """What is shown of one scan: its points, or the lines found in it."""

    topic: str
    log_time_ns: int
    row: np.ndarray  # (1,) as the topic's messages lie in memory


@dataclass
class Moments:
    """n moments, and items with the index of the moment they came before (`..._row`)."""

    outputs: np.ndarray  # (n,) OutputFrame
    radar: np.ndarray  # (m,) RadarPoint
    radar_row: np.ndarray
    fixes: np.ndarray  # (k,) GnssSample
    fixes_row: np.ndarray
    obstacles: np.ndarray  # (l,) ObstacleSample
    obstacles_row: np.ndarray
    lane_paths: list[tuple[int, np.ndarray]]  # tick time and LanePoint rows of each new window
    references: np.ndarray  # (j,) ReferencePose
    scans: list[Scan]  # of those that were processed, the ones that are shown

    @property
    def time_ns(self) -> np.ndarray:
        return np.ascontiguousarray(self.outputs["tick_time_ns"])


class Sampler:
    """Picks the moments out of blocks of ticks as they come, and hands them on some tenths of a second at a time."""

    def __init__(self) -> None:
        # As plain bytes, which NumPy copies faster than structs; with room for what a block may bring beyond
        self._outputs = np.zeros(HAND_ON_MOMENTS + MOST_MOMENTS, f"V{msg.dtype('OutputFrame').itemsize}")
        self._items: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {kind: [] for kind in LISTS}
        self._lane_paths: list[tuple[int, np.ndarray]] = []
        self._references: list[np.ndarray] = []
        self._scans: list[Scan] = []
        self._count = 0
        self._last_tenth = self._last_path_second = -1

    def add_references(self, rows: np.ndarray) -> None:
        """Reference poses, of which ten a second are kept."""
        tenths = rows["time_ns"] // 100_000_000
        self._references.append(rows[np.diff(tenths, prepend=self._last_tenth) > 0])
        if len(rows):
            self._last_tenth = int(tenths[-1])

    def add_scan(self, scan: Scan) -> None:
        """Before the tick that its results can go into."""
        self._scans.append(scan)

    def add(self, outputs: np.ndarray, items: Items, lane_paths: list[tuple[int, np.ndarray]]) -> None:
        """Rows of OutputFrame, at most MOST_MOMENTS moments, with what went into their ticks: `items` of the kinds of LISTS."""
        chosen = np.flatnonzero(outputs["tick_index"] % EVERY_TICKS == 0)
        self._outputs[self._count : self._count + len(chosen)] = outputs.view(self._outputs.dtype)[chosen]
        self._count += len(chosen)
        for kind, (ticks, rows) in items.items():
            if len(rows):
                self._items[kind].append((ticks, rows))
        for time_ns, points in lane_paths:
            if len(points) > 1 and time_ns // PATH_EVERY_NS != self._last_path_second:
                self._last_path_second = time_ns // PATH_EVERY_NS
                self._lane_paths.append((time_ns, points))

    @property
    def is_full(self) -> bool:
        return self._count >= HAND_ON_MOMENTS

    def take(self) -> Moments:
        """All that was added, up to the last moment; what came after it waits for the next. Valid until `add`."""
        outputs, count = self._outputs[: self._count].view(msg.dtype("OutputFrame")), self._count
        last_tick, last_ns = (int(outputs[name][-1]) if count else -1 for name in ("tick_index", "tick_time_ns"))
        taken = {}
        for kind, parts in self._items.items():
            ticks = joined([part for part, _ in parts], np.dtype(np.uint64))
            rows = joined([part for _, part in parts], msg.dtype(LISTS[kind]))
            ready = int(np.searchsorted(ticks, last_tick, side="right"))
            taken[kind] = rows[:ready], np.searchsorted(outputs["tick_index"], ticks[:ready])
            self._items[kind] = [(ticks[ready:], rows[ready:])]
        references = joined(self._references, msg.dtype("ReferencePose"))
        passed = int(np.searchsorted(references["time_ns"], last_ns, side="right"))
        lane_paths = [each for each in self._lane_paths if each[0] <= last_ns]
        self._lane_paths = self._lane_paths[len(lane_paths) :]
        scans = [scan for scan in self._scans if scan.log_time_ns <= last_ns]
        self._scans = [scan for scan in self._scans if scan.log_time_ns > last_ns]
        self._references, self._count = [references[passed:]], 0
        return Moments(outputs, *taken["radar"], *taken["gnss"], *taken["obstacle"], lane_paths, references[:passed], scans)


def joined(parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """As np.concatenate, which takes long to find out that structs of one dtype are of one dtype."""
    return np.frombuffer(b"".join(part.tobytes() for part in parts), dtype)


def items_of_frames(frames: np.ndarray) -> Items:
    """The items of rows of InputFrame."""
    return {kind: _flat(frames["tick_index"], frames[kind]["count"], frames[kind]["items"]) for kind in LISTS}


def items_of_lists(lists: Mapping[str, np.ndarray]) -> Items:
    """The items of list messages as a log has them, such as rows of RadarInput, by kind."""
    return {kind: _flat(rows["tick_index"], rows["count"], rows["items"]) for kind, rows in lists.items() if kind in LISTS}


def lane_paths_of(times_ns: np.ndarray, windows: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(tick time, LanePoint rows) of the windows among rows of LanePathInput."""
    rows = np.flatnonzero(windows["count"])
    return [(int(times_ns[row]), windows["items"][row, : windows["count"][row]].copy()) for row in rows]


def _flat(ticks: np.ndarray, counts: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.minimum(counts, items.shape[1]).astype(np.int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ticks[rows], items[rows, columns]
