"""Recorded speed traces as leads, and the ideal truck that says where a truck of that power could follow them."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.tick_period import TICK_S

# `quick`: the first, the hardest to follow. The EPA's cycles are constant speeds on roads with grade
TRACES = ("regional_haul", "C8_LineHaul_Lammert", "long_haul_cyc", "EPA_Ph2_urban_highway_55mph",
          "EPA_Ph2_rural_interstate_65mph", "EPA_Ph2_rural_interstate_65mph__tests_version")  # fmt: skip
TRACE_S = 1500.0  # of each; their first minutes are town traffic, so a part of them is not the figure of the whole
FASTEST_LEAD = 24.0  # m/s, where a trace is cut: the truck needs a little more to close up
SET_SPEED = 25.0  # m/s, the truck's own limit: a lead that is faster drives away
# To cut a trace by: what a loaded truck gains in traffic, gear shifts included [C]: m/s2; W/kg: 220 of 370 kW at 40 t
CUT_ACCELERATION, CUT_POWER_PER_KG = 0.3, 5.5
FOLLOWED_M = 1.0  # a truck of that power that errs by less follows
JERK = 1.0  # m/s3, the most that is aimed at
FULL_NM = 1e6  # at the engine: all that it has
ABILITY_S = 5.0  # its acceleration is a mean over so long: a shift and what comes between two


class Trace(NamedTuple):
    """A lead, one value a tick: speed, acceleration; and the road's grade in rad over the lead's way in m."""

    speed: np.ndarray
    acceleration: np.ndarray
    way: np.ndarray
    grade: np.ndarray


def trace(path: Path, seconds: float, cut: bool = False) -> Trace:
    """A stretch of a recorded 1 Hz trace, from its first time above 15 m/s on: as it is, or `cut` to what a loaded truck drives
    in traffic: FASTEST_LEAD, accelerations of `drivable`. Braking stays as recorded."""
    from scipy.interpolate import PchipInterpolator

    with path.open(encoding="utf-8-sig", newline="") as file:
        second = np.array([(float(row["cycMps"]), float(row.get("cycGrade") or 0.0)) for row in csv.DictReader(file)])
    first = int(np.argmax(second[:, 0] > 15.0))
    speed, slope = second[first : first + round(seconds) + 1].T
    speed = drivable(speed) if cut else speed
    t = np.arange(0.0, len(speed) - 1, TICK_S)
    curve = PchipInterpolator(np.arange(len(speed)), speed)
    way = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]))])
    return Trace(curve(t), curve(t, 1), way, np.arctan(slope))


def drivable(speed: np.ndarray) -> np.ndarray:
    """A 1 Hz trace cut to the speed and the accelerations of a loaded truck: the recorded ones drove faster, with any load."""
    found = np.minimum(speed, FASTEST_LEAD)
    for k in range(1, len(found)):
        before = float(found[k - 1])
        resistance = 0.006 * STANDARD_GRAVITY_MPS2 + 9e-5 * before * before
        most = min(CUT_ACCELERATION, CUT_POWER_PER_KG / max(before, 5.0) - resistance)
        found[k] = min(found[k], before + most)
    return found


@cache
def ability(plant: str = "plants/eu_4x2_40t") -> tuple[np.ndarray, np.ndarray]:
    """(m/s, m/s2 on the level) of a plant at full load from a standstill on, its gear shifts in the mean."""
    from hil.longitudinal.plant_train import PlantTrain
    from hil.plant import PlantCommand

    train = PlantTrain(plant).plant
    train.reset(speed=0.0)
    speed = [0.0]
    while speed[-1] < SET_SPEED + 1.0 and len(speed) < 400.0 / TICK_S:
        train.step(TICK_S, PlantCommand(engine_torque_nm=FULL_NM))
        speed.append(float(train.state["speed"]))
    ticks = round(ABILITY_S / TICK_S)
    gained = (np.array(speed[ticks:]) - speed[:-ticks]) / ABILITY_S
    middle = np.array(speed[ticks // 2 :][: len(gained)])
    grid = np.arange(0.0, SET_SPEED + 0.5, 0.1)
    return grid, np.interp(grid, np.maximum.accumulate(middle), gained)


class IdealTruck:
    """A truck of that power without lags and noise, its shifts in the mean, behind a lead: what it cannot follow, none can.

    Its acceleration is the engine's, and no more than the plan's in comfort, which bounds its braking too; it grows with JERK."""

    def __init__(self, plan, speed: float, gap: float):
        from autonomy.planning.plan_twin import desired_gap

        self.grid = np.linspace(0.0, 30.0, 601)
        self.wanted = np.array([desired_gap(plan, speed) for speed in self.grid])
        self.slope = np.maximum(np.gradient(self.wanted, self.grid), float(plan["gap_slope_minimum_s"]))
        self.up, self.down = float(plan["acceleration_maximum"]), -float(plan["deceleration_maximum"])
        self.able = np.interp(self.grid, *ability())
        self.speed, self.gap, self.acceleration = speed, gap, 0.0

    def error(self, lead: float, grade: float = 0.0) -> float:
        """One tick behind a lead of this speed, m/s, up a grade, rad: by what its gap is too long, m."""
        v = self.speed
        error = self.gap - float(np.interp(v, self.grid, self.wanted))
        most = min(self.up, float(np.interp(v, self.grid, self.able)) - STANDARD_GRAVITY_MPS2 * np.sin(grade))
        asked = (lead - v + error) / float(np.interp(v, self.grid, self.slope))
        self.acceleration = min(max(asked, self.down), most, max(self.acceleration, 0.0) + JERK * TICK_S)
        self.speed = min(max(v + self.acceleration * TICK_S, 0.0), SET_SPEED)
        self.gap += (lead - self.speed) * TICK_S
        return error
