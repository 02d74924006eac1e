"""The 90 degree turn at 5 km/h of the Australian Performance Based Standards: how much road the combination takes.

The outer front wheel follows a circle of 12.5 m radius between two straights. Limits [M], level 1 (2): swept path <= 7.4 m (8.7),
frontal swing of a prime mover <= 0.7 m, tail swing <= 0.30 m (0.35).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hil.plant.manoeuvres import ROAD
from hil.plant.plant import Plant, PlantCommand

RADIUS_M = 12.5
SPEED_MPS = 5.0 / 3.6
STEP_S = 0.05
STRAIGHT_M = 30.0


@dataclass(frozen=True)
class Turn:
    """To the left, from along x to along y; the entry straight's outer edge is the line y = 0 less half the width."""

    swept_path_m: float  # between the outer wheel's circle and the innermost point of the trailer
    frontal_swing_m: float  # of the tractor's front, beyond the outer edge of the straight it leaves on
    tail_swing_m: float  # of the rearmost corners, beyond the outer edge of the straight it comes from


def drive(plant: Plant) -> Turn:
    half = 0.5 * float(plant.table["tractor"]["width_m"])
    turn = RADIUS_M - half  # of the front axle's middle
    front = float(plant.parameters["axle_x"][0] - plant.parameters["reference"])
    plant.reset(x=-STRAIGHT_M - front, speed=SPEED_MPS)
    centre = np.array([0.0, turn])
    least, frontal, tail = math.inf, -math.inf, -math.inf
    for _ in range(round((2.0 * STRAIGHT_M + 0.5 * math.pi * turn) / SPEED_MPS / STEP_S)):
        plant.step(STEP_S, PlantCommand(_angle(plant, front, turn), held_speed_mps=SPEED_MPS), ROAD)
        tractor, trailer = plant.outline()
        side = trailer[0] + np.linspace(0.0, 1.0, 60)[:, None] * (trailer[3] - trailer[0])
        inside = side[(side[:, 0] > 0.0) & (side[:, 1] < turn)]
        if len(inside):
            least = min(least, float(np.linalg.norm(inside - centre, axis=1).min()))
        frontal = max(frontal, float(tractor[:2, 0].max()) - (turn + half))
        tail = max(tail, -float(min(tractor[2:, 1].min(), trailer[2:, 1].min())) - half)
    return Turn(RADIUS_M - least, frontal, tail)


def _angle(plant: Plant, front: float, turn: float) -> float:
    """Road wheel angle that keeps the front axle's middle on straight, circle, straight."""
    state = plant.state
    yaw = float(state["yaw"])
    x, y = float(state["x"]) + front * math.cos(yaw), float(state["y"]) + front * math.sin(yaw)
    if x < 0.0 and y < turn:
        heading, aside = 0.0, y
    elif y < turn:
        heading, aside = math.atan2(x, turn - y), turn - math.hypot(x, y - turn)
    else:
        heading, aside = 0.5 * math.pi, turn - x
    return max(min(heading - yaw - math.atan(1.5 * aside), 0.9), -0.9)
