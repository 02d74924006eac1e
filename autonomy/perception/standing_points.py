"""What of a scan odometry goes by: points that do not move, thinned."""

from __future__ import annotations

import numpy as np

from autonomy.perception._voxels import VoxelSampler
from autonomy.perception.perceive import CLASSES, Found

STRUCTURE = CLASSES.index("structure")
NONE, GROUND, MARKING, EDGE = 0, 1, 3, 4  # labels; an obstacle's stands when it is structure
VOXEL_M, REACH_M, MOST_POINTS = 0.5, 200.0, 20_000  # [C] what the far structure tells of heading is worth its points


class StandingPoints:
    """`sections`: those of the Perceiver; own_* of its [ground] are the truck itself. `capacity`: most points of a scan."""

    def __init__(self, sections: dict[str, dict[str, float]], capacity: int):
        self.front_m, self.rear_m, self.side_m = (sections["ground"][f"own_{name}_m"] for name in ("front", "rear", "side"))
        self.sampler = VoxelSampler(capacity)

    def of(self, found: Found) -> np.ndarray:
        """(n, 3) m, in the vehicle's axes, n <= MOST_POINTS."""
        standing = np.isin(found.labels, (NONE, GROUND, MARKING, EDGE))
        of_thing = found.instances >= 0
        standing[of_thing] = found.obstacles["classification"][found.instances[of_thing]] == STRUCTURE
        x, y = found.points[:, 0], found.points[:, 1]
        standing &= x * x + y * y < REACH_M**2
        standing &= ~((x < self.front_m) & (x > -self.rear_m) & (np.abs(y) < self.side_m))
        columns = [np.ascontiguousarray(found.points[standing, axis]) for axis in range(3)]
        kept = self.sampler.sample(*columns, VOXEL_M)[:MOST_POINTS]
        return np.column_stack([column[kept] for column in columns])
