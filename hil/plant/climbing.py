"""What slopes the driveline takes the combination up: startability and gradeability of the Performance Based Standards.

Limits [M], level 1 (2): start on 15 % (12 %), keep moving on 20 % (15 %), keep 80 km/h (70 km/h) on 1 %.
"""

from __future__ import annotations

import math

from hil.plant.plant import Plant, PlantCommand, Surroundings

TICK_S = 0.01
FULL = 1e6  # N m at the engine: all that it has
WALKING_MPS = 0.5
STEEPEST = 0.40


def moves(plant: Plant, slope: float, speed: float) -> bool:
    """Whether full torque moves it on within 20 s, up a slope (rise over run), from a speed."""
    road = Surroundings(grade=math.atan(slope))
    plant.reset(speed=speed)
    for _ in range(round(20.0 / TICK_S)):
        plant.step(TICK_S, PlantCommand(engine_torque_nm=FULL), road)
    return float(plant.state["speed"]) >= WALKING_MPS


def steepest(plant: Plant, speed: float) -> float:
    """Rise over run, to 0.1 %."""
    below, above = 0.0, STEEPEST
    while above - below > 1e-3:
        middle = 0.5 * (below + above)
        below, above = (middle, above) if moves(plant, middle, speed) else (below, middle)
    return below


def speed_kept(plant: Plant, slope: float = 0.01, begin_mps: float = 25.0, duration_s: float = 300.0) -> float:
    """m/s that full torque holds in the end."""
    road = Surroundings(grade=math.atan(slope))
    plant.reset(speed=begin_mps)
    for _ in range(round(duration_s / TICK_S)):
        plant.step(TICK_S, PlantCommand(engine_torque_nm=FULL), road)
    return float(plant.state["speed"])
