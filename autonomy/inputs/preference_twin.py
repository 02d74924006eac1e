"""Whose samples of a kind are used, stated plainly: ext/autonomy/inputs/_preference.pxd with less of everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ANY_SOURCE = 65535


class Sample(NamedTuple):
    source: int
    valid_time_ns: int
    is_good: bool


class Preference:
    """One row of [inputs] preference."""

    def __init__(self, sources: Sequence[int], timeout_s: float):
        self.sources, self.timeout_s = list(sources), timeout_s
        self.good: dict[int, tuple[int, int]] = {}  # place: newest valid time, source

    def used(self, samples: Sequence[Sample], now_ns: int, refused: Sequence[int] = ()) -> tuple[list[Sample], int]:
        """(what is left of one tick's samples, whose they are). Without a good sender what the list names is left."""
        for sample in samples:
            place = self._place(sample.source)
            if place is not None and sample.is_good and self.good.get(place, (0, 0))[0] < sample.valid_time_ns <= now_ns:
                self.good[place] = sample.valid_time_ns, sample.source
        chosen = None
        for place in sorted(self.good):
            time_ns, source = self.good[place]
            if source in refused:
                del self.good[place]
            elif (now_ns - time_ns) * 1e-9 <= self.timeout_s:
                chosen = place
                break
        left = [sample for sample in samples if (place := self._place(sample.source)) is not None and chosen in (None, place)]
        return left, ANY_SOURCE if chosen is None else self.good[chosen][1]

    def _place(self, source: int) -> int | None:
        for wanted in (source, ANY_SOURCE):
            if wanted in self.sources:
                return self.sources.index(wanted)
        return None
