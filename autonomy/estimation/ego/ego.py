"""Face of the ego filter: frames in, `EgoState` out."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.estimation.ego._ego import EgoKernel


class EgoEstimator:
    """Error-state Kalman filter of position, velocity, attitude and what the sensors get wrong (26 states).

    `parameters` is a 0-d array of dtype("EgoParameters"). The same frames after the same snapshot give the same bytes.
    """

    def __init__(self, parameters: np.ndarray) -> None:
        if parameters.dtype != msg.dtype("EgoParameters"):
            raise TypeError(f"parameters are {parameters.dtype}, expected dtype('EgoParameters')")
        self._kernel = EgoKernel(parameters)

    def step(self, frame: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """One tick with a frame of dtype("InputFrame"); returns the estimate at its tick_time_ns, dtype("EgoState")."""
        if out is None:
            out = np.zeros((), msg.dtype("EgoState"))
        self._kernel.step(frame.reshape(1).view(np.uint8), out.reshape(1).view(np.uint8))
        return out

    def snapshot(self) -> bytes:
        return self._kernel.snapshot()

    def restore(self, blob: bytes) -> None:
        """Raises ValueError when `blob` is not a snapshot of this build."""
        self._kernel.restore(blob)

    @property
    def covariance(self) -> np.ndarray:
        """26 x 26 covariance of the error states at the horizon, ENU."""
        return self._kernel.covariance
