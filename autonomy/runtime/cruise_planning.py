"""Plans of the predictive cruise control beside the loop: outputs of ticks from a ring, plans into a ring that the loop takes.

Off the stored route, or where the truck's place on it is in doubt, nothing is told: the last plan grows old, and the truck drives
as without.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.log.sample_lists import sample_list
from autonomy.planning.cruise import PERIOD_NS, UNKNOWN_ROAD, CruisePlanner
from autonomy.planning.route_grade import RouteGrade
from autonomy.planning.stored_road import Standing, StoredRoad
from autonomy.playback.source import KINDS
from autonomy.runtime._journal import LIST_ROW
from autonomy.runtime.scan_rings import LATENCY_BINS
from drivers.ring import Ring

__all__ = ["CRUISE_ACCOUNT", "CruiseRings", "CruiseWorker"]

OUTPUT = msg.dtype("OutputFrame")
OUTPUT_SLOTS = 1 << 6  # 0.6 s of ticks; of those that wait only the newest is planned from
FOUND_SLOTS = 1 << 4
CRUISE = KINDS.index("cruise")

# The process that keeps the planner writes the first line, the planner the rest
CRUISE_ACCOUNT = np.dtype([
    ("restarts", "i8"), ("process", "i8"), ("keeper_beat_ns", "i8"),
    ("beat_ns", "i8"), ("standing", "i8"), ("standings", "i8", (len(Standing),)), ("position_m", "f8"),
    ("plans", "i8"), ("lists_lost", "i8"), ("latency_max_ns", "i8"), ("solve_max_ns", "i8"),
    ("latency_ms", "u4", (LATENCY_BINS,)), ("solve_ms", "u4", (LATENCY_BINS,)),
])  # fmt: skip


class CruiseRings(NamedTuple):
    """`outputs`: OutputFrame of each tick, from the loop; `found`: lists of one plan, to the loop."""

    outputs: Ring
    found: Ring

    @classmethod
    def make(cls) -> CruiseRings:
        return cls(Ring(OUTPUT_SLOTS, OUTPUT.itemsize), Ring(FOUND_SLOTS, LIST_ROW.itemsize))


class CruiseWorker:
    """`turn()` does what there is to do. `account`: a row of CRUISE_ACCOUNT. `clock`: ns, that of the ticks."""

    def __init__(self, parameters: np.ndarray, route: RouteGrade, rings: CruiseRings, account: np.ndarray,
                 clock: Callable[[], int] = time.monotonic_ns):  # fmt: skip
        self.rings, self.account, self.clock = rings, account, clock
        self.road, self._ahead = StoredRoad(route), UNKNOWN_ROAD
        self.planner = CruisePlanner(parameters, lambda _: self._ahead)
        self._outputs = np.zeros(OUTPUT_SLOTS, OUTPUT)
        self._next_ns = 0

    def turn(self) -> bool:
        """Whether there was anything to do; else the caller may sleep."""
        self.account["beat_ns"] = self.clock()
        count = self.rings.outputs.pop_many(self._outputs)
        if not count:
            return False
        newest = self._outputs[count - 1]
        tick_ns = int(newest["tick_time_ns"])
        if tick_ns >= self._next_ns:
            self._next_ns = (tick_ns // PERIOD_NS + 1) * PERIOD_NS
            self._plan(newest, tick_ns)
        return True

    def _plan(self, out: np.void, tick_ns: int) -> None:
        account, begun_ns = self.account, time.thread_time_ns()
        self._ahead = self.road(out)
        account["standing"], account["position_m"] = self.road.standing, self.road.position_m
        account["standings"][self.road.standing] += 1
        if self.road.standing != Standing.ON:
            self.planner.forget()
            return
        _, plan = self.planner(out)
        solve_ns, now_ns = time.thread_time_ns() - begun_ns, self.clock()
        plan["received_time_ns"] = now_ns
        body = sample_list(plan.reshape(1))
        item = np.zeros(1, LIST_ROW)
        item["time_ns"], item["kind"], item["size"] = now_ns, CRUISE, len(body)
        item["body"][0, : len(body)] = np.frombuffer(body, np.uint8)
        account["lists_lost"] += not self.rings.found.push(item)
        account["plans"] += 1
        for name, spent_ns in (("solve", solve_ns), ("latency", now_ns - tick_ns)):
            account[f"{name}_ms"][min(spent_ns // 1_000_000, LATENCY_BINS - 1)] += 1
            account[f"{name}_max_ns"] = max(int(account[f"{name}_max_ns"]), spent_ns)
