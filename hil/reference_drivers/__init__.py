"""Drivers of UN R157 Annex 3 to compare with, written from the regulation's formulas.

A driver has `begin()` and `step(scene) -> float`: the acceleration in m/s2 it asks of the truck's brakes now.
"""

from __future__ import annotations

from typing import NamedTuple


class Scene(NamedTuple):
    """What a driver judges: the truck and the one vehicle that matters."""

    speed: float  # m/s, own
    acceleration: float
    gap: float  # m, bumper to bumper
    other_speed: float
    other_acceleration: float
    side_gap: float  # m between the sides, 0 or less = they overlap
    side_speed: float  # m/s towards the own lane, positive
    lane_deviation: float  # m of the other's middle from the middle of the lane it comes from
    own_length: float
    other_length: float
