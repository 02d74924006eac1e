"""The face of scan processing: configuration and mounting around the kernel, results as plain arrays.

perceiver = Perceiver(parameters("perception"), Mounting(x_m=5.0, height_m=3.2))
found = perceiver.perceive(points, velocity=(22.0, 0.0, 0.0), rate=(0.0, 0.0, 0.01))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autonomy import config
from autonomy.errors import UsageError
from autonomy.perception._perceive import Perception

CLASSES = ("unknown", "car", "truck", "motorcycle", "pedestrian", "debris", "structure")
SIDES = ("left", "right", "next_left", "next_right", "left_edge", "right_edge")
TYPES = ("unknown", "solid", "dashed", "double", "road_edge")
EDGES = (None, "curb", "rail", "barrier")


@dataclass(frozen=True)
class Mounting:
    """Pose of the sensor in the vehicle (ISO 8855, origin on the ground): m and rad, the turns as a rotation vector."""

    x_m: float = 0.0
    y_m: float = 0.0
    height_m: float = 0.0
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def knot(self) -> np.ndarray:
        return np.array([self.x_m, self.y_m, self.height_m, *self.rotation])


@dataclass(frozen=True)
class Found:
    """Of one scan of n points, in the vehicle's frame at the reference time.

    labels uint8 [n] and instances int32 [n] in input order; points float32 [n, 4] (x, y, z, height above the ground); obstacles
    and
    lanes structured arrays as in ext/autonomy/perception/_boxes.pxd and _lanes.pxd; free_space float32 [256], m, sectors of equal
    steps of the diamond angle from -y on counter-clockwise; counts: what found no room.
    """

    labels: np.ndarray
    instances: np.ndarray
    points: np.ndarray
    obstacles: np.ndarray
    lanes: np.ndarray
    free_space: np.ndarray
    health: dict[str, float]
    counts: dict[str, int]
    timing_ns: dict[str, int] = field(default_factory=dict)  # processor time
    runs: np.ndarray | None = None  # what lines and obstacles were made of: Run of _bright.pxd, Cell of _clusters.pxd
    cells: np.ndarray | None = None


def parameters(name: str = "perception", overrides: dict[str, Any] | None = None) -> dict[str, dict[str, float]]:
    """Tables of a configuration. Raises UsageError when a key is missing, unknown or no number."""
    loaded = config.load(name, overrides)
    for section, table in loaded.sections.items():
        for key, value in table.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UsageError(f"{loaded.origin(section, key)}: [{section}] {key} = {value!r}: must be a number")
    return loaded.sections


class Perceiver:
    """One sensor's scan processing. `capacity`: most points of a scan."""

    def __init__(self, sections: dict[str, dict[str, float]], mounting: Mounting, capacity: int = 500_000):
        self.mounting = mounting
        try:
            self._kernel = Perception(sections, capacity)
        except (KeyError, ValueError) as error:
            raise UsageError(f"perception: the configuration lacks {error}; see configs/perception.toml") from None

    def perceive(
        self,
        points: np.ndarray,
        velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
        rate: tuple[float, float, float] = (0.0, 0.0, 0.0),
        reference_s: float = 0.0,
        elapsed_s: float = 0.0,
        cab_track: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Found:
        """`points`: LidarPoint [n]. velocity m/s and rate rad/s of the chassis, in its axes, through the scan; results are told
        for
        `reference_s` after the scan's stamp, `elapsed_s` after the scan before (0: there is none that counts). cab_track: times
        (k,) s after the reference and poses (k, 6) of the sensor in the
        chassis, instead of the mounting. Raises UsageError for more points than room."""
        times, knots = cab_track if cab_track is not None else (np.zeros(1), self.mounting.knot()[None])
        try:
            self._kernel.perceive(points, velocity, rate, times, knots, reference_s, elapsed_s)
        except ValueError as error:
            raise UsageError(f"perception: {error}") from None
        kernel = self._kernel
        return Found(kernel.labels, kernel.instances, kernel.points, kernel.obstacles, kernel.lanes, kernel.free_space,
                     kernel.health, kernel.counts, kernel.timing_ns, kernel.runs, kernel.cells)  # fmt: skip

    def kernel_ns(self) -> dict[str, int]:
        """Processor time of the last scan's steps, and of the clusters within the obstacles."""
        return {**self._kernel.timing_ns, "clusters": self._kernel.clusters_ns}

    def reset(self) -> None:
        """Forgets the scans before."""
        self._kernel.reset()
