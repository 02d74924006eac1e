"""One drive over hills with the whole stack: plain or predictive cruise control, fuel and time from the plant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autonomy.geodesy import enu_to_geodetic
from autonomy.planning.cruise import CruisePlanner
from autonomy.planning.route_grade import STEP_M, RouteGrade
from autonomy.planning.route_learning import drive_of, road_of, teach
from autonomy.planning.stored_road import StoredRoad
from hil.longitudinal.hills import POINT_M, Hills
from hil.longitudinal.straight_road import ORIGIN, StraightRoad

REPLAN_TICKS = 10
LATENCY_TICKS = 2  # from the output that a plan is found from to the tick that gets it
EVERY_TICKS = 10
PIECE_TICKS = 1000
PLANT = ("speed", "gear", "fuel_kg", "engine_torque_nm", "retarder_torque_nm", "brake_deceleration_mps2")  # of its state


class HillDrive(NamedTuple):
    """One value every EVERY_TICKS; distance counts from where the comparison begins."""

    time_s: np.ndarray
    distance_m: np.ndarray
    speed: np.ndarray
    gear: np.ndarray
    fuel_kg: np.ndarray
    engine_nm: np.ndarray
    retarder_nm: np.ndarray
    brake_mps2: np.ndarray
    grade: np.ndarray
    target: np.ndarray
    time_behind_s: np.ndarray
    solve_ms: np.ndarray  # of every plan


def drive(road: StraightRoad, hills: Hills, set_speed: float, *, stored: RouteGrade | None = None, budget=None,
          seconds: float = 1e9) -> HillDrive:  # fmt: skip
    """From the first point to the last; with `stored` the predictive cruise control plans by it."""
    import time

    road.grade = 0.0
    road.begin(set_speed)
    start = road.s
    planner = None if stored is None else CruisePlanner(road.stack.parameters, StoredRoad(stored), *([budget] if budget else []))
    state = road.train.plant.state
    rows, solves, waiting, tick = [], [], [], 0
    while (place := road.s - start) < hills.length_m and tick < seconds * 100:
        road.grade = hills.at(place)
        cruise = road.frame["cruise"]
        cruise["count"] = 0
        if waiting and waiting[0][0] <= tick:
            cruise["items"][0, 0], cruise["count"] = waiting.pop(0)[1], 1
        out = road.step()
        if planner is not None and tick % REPLAN_TICKS == 0:
            begun = time.thread_time_ns()
            _, plan = planner(out)
            solves.append((time.thread_time_ns() - begun) / 1e6)
            waiting.append((tick + LATENCY_TICKS, plan))
        if tick % EVERY_TICKS == 0:
            rows.append((tick / 100.0, place, *(float(state[name]) for name in PLANT), road.grade,
                         float(out["plan"]["target_speed"]), planner.before["time_behind_s"] if planner else 0.0))  # fmt: skip
        tick += 1
    return HillDrive(*(np.array(column, float) for column in zip(*rows, strict=True)), np.array(solves))


def begin_of(road: StraightRoad, set_speed: float) -> float:
    """m: where on the straight road a drive at this speed begins."""
    road.begin(set_speed)
    return road.s


def learned(road: StraightRoad, hills: Hills, set_speed: float) -> RouteGrade:
    """What one drive with the plain cruise control teaches of the hills, by the ego filter alone."""
    driven = drive_of(_driven(road, hills, set_speed))
    route = road_of(driven)
    teach(route, driven)
    return route


def _driven(road: StraightRoad, hills: Hills, set_speed: float):
    """(EgoState, TruckState) of a drive, ten seconds at a time."""
    road.grade = 0.0
    road.begin(set_speed)
    start, rows = road.s, []
    while (place := road.s - start) < hills.length_m:
        road.grade = hills.at(place)
        out = road.step()
        rows.append((out["ego"].copy(), out["truck"].copy()))
        if len(rows) == PIECE_TICKS:
            yield tuple(np.array(part) for part in zip(*rows, strict=True))
            rows.clear()
    if rows:
        yield tuple(np.array(part) for part in zip(*rows, strict=True))


def surveyed(hills: Hills, begins_m: float, *, sigma: float = 0.003, seed: int | None = None,
             correlation_m: float = 300.0) -> RouteGrade:  # fmt: skip
    """The hills as a stored route; with a seed wrong by `sigma` (rad), correlated along the road.

    `begins_m`: where on the straight road the hills begin.
    """
    count = int(hills.length_m / STEP_M)
    grade = hills.grade[: count * round(STEP_M / POINT_M)].reshape(count, -1).mean(axis=1)
    if seed is not None:
        random, keep = np.random.default_rng(seed), np.exp(-STEP_M / correlation_m)
        error = np.zeros(count)
        for k in range(1, count):
            error[k] = keep * error[k - 1] + np.sqrt(1.0 - keep**2) * random.standard_normal()
        grade = grade + sigma * error
    flat = np.concatenate([[0.0], np.cumsum(STEP_M * np.cos(grade))])[:-1]
    east = begins_m + flat
    latitude, longitude, _ = enu_to_geodetic(np.column_stack([east, np.zeros(count), np.zeros(count)]), ORIGIN)
    return RouteGrade(latitude, longitude, grade, np.full(count, sigma), np.ones(count))
