"""What a lidar may see besides the vehicles of the moment: road, cross section, paint, puddles, furniture, weather."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hil.lidar import furniture, markings
from hil.lidar.cross_section import CrossSection
from hil.lidar.markings import Marking
from hil.lidar.weather import Weather
from hil.world import Actor
from hil.worlds.road import Road


@dataclass(frozen=True)
class Puddle:
    """An ellipse of water; s and d of its middle."""

    s: float
    d: float
    length_m: float
    width_m: float


@dataclass
class Scene:
    road: Road
    section: CrossSection
    markings: list[Marking]
    furniture: np.ndarray  # of furniture.DTYPE, sorted by s
    puddles: list[Puddle] = field(default_factory=list)
    weather: Weather = field(default_factory=Weather)
    obstacles: list[Actor] = field(default_factory=list)  # that stand where no world told of them: debris, people

    @classmethod
    def motorway(cls, road: Road, seed: int, *, wear: float = 0.0, weather: Weather | None = None, puddles_per_km: float = 0.0,
                 construction: tuple[float, float, float] | None = None, **section) -> Scene:  # fmt: skip
        """A motorway on `road`. `wear`: share of the paint that is gone; `construction`: (start m, end m, shift m) of yellow
        lines; further keywords are those of CrossSection. The same seed gives the same scene."""
        across = CrossSection.of(road, **section)
        lines = markings.motorway(across, road.length, wear=wear)
        if construction is not None:
            lines += markings.construction(across, *construction)
        return cls(
            road,
            across,
            lines,
            furniture.motorway(across, road.length, seed),
            _puddles(across, road, seed, puddles_per_km),
            weather or Weather(),
        )

    @classmethod
    def bare(cls, road: Road, **section) -> Scene:
        """The road alone, without paint and furniture."""
        return cls(road, CrossSection.of(road, **section), [], furniture.nothing())

    @classmethod
    def of_world(cls, world, seed: int, **options) -> Scene:
        """The motorway on a world's road, for worlds that have a `road` (hil.worlds)."""
        return cls.motorway(world.road, seed, **options)


def _puddles(section: CrossSection, road: Road, seed: int, per_km: float) -> list[Puddle]:
    random = np.random.default_rng([seed, 13])
    count = int(random.poisson(per_km * road.length / 1e3)) if per_km > 0.0 else 0
    return [Puddle(random.uniform(0.0, road.length), random.uniform(section.right_edge, section.left_line),
                   random.uniform(3.0, 30.0), random.uniform(0.8, 3.5)) for _ in range(count)]  # fmt: skip
