"""Whole output frames out of a log's output messages, as many at a time as have all their parts."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.playback.rows import OUTPUTS

TIMES_FROM = "/out/vehicle"  # any would do: each tick writes them all


class FrameAssembler:
    """Takes rows of the /out topics in the order of the log."""

    topics = tuple(f"/out/{name}" for name in OUTPUTS)

    def __init__(self) -> None:
        self._waiting: dict[str, list[np.ndarray]] = {topic: [] for topic in self.topics}
        self._times: list[np.ndarray] = []

    def add(self, topic: str, times_ns: np.ndarray, rows: np.ndarray) -> None:
        """Rows (n,) of the topic's message and their log times."""
        self._waiting[topic].append(rows)
        if topic == TIMES_FROM:
            self._times.append(times_ns.astype(np.int64))

    def take(self) -> np.ndarray:
        """The frames that are whole, (n,) OutputFrame."""
        ready = min(sum(map(len, parts)) for parts in self._waiting.values())
        frames = np.zeros(ready, msg.dtype("OutputFrame"))
        if ready:
            for name, topic in zip(OUTPUTS, self.topics, strict=True):
                frames[name] = _taken(self._waiting[topic], ready)
            frames["tick_time_ns"] = _taken(self._times, ready)
            frames["tick_index"] = frames["health"]["tick_index"]
        return frames


def _taken(parts: list[np.ndarray], count: int) -> np.ndarray:
    joined = np.concatenate(parts)
    parts[:] = [joined[count:]]
    return joined[:count]
