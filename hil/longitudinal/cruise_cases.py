"""Single cases of the predictive cruise control: a slower lead, a lower limit, a long descent. Each gives one row of figures."""

from __future__ import annotations

import numpy as np

from autonomy.planning.cruise import POINTS, STEP_M, CruisePlanner, RoadAhead
from autonomy.planning.descent import HeatBudget
from hil.longitudinal.hill_drive import LATENCY_TICKS, REPLAN_TICKS
from hil.longitudinal.straight_road import Other, StraightRoad

DESCENT_M, DESCENT = 5000.0, -0.06
# What `hil.plant`'s retarder cools away at 80 K above 20 degrees C, less a tenth, and 60 K of its heat
BUDGET = HeatBudget(retarder_power_w=270e3, retarder_heat_j=18e6)


def run(what: str, road: StraightRoad, set_speed: float) -> dict:
    return {"lead": _lead, "limit": _limit, "descent": _descent}[what](road, set_speed)


def _lead(road: StraightRoad, set_speed: float) -> dict:
    """Rolling hills behind a truck of 74 km/h, which is reached from 300 m."""

    def grade(place):
        return 0.02 * np.sin(2.0 * np.pi * place / 1500.0)

    front, least = float(road.stack.parameters["vehicle"]["front_overhang_m"]), np.inf
    lead = {"x": 300.0, "speed": 74.0 / 3.6}
    for place, _ in _drive(road, set_speed, grade, 240.0, lambda: [Other(1, lead["x"], 0.0, lead["speed"], 0.0, 0.0)]):
        lead["x"] += 0.01 * (lead["speed"] - road.train.speed)
        gap = lead["x"] - front
        if place > 100.0:
            least = min(least, gap / max(road.train.speed, 1.0))
    return _row("behind a lead of 74 km/h on hills, least time gap", least, "s", ">= 2.4", least >= 2.4)


def _limit(road: StraightRoad, set_speed: float) -> dict:
    """From 80 to 60 km/h at 2 km, on the level."""
    limit = 60.0 / 3.6
    over = max(road.train.speed - limit for place, _ in _drive(road, set_speed, lambda s: 0.0, 200.0,
               limits=lambda s: np.where(s < 2000.0, 1e2, limit)) if place >= 2000.0)  # fmt: skip
    return _row("limit of 60 km/h after 2 km, most above it", 3.6 * over, "km/h", "<= 1", 3.6 * over <= 1.0)


def _descent(road: StraightRoad, set_speed: float) -> dict:
    """6 % over 5 km; the retarder's temperature is the plant's."""

    def grade(place):
        return DESCENT if 1500.0 < place < 1500.0 + DESCENT_M else 0.0

    hottest = 0.0
    for place, _ in _drive(road, set_speed, grade, 600.0, budget=lambda: BUDGET):
        hottest = max(hottest, float(road.train.plant.state["retarder_temperature"]))
        if place > 1500.0 + DESCENT_M:
            break
    words = "6 % down over 5 km, entry speed by the heat budget, hottest retarder"
    return _row(words, hottest, "degC", "<= 100", hottest <= 100.0)


def _drive(road: StraightRoad, set_speed: float, grade, seconds: float, others=list, limits=None, budget=HeatBudget):
    """Yields (place, output) of every tick; the planner knows `grade` and `limits` as they are."""
    road.begin(set_speed)
    start = road.s

    def ahead(_) -> RoadAhead:
        places = road.s - start + STEP_M * np.arange(POINTS)
        known = np.array([grade(place + 0.5 * STEP_M) for place in places])
        return RoadAhead(known, np.zeros(POINTS), np.full(POINTS, 1e2) if limits is None else limits(places + STEP_M))

    planner, waiting = CruisePlanner(road.stack.parameters, ahead, budget), []
    for tick in range(round(seconds * 100)):
        place = road.s - start
        road.grade = grade(place)
        cruise = road.frame["cruise"]
        cruise["count"] = 0
        if waiting and waiting[0][0] <= tick:
            cruise["items"][0, 0], cruise["count"] = waiting.pop(0)[1], 1
        out = road.step(others())
        if tick % REPLAN_TICKS == 0:
            waiting.append((tick + LATENCY_TICKS, planner(out)[1]))
        yield place, out


def _row(figure: str, value: float, unit: str, aim: str, met: bool) -> dict:
    return {"figure": figure, "value": float(value), "unit": unit, "aim": aim, "met": bool(met)}
