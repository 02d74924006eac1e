"""The lane camera lost for good while driving: does the truck end within its lane, and how hard does it brake for that?"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.msg.modes import DRIVING_MODES, MINIMAL_RISK
from autonomy.tick_period import TICK_S
from hil.suites._pool import mapped
from hil.suites._row import row_of
from hil.suites.lane_keeping import EMPTY, LOADED, PLAY_RAD, WIND, stack_overrides

TITLE = "the lane camera lost for good: straight, bends that go on, begin or end unseen, laden, and empty in gusts"
CONFIG = "vehicles/demo_truck"
SEEDS = (11, 12, 13, 14, 15, 16, 17, 18)  # of the sensors; tuned on 0 to 3
LOST_S = 14.0  # of the drive
AFTER_S = 22.0  # for the stop
HARDEST = 4.0  # m/s2, UN R157 5.5; beyond it is an emergency manoeuvre
MEAN_S = 0.5  # of a deceleration: the tractor pitches
STANDS_MPS = 0.1
CLOTHOID_M = 100.0
ENTRY_M = 20.0  # of road that is driven with the camera before a bend that begins unseen


class Case(NamedTuple):
    road: str
    speed_kmh: float
    seed: int
    plant: str = LOADED
    wind: bool = False

    @property
    def name(self) -> str:
        return f"{'empty, gusts of 15 m/s, ' if self.wind else ''}{self.road}, {self.speed_kmh:g} km/h"


class Drive(NamedTuple):
    nearest: float  # m, of a corner to the line, from the loss on
    hardest: float  # m/s2, of the tractor, mean over MEAN_S
    begun_s: float  # from the loss to the stop's beginning
    distance: float  # m, from the loss to the standstill
    stood: bool


def _bend(lead_m: float, radius: float, length_m: float, then: float | None = None) -> list[dict]:
    """Straight, clothoid, bend, and a clothoid into what follows: a bend of radius `then`, or straight."""
    after = [{"length_m": CLOTHOID_M}] if then is None else [{"length_m": 2.0 * CLOTHOID_M, "radius_m": then},
                                                             {"length_m": 300.0, "radius_m": then}]  # fmt: skip
    bend = [{"length_m": CLOTHOID_M, "radius_m": radius}, {"length_m": length_m, "radius_m": radius}]
    return [{"length_m": lead_m}, *bend, *after, {"length_m": 500.0}]


def segments(road: str, lost_m: float) -> list[dict]:
    """Of a road by its name, for a camera that is lost after so many metres."""
    if road == "straight":
        return [{"length_m": lost_m + 900.0}]
    radius = float(road.split()[1])
    if "begins" in road:  # half of the clothoid is in the last images
        return _bend(lost_m + ENTRY_M, radius, 400.0)
    if "ends" in road:
        return _bend(lost_m - 200.0, radius, 120.0)
    if "S-bend" in road:
        return _bend(lost_m - 200.0, radius, 120.0, -radius)
    return _bend(lost_m - 250.0, radius, 600.0)


ROADS = ("straight", "R 700 m", "R 500 m", "R 500 m begins unseen", "R 500 m ends unseen", "R 500 m S-bend")


def cases(quick: bool) -> list[Case]:
    if quick:
        return [Case(road, 80.0, SEEDS[0]) for road in ROADS[:2]]
    found = [Case(road, speed, seed) for speed in (80.0, 90.0) for road in ROADS for seed in SEEDS]
    return found + [Case("straight", speed, seed, EMPTY, True) for speed in (80.0, 90.0) for seed in SEEDS]


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    tasks = cases(quick)
    together: dict[str, list[Drive]] = {}
    for case, found in zip(tasks, mapped(drive, tasks, jobs, output), strict=True):
        together.setdefault(case.name, []).append(found)
    return [row for name, drives in together.items() for row in judged(name, drives)]


def judged(name: str, drives: list[Drive]) -> list[dict]:
    nearest = min(found.nearest for found in drives)
    hardest = max(found.hardest for found in drives)
    over = sum(not found.nearest > 0.0 for found in drives)
    return [
        row_of(f"{name}: nearest corner to the line", nearest, "m", "> 0", nearest > 0.0),
        row_of(f"{name}: drives with a corner over it, of {len(drives)}", over, "1", "0", over == 0),
        row_of(f"{name}: hardest braking", hardest, "m/s2", f"<= {HARDEST:g}", hardest <= HARDEST),
        row_of(f"{name}: the stop begins after", max(found.begun_s for found in drives), "s"),
        row_of(f"{name}: from the loss to the standstill", max(found.distance for found in drives), "m", "it stands",
               all(found.stood for found in drives)),
    ]  # fmt: skip


def drive(case: Case) -> Drive:
    import hil
    from autonomy import Stack
    from hil.sensors import Messages
    from hil.worlds.motorway import Motorway

    speed = case.speed_kmh / 3.6
    road = [{**segment, "speed_limit_mps": 27.0} for segment in segments(case.road, speed * LOST_S)]
    scenario = {"schema": "autonomy.scenario/1", "duration_s": LOST_S + AFTER_S, "set_speed_mps": speed,
                "ego": {"plant": case.plant, "speed_mps": speed, "overrides": {"steering.play": PLAY_RAD}},
                "road": {"segments": road}, "wind": WIND if case.wind else {}}  # fmt: skip
    stack = Stack.from_config(CONFIG, stack_overrides(case.plant))
    lost = {"schema": "autonomy.faults/1", "fault": [{"source": "lane", "kind": "drop", "start_s": LOST_S}]}
    found = []

    def watch(truth, out):
        mode = int(out["actuation"]["mode"])
        if mode in DRIVING_MODES:
            corners = np.abs(np.asarray(truth.road.corner_offsets)).max()
            found.append((truth.time_ns * 1e-9, mode == MINIMAL_RISK, truth.road.width_left - corners, truth.ego.velocity,
                          truth.ego.acceleration, float(truth.info["distance_m"])))  # fmt: skip

    sensors = Messages(stack.config, case.seed)
    hil.run(Motorway(scenario), stack, sensors, LOST_S + AFTER_S, case.seed, lost, watch=watch, report=False)
    time, stopping, inside, velocity, acceleration, place = np.array(found).T
    after = time > time[-1] - AFTER_S
    began = np.flatnonzero(stopping)
    stands = np.flatnonzero(after & (velocity < STANDS_MPS))
    end = stands[0] if len(stands) else len(time) - 1
    lost_at = int(np.argmax(after))
    braking = -np.convolve(acceleration[after], np.full(round(MEAN_S / TICK_S), TICK_S / MEAN_S), mode="valid")
    return Drive(float(inside[after].min()), float(braking.max()),
                 float(time[began[0]] - time[lost_at]) if len(began) else float("nan"),
                 float(place[end] - place[lost_at]), bool(len(stands)) and bool(len(began)))  # fmt: skip
