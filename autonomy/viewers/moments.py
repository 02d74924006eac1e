"""Ten moments a second of a run: the outputs of one tick in ten, and what came in since the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autonomy import msg

EVERY_TICKS = 10  # 10 Hz: smooth to the eye, a tenth of the data
VALID = 0  # code of a sample that may be used, see docs/conventions.md
LISTS = {"radar": "RadarPoint", "gnss": "GnssSample"}  # kinds of inputs that are shown, and their items

# By kind, the items of some ticks with the index of the tick each went into
Items = Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass
class Moments:
    """n moments. Items belong to the moment `..._row` (index); fixes stand for themselves at the time of their tick."""

    outputs: np.ndarray  # (n,) OutputFrame
    radar: np.ndarray  # (m,) RadarPoint
    radar_row: np.ndarray
    fixes: np.ndarray  # (k,) GnssSample
    fixes_time_ns: np.ndarray
    lane_paths: list[tuple[int, np.ndarray]]  # tick time and LanePoint rows of each new window
    references: np.ndarray  # (j,) ReferencePose

    @property
    def time_ns(self) -> np.ndarray:
        return np.ascontiguousarray(self.outputs["tick_time_ns"])


class Sampler:
    """Picks the moments out of blocks of ticks as they come."""

    def __init__(self) -> None:
        self._radar = np.zeros(0, np.uint64), np.zeros(0, msg.dtype("RadarPoint"))
        self._references = np.zeros(0, msg.dtype("ReferencePose"))
        self._last_reference_ns = -(2**62)

    def add_references(self, rows: np.ndarray) -> None:
        """Keeps reference poses, ten a second of them, until their ticks come."""
        tenths = rows["time_ns"] // 100_000_000
        fresh = np.diff(tenths, prepend=self._last_reference_ns) > 0
        if len(rows):
            self._last_reference_ns = int(tenths[-1])
        self._references = np.concatenate([self._references, rows[fresh]])

    def take(self, outputs: np.ndarray, items: Items, lane_paths: list[tuple[int, np.ndarray]]) -> Moments:
        """The moments among rows of OutputFrame; `items` have the kinds of LISTS, those that are absent may be missing."""
        chosen = outputs[outputs["tick_index"] % EVERY_TICKS == 0]
        last_ns = int(outputs["tick_time_ns"][-1]) if len(outputs) else -1
        radar, radar_row = self._radar_of(chosen["tick_index"], *items.get("radar", _none("RadarPoint")))
        ticks, fixes = items.get("gnss", _none("GnssSample"))
        times = outputs["tick_time_ns"][np.searchsorted(outputs["tick_index"], ticks)] if len(ticks) else np.zeros(0, np.int64)
        ready = self._references["time_ns"] <= last_ns
        references, self._references = self._references[ready], self._references[~ready]
        return Moments(chosen, radar, radar_row, fixes, times, lane_paths, references)

    def _radar_of(self, moments: np.ndarray, ticks: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        usable = points["validity"] == VALID
        ticks = np.concatenate([self._radar[0], ticks[usable]])
        points = np.concatenate([self._radar[1], points[usable]])
        row = np.searchsorted(moments, ticks)
        taken = row < len(moments)
        self._radar = ticks[~taken], points[~taken]
        return points[taken], row[taken]


def items_of_frames(frames: np.ndarray) -> Items:
    """The items of rows of InputFrame."""
    return {kind: _flat(frames["tick_index"], frames[kind]["count"], frames[kind]["items"]) for kind in LISTS}


def items_of_lists(lists: Mapping[str, np.ndarray]) -> Items:
    """The items of list messages as a log has them, such as rows of RadarInput, by kind."""
    return {kind: _flat(rows["tick_index"], rows["count"], rows["items"]) for kind, rows in lists.items() if kind in LISTS}


def lane_paths_of(times_ns: np.ndarray, windows: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The windows among rows of LanePathInput that hold one."""
    return [(int(times_ns[row]), windows["items"][row, : windows["count"][row]]) for row in np.flatnonzero(windows["count"])]


def _flat(ticks: np.ndarray, counts: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.minimum(counts, items.shape[1]).astype(np.int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ticks[rows], items[rows, columns]


def _none(name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(0, np.uint64), np.zeros(0, msg.dtype(name))
