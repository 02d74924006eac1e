"""Which obstacles stand: by where the scans of the last second saw their near faces, over ground.

A scan tells no velocity, but a face that five scans and more saw in one place over ground belongs to something that stands. A
straight line is fitted through the places of each along the sight; its slope within three sigmas of zero, and a sigma that could
tell a walk from a stand, say so. The own motion is that of the ego states.
"""

from __future__ import annotations

import numpy as np

LOOKS, LEAST_LOOKS = 10, 5  # [D] a second and half of it, at 10 Hz
GATE_X_M, GATE_Y_M = 0.8, 1.8  # [D] a scan's noise and a slow mover; across, a car of which a part shows is off by half its width
FACE_SIGMA_M = 0.15  # [C] of a near face along the sight, 64 beams to 100 m
SIGMAS, SLOPE_SIGMA_MPS = 3.0, 0.55  # [D] less than a walk
MISSED_LOOKS = 3
MOST = 128


class Standing:
    """One lidar's memory. Places of each thing: column 0 the newest, NaN where a scan did not see it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._places = np.full((0, LOOKS, 2), np.nan)
        self._ages_s = np.full(LOOKS, np.nan)

    def update(self, faces: np.ndarray, velocity: tuple[float, float], yaw_rate: float, elapsed_s: float) -> np.ndarray:
        """(n,) bool, which of `faces` (n, 2), in the vehicle's frame now, stand. m/s and rad/s since the scan before."""
        self._carry(velocity, yaw_rate, elapsed_s)
        seen = np.full((len(faces), LOOKS, 2), np.nan)
        last = np.nan_to_num(self._newest(), nan=np.inf)
        free = np.ones(len(last), bool)
        for place, face in enumerate(faces):
            apart = np.abs(last - face) / (GATE_X_M, GATE_Y_M)
            near = np.where(free & (apart < 1.0).all(axis=1), apart.sum(axis=1), np.inf)
            if len(near) and np.isfinite(near.min()):
                number = int(near.argmin())
                free[number] = False
                seen[place] = self._places[number]
        seen[:, 0] = faces
        missed = self._places[free]
        missed = missed[np.isfinite(missed[:, : MISSED_LOOKS + 1, 0]).any(axis=1)]
        self._places = np.concatenate([seen, missed])[:MOST]
        return self._stand(seen)

    def _carry(self, velocity: tuple[float, float], yaw_rate: float, elapsed_s: float) -> None:
        """All places to where the vehicle is now, one column further; the newest column is free."""
        angle = yaw_rate * elapsed_s
        cosine, sine = np.cos(angle), np.sin(angle)
        moved = np.array([velocity[0] - 0.5 * angle * velocity[1], velocity[1] + 0.5 * angle * velocity[0]]) * elapsed_s
        places = (self._places - moved) @ np.array([[cosine, -sine], [sine, cosine]])
        self._places = np.concatenate([np.full((len(places), 1, 2), np.nan), places[:, :-1]], axis=1)
        self._ages_s = np.concatenate([[0.0], self._ages_s[:-1] + elapsed_s])

    def _newest(self) -> np.ndarray:
        """(m, 2) the last place at which each was seen."""
        known = np.isfinite(self._places[:, :, 0])
        return self._places[np.arange(len(known)), known.argmax(axis=1)] if len(known) else np.zeros((0, 2))

    def _stand(self, seen: np.ndarray) -> np.ndarray:
        known = np.isfinite(seen[:, :, 0])
        count = known.sum(axis=1)
        sight = seen[:, 0] / np.maximum(np.linalg.norm(seen[:, 0], axis=1), 1.0)[:, None]
        along = np.where(known, np.einsum("nkc,nc->nk", np.nan_to_num(seen), sight), 0.0)
        ages = np.where(known, np.nan_to_num(self._ages_s), 0.0)
        ages = np.where(known, ages - (ages.sum(axis=1) / np.maximum(count, 1))[:, None], 0.0)
        spread = np.maximum((ages**2).sum(axis=1), 1e-9)
        slope, sigma = (ages * along).sum(axis=1) / spread, FACE_SIGMA_M / np.sqrt(spread)
        return (count >= LEAST_LOOKS) & (sigma < SLOPE_SIGMA_MPS) & (np.abs(slope) < SIGMAS * sigma)
