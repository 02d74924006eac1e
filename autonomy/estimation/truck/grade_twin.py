"""The grade as told, or held with a variance that grows by the metre up to that of any road: what `_grade.pxd` says, plainly."""

from __future__ import annotations

import math

ANY_ROAD_SIGMA, WALK_PER_M, UNKNOWN_SPEED_MPS = 0.03, 4.0e-6, 25.0


class Grade:
    def __init__(self, frame_pitch_rad_per_mps2: float):
        self.frame_pitch = frame_pitch_rad_per_mps2
        self.grade, self.variance = 0.0, ANY_ROAD_SIGMA**2

    def step(self, told: float | None, vertical_sigma: float, along_road: float, speed: float, dt: float) -> tuple[float, float]:
        """(grade, sigma). `told`: of the ego filter, None where it knows no velocity; `vertical_sigma` m/s of its velocity."""
        if told is not None:
            self.grade, self.variance = told - self.frame_pitch * along_road, (vertical_sigma / max(abs(speed), 1.0)) ** 2
        else:
            way = (UNKNOWN_SPEED_MPS if math.isnan(speed) else abs(speed)) * dt
            self.variance = max(self.variance, min(self.variance + WALK_PER_M * way, ANY_ROAD_SIGMA**2))
        return self.grade, math.sqrt(self.variance)
