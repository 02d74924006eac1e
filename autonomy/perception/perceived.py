"""What a stage beside the tick makes of one scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autonomy.perception.perceive import Found

NS = 1_000_000_000


@dataclass(frozen=True)
class Look:
    """What a lidar saw ahead in one scan, for who asks later: points and labels as of Found."""

    valid_time_ns: int
    received_time_ns: int
    points: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Perceived:
    """Samples by kind, true at `valid_time_ns`, there at `received_time_ns`. `found`: of a lidar's, until its next scan."""

    valid_time_ns: int
    received_time_ns: int
    samples: dict[str, np.ndarray]
    found: Found | None = None
