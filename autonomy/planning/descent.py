"""The speed with which a descent may be entered: what the brakes must turn into heat against what they can take.

Over a descent the weight's work that air, tyres and engine do not take goes into retarder and brakes. The retarder cools away
a power, so it takes more of it the slower the descent is driven; what is stored beyond that is limited by the temperatures.
Whatever the retarder does, the brakes must be able to take a stop anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autonomy import msg
from autonomy.axle_loads import driven_most
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

LEAST_GRADE = -0.015  # rad: what is less steep is no descent [D]
JOINED_M = 300.0  # flatter stretches shorter than this do not end one [D]
SPEEDS = np.arange(5.0, 30.0, 0.25)  # m/s
BRAKE_SHARE = 0.2  # of what the brakes take beside their reserve [D]: fills where the slope is steeper than the map says
RISING_MPS2 = 0.05  # a descent that turns out easier is not run down faster and faster [D]
UNUSABLE = {name: msg.constants("FaultRow")[f"UNUSABLE_{name.upper()}"] for name in ("retarder", "engine")}


class HeatBudget(NamedTuple):
    """What may go into heat, as known now. Defaults: nothing known, nothing limited."""

    retarder_power_w: float = np.inf  # that is cooled away for as long as one likes
    retarder_heat_j: float = 0.0  # that it may store beside that
    brake_heat_j: float = 0.0  # that the foundation brakes may take; a reserve is best left out of it
    retarder_force_n: float = np.inf  # at the wheels, the most
    driven_force_n: float = np.inf  # that retarder and engine brake together may take of the driven axles
    engine_power_w: float = 0.0  # that the engine brake takes from the wheels
    stop_heat_j: float = np.inf  # that the foundation brakes may take for one stop
    stop_deceleration: float = 2.5  # m/s2, of that stop


def budget_of(truck, faults, vehicle, plan) -> HeatBudget:
    """From a TruckState and FaultState, VehicleParameters and PlanParameters: every estimate at its worse end."""
    unusable, stop = int(faults["unusable"]), float(plan["fallback_deceleration"])
    most, brakes = float(vehicle["retarder_torque_maximum_nm"]), float(truck["brake_heat_left_j"])
    works = most > 0.0 and not unusable & UNUSABLE["retarder"]
    return HeatBudget(
        retarder_power_w=float(truck["retarder_cooled_w"]) if works else 0.0,
        retarder_heat_j=float(truck["retarder_heat_left_j"]) if works else 0.0,
        brake_heat_j=BRAKE_SHARE * brakes,
        retarder_force_n=most * float(vehicle["driveline_ratio"] / vehicle["wheel_radius_m"]) if works else np.inf,
        engine_power_w=0.0 if unusable & UNUSABLE["engine"] else float(plan["engine_brake_power_w"]),
        driven_force_n=driven_most(vehicle, truck, float(truck["mass_high_kg"])),
        stop_heat_j=brakes / float(plan["stop_heat_reserve"]), stop_deceleration=stop)  # fmt: skip


def entry_speed(grade: np.ndarray, step_m: float, mass_kg: float, drag_area_m2: float, rolling_resistance: float,
                engine_force_n: float, budget: HeatBudget, headwind_mps: float = 0.0) -> np.ndarray:  # fmt: skip
    """m/s at the beginning of each step that no descent of the road ahead (rad a step, NaN unknown) may exceed; inf where there
    is none.

    `engine_force_n`, positive, is what the engine takes at the wheels beside its brake. A descent that leaves the road known is
    taken to go on for ever: only what is cooled away counts. One for which no speed is slow enough gets the slowest.
    """
    limit = np.full(len(grade), np.inf)
    known = int(np.count_nonzero(np.isfinite(grade)))
    for first, end in descents(grade, step_m):
        down = -np.sin(grade[first:end])
        air = 0.5 * AIR_DENSITY_KGPM3 * drag_area_m2 * np.maximum(SPEEDS + headwind_mps, 0.0) ** 2
        engine = np.maximum(engine_force_n, np.minimum(budget.engine_power_w / SPEEDS, budget.driven_force_n))
        held = air + engine
        pushing = mass_kg * STANDARD_GRAVITY_MPS2 * (np.nan_to_num(down)[:, None] - rolling_resistance) - held
        length = (end - first) * step_m
        work = np.maximum(np.sum(pushing, axis=0) * step_m, 0.0)
        stored, brakes = (budget.retarder_heat_j, budget.brake_heat_j) if end < known else (0.0, 0.0)
        steepest = float(np.nanmax(down))
        stop = 0.5 * mass_kg * SPEEDS**2 * (1.0 + STANDARD_GRAVITY_MPS2 * steepest / budget.stop_deceleration)
        most = np.minimum(budget.retarder_force_n, np.maximum(budget.driven_force_n - engine, 0.0))
        room = np.minimum(budget.retarder_power_w * length / SPEEDS + stored, most * length) + brakes
        excess = np.maximum(_share(work, room), _share(stop, budget.stop_heat_j))
        limit[first:end] = _highest(excess)
    return limit


def steadied(limit: np.ndarray, last: float, elapsed_s: float) -> np.ndarray:
    """`limit` of entry_speed where the truck is on a descent already: no more above the `last` limit here than may rise since."""
    if not np.isfinite(limit[0]) or not np.isfinite(last):
        return limit
    found = limit.copy()
    end = int(np.argmin(np.isfinite(limit))) if not np.isfinite(limit).all() else len(limit)
    found[:end] = np.minimum(limit[:end], last + RISING_MPS2 * elapsed_s)
    return found


def _share(needed: np.ndarray, room: np.ndarray | float) -> np.ndarray:
    """What is lacking as a share of what there is, not above zero where it fits."""
    return needed / np.maximum(room, 1e-3) - 1.0


def _highest(excess: np.ndarray) -> float:
    """m/s where `excess` over SPEEDS rises above zero; inf where it does not."""
    over = np.flatnonzero(excess > 0.0)
    if not len(over):
        return np.inf
    k = int(over[0])
    if k == 0:
        return float(SPEEDS[0])
    return float(SPEEDS[k - 1] + (SPEEDS[k] - SPEEDS[k - 1]) * -excess[k - 1] / (excess[k] - excess[k - 1]))


def descents(grade: np.ndarray, step_m: float) -> list[tuple[int, int]]:
    """(first, end) of the stretches that go down, short flatter ones within included."""
    down = np.nan_to_num(grade) < LEAST_GRADE
    found: list[tuple[int, int]] = []
    for index in np.flatnonzero(down).tolist():
        if found and (index - found[-1][1]) * step_m < JOINED_M:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found
