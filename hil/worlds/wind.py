"""Wind over the road: a mean that comes up in the first seconds, and gusts of a given shape, in time or along the road."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

RISE_S = 3.0  # [D] a drive begins at full speed in still air: no truck meets a side wind that stands from one tick to the next


class Gust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rises and falls as half a cosine (the 1-cos gust of aircraft and road-vehicle practice), stays in between.

    Starts `start_s` after the world's start, or at the place `start_m`, where the truck leaves shelter: then rise, hold and
    fall are metres.
    """

    speed_mps: float
    rise: float = 1.0
    hold: float = 2.0
    fall: float = 1.0
    start_s: float | None = None
    start_m: float | None = None
    every: float | None = None  # s or m from start to start; None = once

    def at(self, time_s: float, place_m: float) -> float:
        """m/s at that time and place."""
        along = time_s - self.start_s if self.start_s is not None else place_m - (self.start_m or 0.0)
        if along < 0.0:
            return 0.0
        if self.every is not None:
            along = math.fmod(along, self.every)
        if along < self.rise:
            return self.speed_mps * 0.5 * (1.0 - math.cos(math.pi * along / self.rise))
        along -= self.rise
        if along < self.hold:
            return self.speed_mps
        along -= self.hold
        return self.speed_mps * 0.5 * (1.0 + math.cos(math.pi * along / self.fall)) if along < self.fall else 0.0


def mean_share(time_s: float) -> float:
    """Of the mean wind, so long after the start."""
    return 0.5 * (1.0 - math.cos(math.pi * min(max(time_s / RISE_S, 0.0), 1.0)))


@dataclass(frozen=True)
class Wind:
    """`from_rad`: where it comes from, counter-clockwise from east in the world, or from the road's own direction."""

    speed_mps: float = 0.0
    from_rad: float = 0.5 * math.pi
    follows_road: bool = False
    gusts: tuple[Gust, ...] = ()

    def at(self, time_s: float, place_m: float, road_heading: float) -> tuple[float, float]:
        """(speed in m/s, direction it comes from in rad, world frame)."""
        speed = mean_share(time_s) * self.speed_mps + sum(gust.at(time_s, place_m) for gust in self.gusts)
        return speed, self.from_rad + (road_heading if self.follows_road else 0.0)
