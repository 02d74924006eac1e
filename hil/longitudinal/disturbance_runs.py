"""Drives the disturbance cases: the stack on one side, the reference drivers on the other, in the same truck.

Brakes: dead time 0.2 s, ramp 0.6 s to 5.0 m/s2 (UN R13, N3). The reference drivers are spared the dead time, for their
reaction times hold it already: the comparison is not in our favour.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from autonomy.tick_period import TICK_S
from hil.longitudinal.disturbances import CAR_LENGTH_M, CAR_WIDTH_M, LANE_M, OCCLUDED_M, Case, Vehicle, vehicles
from hil.longitudinal.straight_road import Other, StraightRoad
from hil.reference_drivers import Scene
from hil.reference_drivers.careful import CarefulDriver
from hil.reference_drivers.fsm import FuzzySafetyModel

DEAD_TIME_S, RAMP_S, BRAKES = 0.2, 0.6, 5.0  # m/s2
DRIVE_LAG_S = 0.4
TRUCK_WIDTH_M, TRUCK_LENGTH_M, FRONT_M = 2.55, 16.5, 5.2
LONGEST_S = 25.0
DRIVERS = {"fsm": FuzzySafetyModel, "careful": CarefulDriver}


class Outcome(NamedTuple):
    """`impact` m/s at the collision, None without; `braking` m/s2, the hardest."""

    impact: float | None
    smallest_gap_m: float
    braking: float


class RampBrakes:
    """A truck that does what it is asked after a dead time, towards braking on a ramp, otherwise with a lag."""

    def __init__(self, dead_time_s: float = DEAD_TIME_S):
        self.delay = max(1, round(dead_time_s / TICK_S))
        self.reset(0.0)

    def reset(self, speed: float) -> None:
        self.speed, self.acceleration = speed, 0.0
        self.asked: deque[float] = deque([0.0] * self.delay, maxlen=self.delay)

    def step(self, actuation, grade: float = 0.0) -> None:
        self.move(float(actuation["acceleration_mps2"]))

    def move(self, asked: float) -> None:
        wanted = max(self.asked[0], -BRAKES)
        self.asked.append(asked)
        if min(wanted, self.acceleration) < 0.0:
            step = BRAKES / RAMP_S * TICK_S
            self.acceleration += min(max(wanted - self.acceleration, -step), step)
        else:
            self.acceleration += (wanted - self.acceleration) * TICK_S / DRIVE_LAG_S
        if self.speed + self.acceleration * TICK_S <= 0.0:
            self.speed = self.acceleration = 0.0
        self.speed += self.acceleration * TICK_S

    def signals(self) -> dict[int, float]:
        return {}

    def shifting(self) -> bool:
        return False


def drive_stack(road: StraightRoad, case: Case) -> Outcome:
    """One case by the stack."""
    road.begin(case.speed_kmh / 3.6)

    def step(others: list[tuple[Vehicle, float, tuple]]) -> tuple[float, float]:
        road.step([Other(v.number, gap + FRONT_M, y, speed, across, acceleration)
                   for v, gap, (_, y, speed, across, acceleration) in others])  # fmt: skip
        return road.train.speed, road.train.acceleration

    return _run(case, step)


def drive_reference(driver, case: Case, dead_time_s: float = 0.0) -> Outcome:
    """One case by a reference driver."""
    train = RampBrakes(dead_time_s)
    train.reset(case.speed_kmh / 3.6)
    driver.begin()

    def step(others: list[tuple[Vehicle, float, tuple]]) -> tuple[float, float]:
        train.move(driver.step(_scene(others, train)))
        return train.speed, train.acceleration

    return _run(case, step)


def _run(case: Case, step) -> Outcome:
    script = vehicles(case)
    travelled, speed, t = 0.0, case.speed_kmh / 3.6, 0.0
    smallest, braking = 1e9, 0.0
    while t < LONGEST_S:
        states = {v.number: v.at(t) for v in script}
        present = [(v, v.gap_m + states[v.number][0] - travelled, states[v.number]) for v in script]
        settled = t > 2.0
        for vehicle, gap, (_, y, other_speed, across, acceleration) in present:
            overlap = abs(y) < 0.5 * (TRUCK_WIDTH_M + CAR_WIDTH_M)
            if overlap:
                if -(TRUCK_LENGTH_M + CAR_LENGTH_M) < gap <= 0.0:
                    return Outcome(max(speed - other_speed, 0.0), 0.0, braking)
                if gap > 0.0:
                    smallest = min(smallest, gap)
            leaving = abs(vehicle.y_end_m) > 1.0
            ended = across == 0.0 and acceleration == 0.0 and t > 1.5
            settled &= ended and (leaving or speed <= other_speed or gap < -(TRUCK_LENGTH_M + CAR_LENGTH_M))
        if settled:
            break
        seen = [item for item in present if not item[0].hidden_by or abs(states[item[0].hidden_by][1]) > OCCLUDED_M]
        before = speed
        speed, own = step(seen)
        braking = max(braking, -own)
        travelled += 0.5 * (before + speed) * TICK_S
        t += TICK_S
    return Outcome(None, smallest, braking)


def _scene(others, train: RampBrakes) -> Scene | None:
    """The nearest in the lane or on its way into it."""
    nearest = None
    for vehicle, gap, (_, y, speed, across, acceleration) in others:
        side_gap = abs(y) - 0.5 * (TRUCK_WIDTH_M + CAR_WIDTH_M)
        towards = -across if y > 0.0 else across
        if (side_gap <= 0.0 or towards > 0.0) and gap > -TRUCK_LENGTH_M and (nearest is None or gap < nearest.gap):
            nearest = Scene(train.speed, train.acceleration, gap, speed, acceleration, side_gap, towards,
                            abs(vehicle.y_m - y) if vehicle.y_m == LANE_M else 0.0, TRUCK_LENGTH_M, CAR_LENGTH_M)  # fmt: skip
    return nearest
