"""Predictive cruise control beside the tick: ten times a second the outputs of a tick and the road ahead become a CruisePlan.

    planner = CruisePlanner(stack.parameters, road)
    horizon, plan = planner(output)          # the output of a tick; both 0-d arrays

The plan is a pure function of the horizon (`Kernel.plan`), and it enters a later tick as a sample of the input "cruise" as any
other: what a log holds of it (/in/cruise) replays as it was. `road(output)` tells what lies ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.planning._cruise import Kernel
from autonomy.planning.descent import HeatBudget, budget_of, entry_speed, steadied

PERIOD_NS = 100_000_000
POINTS = 64
STEP_M = float(msg.constants("CruisePlan")["STEP_M"])
FOLLOW, ACTIVE = 2, 1  # Plan.behaviour, Actuation.mode
UNKNOWN_GEAR, ROLLING = 255, 4
HANDED_ON = ("reference_speed", "time_behind_s", "late_exponent", "planned_later_s")  # from one plan to the next
GEAR_SHARE = 0.06  # by which engine over wheel speed may differ from a gear's [D]
FAR = 1e2  # m/s: no limit


class RoadAhead(NamedTuple):
    """(POINTS,) each, a value a step: rad, rad, m/s."""

    grade: np.ndarray
    sigma: np.ndarray
    limit: np.ndarray


UNKNOWN_ROAD = RoadAhead(np.full(POINTS, np.nan), np.full(POINTS, np.nan), np.full(POINTS, FAR))


class CruisePlanner:
    """Keeps what one plan hands to the next. `budget()` tells what retarder and brakes take, else the truck's estimates do."""

    def __init__(self, parameters, road: Callable[..., RoadAhead], budget: Callable[[], HeatBudget] | None = None):
        self.vehicle, self.cruise, self.plan = (parameters[name].copy() for name in ("vehicle", "cruise", "plan"))
        self.longitudinal = parameters["longitudinal"].copy()
        self.kernel = Kernel(self.cruise, self.vehicle, self.longitudinal)
        self.road, self.budget = road, budget
        self.front = float(self.vehicle["front_overhang_m"])
        crank = float(self.vehicle["driveline_ratio"]) / float(self.vehicle["wheel_radius_m"])
        self.cranks = crank * self.cruise["gear_ratio"]
        self.forget()

    def forget(self) -> None:
        """The next plan begins anew: for a time there was none to hand on from."""
        self.last_ns, self.gear = 0, UNKNOWN_GEAR
        self.before = dict.fromkeys(HANDED_ON, 0.0)
        self.descent_limit = np.inf  # m/s here, of the plan before

    def __call__(self, out) -> tuple[np.ndarray, np.ndarray]:
        """(CruiseHorizon, CruisePlan) of one OutputFrame."""
        horizon = self.horizon(out)
        plan = self.kernel.plan(horizon)
        self.last_ns = int(horizon["time_ns"])
        self.before = {name: float(plan[name]) for name in HANDED_ON}
        return horizon, plan

    def horizon(self, out) -> np.ndarray:
        road, truck, plan, tracks = self.road(out), out["truck"], out["plan"], out["tracks"]
        found = np.zeros((), msg.dtype("CruiseHorizon"))
        speed, mass = float(out["ego"]["speed"]), float(truck["mass_kg"])
        elapsed = (int(out["tick_time_ns"]) - self.last_ns) / 1e9 if self.last_ns else 0.0
        engaged = int(out["actuation"]["mode"]) == ACTIVE
        found["time_ns"], found["speed"], found["mass_kg"] = out["tick_time_ns"], speed, mass
        found["set_speed"] = out["vehicle"]["set_speed"]
        found["travelled_m"], found["elapsed_s"] = elapsed * max(speed, 0.0), elapsed
        for name, value in self.before.items():
            found[name] = value
        found["lead_speed"] = found["lead_gap_error"] = np.nan
        if np.isfinite(float(plan["gap_error"])):
            found["lead_speed"], found["lead_gap_error"] = tracks["lead_speed"], plan["gap_error"]
        found["grade"], found["grade_sigma"], found["limit"] = road
        turning, drag = speed * self.cranks[0], self.longitudinal
        engine = float(drag["engine_drag_torque_nm"] + drag["engine_drag_torque_per_speed"] * turning) * self.cranks[0]
        budget = budget_of(truck, out["faults"], self.vehicle, self.plan) if self.budget is None else self.budget()
        # The heaviest it may be on the steepest it may be, with the wind that pushes most
        headwind = float(truck["headwind_mps"] - self.plan["headwind_doubt"] * truck["headwind_sigma_mps"])
        slowly = entry_speed(road.grade - road.sigma, STEP_M, float(truck["mass_high_kg"]), float(self.vehicle["drag_area_m2"]),
                             float(self.vehicle["rolling_resistance"]), engine, budget, headwind)  # fmt: skip
        slowly = steadied(slowly, self.descent_limit, elapsed)
        self.descent_limit = float(slowly[0])
        found["limit"] = np.minimum(found["limit"], slowly)
        found["limit"] = np.minimum(found["limit"], FAR)
        found["gear"] = ROLLING if int(out["actuation"]["roll"]) else self._gear(float(out["vehicle"]["engine_speed"]), speed)
        found["paused"] = not engaged or int(plan["behaviour"]) == FOLLOW
        return found

    def _gear(self, engine_speed: float, speed: float) -> int:
        """Places below the highest; the last one known while a shift lasts."""
        if speed > 1.0 and np.isfinite(engine_speed):
            off = np.abs(engine_speed / speed / self.cranks - 1.0)
            if off.min() < GEAR_SHARE:
                self.gear = int(np.argmin(off))
        return self.gear
