"""Ground by the point against where each ray truly ended, beside pypatchworkpp on the same points."""

from __future__ import annotations

import numpy as np

from hil.lidar.labels import Label
from hil.suites._perception.drive import MOUNTING, Drive, Sight

GROUND = (Label.GROUND, Label.MARKING, Label.VERGE)
NOT_JUDGED = (Label.NONE, Label.NOISE, Label.OWN)
OURS = (1, 3)  # ground and markings, as told
FAR_M = 120.0  # beyond neither is asked
EVERY = 5


class GroundTally:
    copied = True

    def __init__(self, drive: Drive):
        self.scans, self.ours, self.theirs, self.peer = 0, np.zeros(2, int), np.zeros(2, int), _patchwork()

    def add(self, sight: Sight) -> None:
        self.scans += 1
        if self.scans % EVERY:
            return
        points = sight.points
        labels = sight.turn.labels[points["column"], points["ring"], 0]
        judged = ~np.isin(labels, NOT_JUDGED) & (np.hypot(points["x"], points["y"]) < FAR_M)
        is_ground = np.isin(labels, GROUND)[judged]
        self.ours += overlap(is_ground, np.isin(sight.found.labels, OURS)[judged])
        if self.peer is not None:
            told = np.zeros(len(points), bool)
            self.peer.estimateGround(np.column_stack([points[axis] for axis in "xyz"] + [points["intensity"]]).astype(np.float32))
            told[self.peer.getGroundIndices()] = True
            self.theirs += overlap(is_ground, told[judged])

    def tally(self) -> dict:
        return {"scans": self.scans, "ours": self.ours.tolist(), "theirs": None if self.peer is None else self.theirs.tolist()}


def overlap(truth: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Points of the intersection and of the union."""
    return np.array([(truth & told).sum(), (truth | told).sum()])


def _patchwork():
    """None where it is not installed."""
    try:
        import pypatchworkpp
    except ImportError:
        return None
    settings = pypatchworkpp.Parameters()
    settings.verbose, settings.sensor_height, settings.max_range = False, MOUNTING.z_m, FAR_M
    return pypatchworkpp.patchworkpp(settings)
