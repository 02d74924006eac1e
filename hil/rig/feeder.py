"""Keeps the lanes' queues filled some seconds ahead: entries of all recordings, for each lane in the order of their times."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from hil.rig.targets import Target
from hil.rig.track import Due, Track

__all__ = ["Feeder"]

LEAD_NS = 2_000_000_000
STEP_NS = 250_000_000
POLL_S = 0.01


class Feeder:
    """`lane_of(target)` gives the lane of a target, opened when it is new. `end_ns`: nothing due from then on is given."""

    def __init__(self, tracks: list[Track], lane_of: Callable[[Target], object], end_ns: int | None):
        self._lane_of, self._end_ns = lane_of, end_ns
        self._sources: list[Iterator[tuple[int, list[Due]]]] = [
            track.due(lambda t, frames: lane_of(t).wire(frames)) for track in tracks
        ]
        self._reach = [0] * len(tracks)
        self._waiting: dict[Target, list[Due]] = defaultdict(list)
        self._full: dict[Target, Due] = {}  # what found no room
        self.horizon_ns = 0
        self.beyond: dict[Target, int] = defaultdict(int)  # entries due behind the end
        self.has_all = False

    def fill(self, now_ns: int) -> None:
        """Puts into the queues what is due within the lead from `now_ns` (since the start of playing) on."""
        self._put_back()
        while not self.has_all and self.horizon_ns < now_ns + LEAD_NS:
            self._step()

    def run(self, origin_ns: int, is_over: Callable[[], bool]) -> None:
        """Until everything has been put or `is_over`."""
        while not is_over() and not (self.has_all and not self._full):
            self._put_back()
            if not self.has_all and self.horizon_ns < time.monotonic_ns() - origin_ns + LEAD_NS:
                self._step()  # one at a time: also one that is behind can be stopped
            else:
                time.sleep(POLL_S)

    def left(self) -> int:
        """Entries that were made and not put."""
        waiting = sum(len(due.times_ns) for dues in self._waiting.values() for due in dues)
        return waiting + sum(len(due.times_ns) for due in self._full.values())

    def kept_bytes(self) -> int:
        """Of entries that were made and not put."""
        waiting = sum(len(due.data) for dues in self._waiting.values() for due in dues)
        return waiting + sum(len(due.data) for due in self._full.values())

    def _step(self) -> None:
        horizon_ns = self.horizon_ns + STEP_NS
        for place, source in enumerate(self._sources):
            while self._reach[place] < horizon_ns:
                reach_ns, dues = next(source, (np.iinfo(np.int64).max, []))
                self._reach[place] = reach_ns
                for due in dues:
                    self._waiting[due.target].append(due)
        self.horizon_ns = horizon_ns
        is_last = self._end_ns is not None and horizon_ns >= self._end_ns
        limit_ns = self._end_ns if is_last else horizon_ns
        for target in list(self._waiting):
            now, later = _split(self._waiting.pop(target), limit_ns)
            if later is not None and is_last:
                self.beyond[target] += len(later.times_ns)
            elif later is not None:
                self._waiting[target] = [later]
            if now is not None:
                self._put(target, now)
        self.has_all = is_last or not self._waiting and min(self._reach) == np.iinfo(np.int64).max

    def _put(self, target: Target, due: Due) -> None:
        if target in self._full:
            due = _joined([self._full.pop(target), due])
        taken = self._lane_of(target).port.put(due.times_ns, due.starts, due.lengths, due.data)
        if taken < len(due.times_ns):
            self._full[target] = _chosen(due, np.arange(taken, len(due.times_ns)))

    def _put_back(self) -> None:
        for target in list(self._full):
            self._put(target, self._full.pop(target))


def _split(dues: list[Due], limit_ns: int) -> tuple[Due | None, Due | None]:
    """(before the limit, from it on), each in the order of time."""
    whole = _joined(dues)
    order = np.argsort(whole.times_ns, kind="stable")
    cut = int(np.searchsorted(whole.times_ns[order], limit_ns))
    return _chosen(whole, order[:cut]), _chosen(whole, order[cut:])


def _joined(dues: list[Due]) -> Due:
    if len(dues) == 1:
        return dues[0]
    shifts = np.cumsum([0, *(len(due.data) for due in dues[:-1])])
    return Due(dues[0].target, np.concatenate([due.times_ns for due in dues]),
               np.concatenate([due.starts + shift for due, shift in zip(dues, shifts, strict=True)]),
               np.concatenate([due.lengths for due in dues]), np.concatenate([due.data for due in dues]))  # fmt: skip


def _chosen(due: Due, rows: np.ndarray) -> Due | None:
    """Of the bytes only the stretch that the rows lie in: what is put is let go, however long something waits."""
    if not len(rows):
        return None
    starts, lengths = due.starts[rows], due.lengths[rows]
    first, end = int(starts.min()), int((starts + lengths).max())
    return Due(due.target, due.times_ns[rows], starts - first, lengths, due.data[first:end].copy())
