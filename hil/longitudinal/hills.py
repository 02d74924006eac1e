"""Roads with hills: grade profiles of recorded drive cycles, and generated ones, as heights over distance."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

POINT_M = 5.0
LEAD_IN_M = 1000.0  # level road before and behind, so that every drive begins and ends alike
SMOOTHED_M = 100.0  # grade of a cycle changes by the second; a road's does over a vertical curve [D]


class Hills(NamedTuple):
    """`grade` in rad every POINT_M."""

    name: str
    grade: np.ndarray

    @property
    def length_m(self) -> float:
        return len(self.grade) * POINT_M

    def at(self, s: float) -> float:
        return float(np.interp(s, POINT_M * np.arange(len(self.grade)), self.grade))


def recorded(path: Path, length_m: float | None = None) -> Hills:
    """A cycle's grade column (rise over run) over the distance that its speed column covers, or the first `length_m` of it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = np.array([(float(row["cycSecs"]), float(row["cycMps"]), float(row["cycGrade"])) for row in csv.DictReader(file)])
    distance = np.concatenate([[0.0], np.cumsum(rows[:-1, 1] * np.diff(rows[:, 0]))])
    moving = np.concatenate([[True], np.diff(distance) > 0.0])
    s = np.arange(0.0, min(distance[-1], length_m or np.inf), POINT_M)
    return _road(path.stem, np.arctan(np.interp(s, distance[moving], rows[moving, 2])))


def generated(seed: int, length_m: float = 20_000.0, roughness: float = 0.018, wave_m: float = 900.0) -> Hills:
    """Rolling country: a Gaussian grade of `roughness` (standard deviation), correlated over `wave_m`, at most three of it."""
    random = np.random.default_rng(seed)
    count = round(length_m / POINT_M)
    wave = np.fft.rfftfreq(count, POINT_M)
    spectrum = np.exp(-((wave * wave_m) ** 2)) * np.exp(2j * np.pi * random.random(len(wave)))
    spectrum[0] = 0.0  # ends as high as it begins
    grade = np.fft.irfft(spectrum * np.sqrt(random.chisquare(2, len(wave))), count)
    grade *= roughness / grade.std()
    return _road(f"generated {seed}", np.clip(grade, -3.0 * roughness, 3.0 * roughness))


def _road(name: str, grade: np.ndarray) -> Hills:
    level = np.zeros(round(LEAD_IN_M / POINT_M))
    width = round(SMOOTHED_M / POINT_M)
    joined = np.concatenate([level, grade, level, level])
    return Hills(name, np.convolve(joined, np.full(width, 1.0 / width), mode="same"))
