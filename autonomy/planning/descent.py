"""The speed with which a descent may be entered: what the brakes must turn into heat against what they can take.

Over a descent the weight's work that air, tyres and engine do not take goes into retarder and brakes. The retarder cools away
a power, so it takes more of it the slower the descent is driven; what is stored beyond that is limited by the temperatures.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

GRAVITY = 9.80665
AIR = 1.2  # kg/m3
LEAST_GRADE = -0.015  # rad: what is less steep is no descent [D]
JOINED_M = 300.0  # flatter stretches shorter than this do not end one [D]
SPEEDS = np.arange(5.0, 30.0, 0.25)  # m/s


class HeatBudget(NamedTuple):
    """What may go into heat, as known now. Defaults: nothing known, nothing limited."""

    retarder_power_w: float = np.inf  # that is cooled away for as long as one likes
    retarder_heat_j: float = 0.0  # that it may store beside that
    brake_heat_j: float = 0.0  # that the foundation brakes may take; a reserve is best left out of it
    retarder_force_n: float = np.inf  # at the wheels, the most


def entry_speed(grade: np.ndarray, step_m: float, mass_kg: float, drag_area_m2: float, rolling_resistance: float,
                engine_force_n: float, budget: HeatBudget) -> np.ndarray:  # fmt: skip
    """m/s at the beginning of each step that no descent of the road ahead (rad a step) may exceed; inf where there is none.

    `engine_force_n`, positive, is what the engine brakes with at the wheels. A descent that leaves the road known is taken to
    end there. One for which no speed is slow enough gets the slowest.
    """
    limit = np.full(len(grade), np.inf)
    for first, end in descents(grade, step_m):
        down = -np.sin(grade[first:end]) - rolling_resistance
        pushing = mass_kg * GRAVITY * down[:, None] - 0.5 * AIR * drag_area_m2 * SPEEDS**2 - engine_force_n
        work = np.sum(np.maximum(pushing, 0.0), axis=0) * step_m
        length = (end - first) * step_m
        room = budget.retarder_power_w * length / SPEEDS + budget.retarder_heat_j + budget.brake_heat_j
        fits = (work <= room) & (np.max(pushing, axis=0) <= budget.retarder_force_n)
        limit[first:end] = SPEEDS[fits][-1] if fits.any() else SPEEDS[0]
        if fits.all():
            limit[first:end] = np.inf
    return limit


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
