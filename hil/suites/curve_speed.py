"""Bends of 100 to 500 m entered at 80 km/h: lateral acceleration and distance to rolling over, loaded, half and empty."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.msg.modes import DRIVING_MODES
from hil.suites._pool import mapped
from hil.suites._row import row_of

TITLE = "bends of 100 to 500 m from 80 km/h, EU combination loaded, half and empty, noisy sensors"
CONFIG = "vehicles/demo_truck"
SET_SPEED = 80.0 / 3.6
PLANTS = {"40 t": ("plants/eu_4x2_40t", 1.5), "half": ("plants/eu_4x2_half", 1.5), "empty": ("plants/eu_4x2_empty", 2.0)}
RADII = (100.0, 150.0, 250.0, 350.0, 500.0)
BY_CAMERA = (250.0, 350.0, 500.0)  # without a stored path
SEEDS, TUNED_ON = (11,), (1,)
MARGIN = 25.0  # % of the load of a unit's wheels that stays on the inner ones
MEAN_S = 0.5  # lateral acceleration is averaged over it, as UN R171 does
STRAIGHT_M, CLOTHOID_M, BEND_M = 900.0, 100.0, 200.0


class Case(NamedTuple):
    load: str
    radius: float
    stored: bool  # the path is
    seed: int


class Drive(NamedTuple):
    lateral: float  # m/s2, of tractor or trailer
    margin: float  # %
    slowest: float  # m/s
    nearest: float  # m, corner to the line
    allowed: float  # m/s2, that the plan took as limit as the bend began
    bad: bool


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    loads = ("40 t", "empty") if quick else tuple(PLANTS)
    radii = (250.0, 500.0) if quick else RADII
    cases = [Case(load, radius, True, seed) for load in loads for radius in radii for seed in SEEDS]
    if not quick:
        cases += [Case(load, radius, False, seed) for load in ("40 t", "empty") for radius in BY_CAMERA for seed in SEEDS]
    driven = mapped(drive, cases, jobs, output)
    table = []
    for case, found in zip(cases, driven, strict=True):
        name = f"{case.load}, R {case.radius:g} m, {'path stored' if case.stored else 'camera alone'}"
        limit = PLANTS[case.load][1]
        table += [
            row_of(f"{name}: lateral acceleration", found.lateral, "m/s2", f"<= {limit:.3g}", found.lateral <= limit),
            row_of(f"{name}: margin to rolling over", found.margin, "%", f">= {MARGIN:g}", found.margin >= MARGIN),
            row_of(f"{name}: limit planned with", found.allowed, "m/s2"),
            row_of(f"{name}: slowest", 3.6 * found.slowest, "km/h"),
            row_of(f"{name}: nearest corner to the line", found.nearest, "m", "> 0", found.nearest > 0.0 and not found.bad),
        ]  # fmt: skip
    return table


def scenario(case: Case) -> dict:
    segments = [{"length_m": STRAIGHT_M, "speed_limit_mps": 27.0}, {"length_m": CLOTHOID_M, "radius_m": case.radius},
                {"length_m": BEND_M, "radius_m": case.radius}, {"length_m": CLOTHOID_M}, {"length_m": 400.0}]  # fmt: skip
    return {"schema": "autonomy.scenario/1", "duration_s": 120.0, "set_speed_mps": SET_SPEED,
            "ego": {"plant": PLANTS[case.load][0], "speed_mps": 14.0}, "road": {"segments": segments}}  # fmt: skip


def drive(case: Case) -> Drive:
    """One drive. The mass is told as 40 t +- 12 t; from 50 to 80 km/h it shows itself."""
    import hil
    from autonomy import Stack
    from hil.sensors import Messages
    from hil.suites.lane_keeping import stack_overrides
    from hil.worlds.motorway import Motorway

    told = stack_overrides(PLANTS[case.load][0])
    del told["vehicle.mass_kg"]
    stack = Stack.from_config(CONFIG, told)
    sensors = Messages(stack.config, case.seed)
    sensors.takes_lane_path = case.stored
    found = []

    def watch(truth, out):
        if int(out["actuation"]["mode"]) not in DRIVING_MODES:
            return
        plant = truth.ego.plant
        corners = np.abs(np.asarray(truth.road.corner_offsets)).max()
        found.append((float(truth.info["distance_m"]), truth.ego.velocity, truth.ego.lateral_acceleration,
                      truth.ego.trailer_lateral_acceleration, max(abs(float(plant["ltr"])), abs(float(plant["trailer_ltr"]))),
                      truth.road.width_left - corners, float(out["plan"]["lateral_limit"])))  # fmt: skip

    result = hil.run(Motorway(scenario(case)), stack, sensors, 120.0, case.seed, watch=watch, report=False)
    place, speed, tractor, trailer, transfer, nearest, limit = np.array(found).T
    mean = round(MEAN_S / 0.01)
    lateral = max(float(np.max(np.abs(np.convolve(series, np.full(mean, 1.0 / mean), mode="valid"))))
                  for series in (tractor, trailer))  # fmt: skip
    begin = int(np.argmax(place > STRAIGHT_M))
    bend = (place > STRAIGHT_M) & (place < STRAIGHT_M + 2.0 * CLOTHOID_M + BEND_M)
    return Drive(lateral, 100.0 * (1.0 - float(np.max(transfer))), float(np.min(speed[bend])), float(np.min(nearest)),
                 float(limit[begin]),
                 bool(result.metrics["rolled_over"] or result.metrics["collisions"]))  # fmt: skip
