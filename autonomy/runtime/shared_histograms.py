"""The loop's histograms where the recorder sees them, so that every log it closes has them: of a segment as of the last, and also
when the loop's process has died.

    histograms = SharedHistograms()                    # before the recorder is forked
    histograms.put({"lateness": counts, ...})          # the loop's process, once a second and at its end
    log.attach(NAME, histograms.as_json())             # the recorder
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping

import numpy as np

from autonomy.runtime._loop import HISTOGRAM_US

__all__ = ["NAME", "SharedHistograms"]

NAME = "histograms.json"
KINDS = ("lateness", "work", "response", "latency")


class SharedHistograms:
    """Counts by microsecond, since the start of the run; of the kinds that were put."""

    def __init__(self) -> None:
        row = np.dtype(("<i8", (HISTOGRAM_US + 1,)))
        self._memory = mmap.mmap(-1, len(KINDS) * (row.itemsize + 8))
        self._counts = np.frombuffer(self._memory, row.base, len(KINDS) * (HISTOGRAM_US + 1)).reshape(len(KINDS), -1)
        self._is_there = np.frombuffer(self._memory, "<i8", len(KINDS), len(KINDS) * row.itemsize)

    def put(self, counts: Mapping[str, np.ndarray]) -> None:
        for name, given in counts.items():
            place = KINDS.index(name)
            self._counts[place], self._is_there[place] = given, 1

    def as_json(self) -> bytes:
        """{"lateness_us": [[microseconds, count], ...], ...}, empty bins left out; b"" before anything was put."""
        found = {f"{name}_us": [[int(us), int(self._counts[place, us])] for us in np.flatnonzero(self._counts[place])]
                 for place, name in enumerate(KINDS) if self._is_there[place]}  # fmt: skip
        return json.dumps(found).encode() if found else b""
