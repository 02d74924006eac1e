"""Rain, fog, spray and dirt as the ray caster takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RAIN_EXTINCTION_PER_M, RAIN_POWER = 2.5e-4, 0.67  # 1.076 R^0.67 dB/km, R in mm/h (Carbonneau and Wisely 1998) [M]
FOG_CONTRAST = 3.912  # Koschmieder: extinction times visibility, contrast of 2 % [V]
DROPS_PER_MM_H, DROPS_PER_EXTINCTION = 4e-4, 3.0  # share of rays that meet a drop near the sensor [D]
DROPS_RANGE_M = 14.0  # [D] recordings in rain show them to some 15 m


@dataclass(frozen=True)
class Weather:
    rain_mm_h: float = 0.0
    visibility_m: float = 0.0  # in fog or dust; 0 = clear
    spray_per_m: float = 0.0  # extinction of the cloud behind a car's wheels at 25 m/s
    water_film: float = 0.0  # share of the road that is covered everywhere, 0..1

    @property
    def extinction_per_m(self) -> float:
        rain = RAIN_EXTINCTION_PER_M * self.rain_mm_h**RAIN_POWER if self.rain_mm_h > 0.0 else 0.0
        return rain + (FOG_CONTRAST / self.visibility_m if self.visibility_m > 0.0 else 0.0)

    @property
    def drops(self) -> float:
        fog = FOG_CONTRAST / self.visibility_m if self.visibility_m > 0.0 else 0.0
        return min(DROPS_PER_MM_H * self.rain_mm_h + DROPS_PER_EXTINCTION * fog, 0.9)


def blockage(columns: int, lanes: int, share: float, seed: int) -> np.ndarray:
    """(columns, lanes) light that passes a window of which `share` is dirty: splashes of 2 to 15 degrees, nearly opaque."""
    random = np.random.default_rng([seed, 11])
    passing = np.ones((columns, lanes), np.float32)
    column, lane = np.arange(columns)[:, None], np.arange(lanes)[None, :]
    while (passing < 0.5).mean() < share:
        middle, beam = random.integers(columns), random.uniform(0.0, lanes)
        wide, high = random.uniform(2.0, 15.0) / 360.0 * columns, random.uniform(0.1, 0.4) * lanes
        aside = (column - middle + columns // 2) % columns - columns // 2
        inside = (aside / wide) ** 2 + ((lane - beam) / high) ** 2 < 1.0
        passing[inside] *= np.float32(random.uniform(0.0, 0.3))
    return passing
