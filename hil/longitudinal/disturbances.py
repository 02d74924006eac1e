"""The three families of traffic disturbance of UN R157: cut-in, cut-out, braking lead (Annex 3; parameters as there).

A case is a handful of numbers; `vehicles(case)` scripts who moves how. Distances are bumper to bumper at the moment the
disturbance begins, one second after the case does. The same cases are driven by the stack and by the reference drivers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

LANE_M = 3.5
CAR_LENGTH_M, CAR_WIDTH_M = 4.5, 1.85
STARTS_S = 1.0  # the others are seen this long before
HEADWAYS_S = (2.0, 2.4, 2.8)  # [R] the regulation's 2.0 s; heavy vehicles' table at 60 and 80 km/h
OCCLUDED_M = 0.5 * CAR_WIDTH_M  # a lead hides what is before it until its middle has moved aside so far


class Case(NamedTuple):
    family: str  # cut_in, cut_out, braking_lead
    speed_kmh: float  # the truck's
    other_kmh: float  # who cuts in; who stands or crawls behind the lead that leaves; the speed a lead brakes down to
    distance_m: float  # to who cuts in; from the lead to who is behind it
    side_speed: float  # m/s of the lane change
    deceleration: float  # m/s2 of the lead
    headway_s: float  # to the lead


class Vehicle(NamedTuple):
    """A vehicle that moves as scripted: gap ahead of the truck's front at the start, then its own way."""

    number: int
    gap_m: float
    y_m: float
    speed: float
    side_speed: float  # m/s, positive to the left, from STARTS_S on
    y_end_m: float
    deceleration: float  # from STARTS_S on, positive
    end_speed: float
    hidden_by: int  # number of the vehicle in front of it, 0 = none

    def at(self, t: float) -> tuple[float, float, float, float, float]:
        """(m travelled since the start, y, speed, speed across, acceleration) at t seconds."""
        moving = max(0.0, t - STARTS_S)
        y, across = self.y_m, 0.0
        if self.side_speed:
            y = self.y_m + self.side_speed * moving
            done = y >= self.y_end_m if self.side_speed > 0.0 else y <= self.y_end_m
            y, across = (self.y_end_m, 0.0) if done else (y, self.side_speed if moving > 0.0 else 0.0)
        if not self.deceleration:
            return self.speed * t, y, self.speed, across, 0.0
        braking = min(moving, (self.speed - self.end_speed) / self.deceleration)
        speed = self.speed - self.deceleration * braking
        travelled = self.speed * (t - moving) + 0.5 * (self.speed + speed) * braking + speed * (moving - braking)
        return travelled, y, speed, across, -self.deceleration if moving > 0.0 and braking == moving else 0.0


def vehicles(case: Case) -> list[Vehicle]:
    own, other = case.speed_kmh / 3.6, case.other_kmh / 3.6
    if case.family == "cut_in":
        # The distance is that at the beginning of the lane change
        gap = case.distance_m + (own - other) * STARTS_S
        return [Vehicle(1, gap, LANE_M, other, -case.side_speed, 0.0, 0.0, 0.0, 0)]
    gap = case.headway_s * own
    if case.family == "braking_lead":
        return [Vehicle(1, gap, 0.0, own, 0.0, 0.0, case.deceleration, other, 0)]
    behind = gap + CAR_LENGTH_M + case.distance_m + (own - other) * STARTS_S
    return [Vehicle(1, gap, 0.0, own, case.side_speed, LANE_M, 0.0, 0.0, 0),
            Vehicle(2, behind, 0.0, other, 0.0, 0.0, 0.0, 0.0, 1)]  # fmt: skip


def grid(quick: bool = False) -> Iterator[Case]:
    """Every case, or about every tenth for a first look."""
    yield from itertools.islice(_all(), 0, None, 11 if quick else 1)


def _all() -> Iterator[Case]:
    speeds = (60.0, 70.0, 80.0, 90.0)
    for own, slower, distance, side in itertools.product(
            speeds, (5, 10, 20, 30, 40, 50, 60), (2, 5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 80),
            (0.2, 0.4, 0.7, 1.0, 1.4, 1.8)):  # fmt: skip
        if own - slower >= 10.0:
            yield Case("cut_in", own, own - slower, distance, side, 0.0, 0.0)
    for own, headway, other, distance, side in itertools.product(
            speeds, HEADWAYS_S, (0.0, 20.0, 40.0), (5, 10, 20, 30, 45, 60), (0.6, 1.2, 1.8)):  # fmt: skip
        yield Case("cut_out", own, other, distance, side, 0.0, headway)
    for own, headway, end, deceleration in itertools.product(speeds, HEADWAYS_S, (0.0, 30.0), range(2, 11)):
        yield Case("braking_lead", own, end, 0.0, 0.0, float(deceleration), headway)
