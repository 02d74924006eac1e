"""The predictive cruise control beside any sensors: its plans arrive among their samples, a little after their tick.

senses = WithCruise(Messages(stack.config), stack.parameters, world)     # the world's grades; or road=StoredRoad(route)
hil.run(world, stack, senses, duration_s, watch=senses.watch)
"""

from __future__ import annotations

import math

import numpy as np

from autonomy.log.sample_lists import sample_list
from autonomy.planning.cruise import PERIOD_NS, POINTS, STEP_M, UNKNOWN_ROAD, CruisePlanner, RoadAhead
from autonomy.planning.stored_road import StoredRoad
from hil.sensors.records import RawRecord

LATENCY_NS = 20_000_000  # the time a plan may take
TOPIC = "/in/cruise"


class WithCruise:
    """`sensors` of any level; `world`: one with a `road`, whose grades and limits are taken for a map without errors, unless
    `road` tells what is known of it; where that knows nothing there is no plan."""

    def __init__(self, sensors, parameters, world, road: StoredRoad | None = None):
        self.sensors, self.world = sensors, world
        self.takes_lane_path = getattr(sensors, "takes_lane_path", False)
        self.over_bus = getattr(sensors, "over_bus", False)
        self.stored, self.ahead = road, UNKNOWN_ROAD
        self.planner = CruisePlanner(parameters, lambda _: self.ahead)
        self.place, self.next_ns = 0.0, 0
        self.waiting: list[tuple[int, np.ndarray]] = []

    @property
    def channels(self) -> list[str]:
        return [*self.sensors.channels, TOPIC]

    def look_at(self, world) -> None:
        if hasattr(self.sensors, "look_at"):
            self.sensors.look_at(world)

    def watch(self, truth, out) -> None:
        """Every tick, with what came out of it."""
        self.place = float(truth.info["distance_m"])
        if truth.time_ns >= self.next_ns:
            self.next_ns = truth.time_ns + PERIOD_NS
            self.ahead = self._mapped() if self.stored is None else self.stored(out)
            if self.ahead is UNKNOWN_ROAD:
                self.planner.forget()
                return
            _, plan = self.planner(out)
            plan["received_time_ns"] = truth.time_ns + LATENCY_NS
            self.waiting.append((truth.time_ns + LATENCY_NS, plan))

    def sense(self, truth):
        sensed = self.sensors.sense(truth)
        if self.waiting and self.waiting[0][0] <= truth.time_ns:
            received_ns, plan = self.waiting.pop(0)
            if isinstance(sensed, dict):
                return sensed | {"cruise": plan.reshape(1)}
            return [*sensed, RawRecord(received_ns, TOPIC, sample_list(plan.reshape(1)))]
        return sensed

    def _mapped(self) -> RoadAhead:
        road, end = self.world.road, self.world.road.length
        middles = self.place + STEP_M * (np.arange(POINTS) + 0.5)
        grade = [math.atan(road.value("grade", s)) if s < end else math.nan for s in middles.tolist()]
        limit = [road.step_value(road.speed_limits, min(s, end)) for s in (middles + 0.5 * STEP_M).tolist()]
        return RoadAhead(np.array(grade), np.zeros(POINTS), np.array(limit))
