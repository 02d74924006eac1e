"""Scan processing beside a closed loop: packets of lidars and radars in, samples a little later out, as from another process."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from autonomy import msg
from autonomy.log.sample_lists import sample_list
from autonomy.perception.perceived import Perceived
from autonomy.perception.stages import stages_of
from drivers.udp.message import data_of
from hil.sensors.records import RawRecord


class Perceiving:
    """The lidars and radars of a configuration; without any, nothing. Raises UsageError."""

    def __init__(self, config):
        self.stages = stages_of(config)
        self.ego = np.zeros(1, msg.dtype("EgoState"))
        self._waiting: list[tuple[int, int, RawRecord]] = []
        self._count = 0
        self.shown: Callable[[Perceived, int], None] | None = None  # told a lidar's scans and its source, for recordings

    @property
    def channels(self) -> list[str]:
        """The topics its results are logged on."""
        kinds = {kind for stage in self.stages.values() for kind in stage.sensor.gives}
        return sorted(f"/in/{kind}" for kind in kinds)

    def hear(self, records) -> None:
        """Raw records of one tick, in order; what is no packet of a lidar or radar is passed over."""
        for record in records:
            stage = self.stages.get(record.channel)
            if stage is not None:
                stage.take(data_of(record.data), record.time_ns)
                while stage.waits:
                    perceived = stage.perceive(self.ego[0])
                    if self.shown is not None and perceived.found is not None:
                        self.shown(perceived, stage.sensor.source)
                    self._queue(perceived)

    def see(self, ego: np.void) -> None:
        """The ego state of the tick."""
        if self.stages:
            self.ego[0] = ego

    def due(self, now_ns: int) -> list[RawRecord]:
        """The results that are there by now."""
        found = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            found.append(heapq.heappop(self._waiting)[2])
        return found

    def _queue(self, perceived: Perceived) -> None:
        for kind, rows in perceived.samples.items():
            record = RawRecord(perceived.received_time_ns, f"/in/{kind}", sample_list(rows))
            heapq.heappush(self._waiting, (record.time_ns, self._count, record))
            self._count += 1
