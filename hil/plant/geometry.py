"""Where axles and corners of a tractor-semitrailer are, from the figures of a vehicle file and the state of a plant."""

from __future__ import annotations

import math

import numpy as np

TRAILER_FRONT_M = 1.4  # of the trailer's body before the kingpin [M]


class TruckGeometry:
    """For plants with `vehicle` (fields of VehicleParameters as floats) and `state` (x, y, yaw, articulation)."""

    tractor_axles = 2

    @property
    def wheelbase(self) -> float:
        return self.vehicle["wheelbase_m"]

    def axles(self) -> np.ndarray:
        """(3, 2): front and drive axle, trailer's axle group."""
        return np.concatenate([self._tractor([(self.wheelbase, 0.0), (0.0, 0.0)]), self._trailer([(0.0, 0.0)])])

    def outline(self) -> np.ndarray:
        """(2, 4, 2): corners of tractor and trailer, from the left front counter-clockwise."""
        half, vehicle = 0.5 * self.vehicle["width_m"], self.vehicle
        front, length = vehicle["front_overhang_m"], vehicle["trailer_wheelbase_m"]
        behind = vehicle["rear_overhang_m"] - vehicle["hitch_offset_m"] - length
        trailer = _box(length + TRAILER_FRONT_M, -max(behind, 0.0), half)
        return np.stack([self._tractor(_box(front, -1.0, half)), self._trailer(trailer)])

    def kingpin(self) -> np.ndarray:
        return self._tractor([(-self.vehicle["hitch_offset_m"], 0.0)])[0]

    def _tractor(self, points) -> np.ndarray:
        return _placed(points, float(self.state["x"]), float(self.state["y"]), float(self.state["yaw"]))

    def _trailer(self, points) -> np.ndarray:
        """Points about the trailer's axle group."""
        yaw, hitch = float(self.state["yaw"]), -self.vehicle["hitch_offset_m"]
        turned = yaw + float(self.state["articulation"])
        length = self.vehicle["trailer_wheelbase_m"]
        return _placed(points, float(self.state["x"]) + hitch * math.cos(yaw) - length * math.cos(turned),
                       float(self.state["y"]) + hitch * math.sin(yaw) - length * math.sin(turned), turned)  # fmt: skip


def _box(front: float, rear: float, half: float) -> list[tuple[float, float]]:
    return [(front, half), (rear, half), (rear, -half), (front, -half)]


def _placed(points, x: float, y: float, yaw: float) -> np.ndarray:
    points = np.asarray(points, float)
    cosine, sine = math.cos(yaw), math.sin(yaw)
    return np.column_stack([x + cosine * points[:, 0] - sine * points[:, 1], y + sine * points[:, 0] + cosine * points[:, 1]])
