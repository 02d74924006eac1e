"""A lane camera's messages: each line as a cubic about the camera, positive to the right (configs/sensors/lane_camera.dbc)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autonomy.config import Config
from drivers.can.codec import Codec

LAST_MESSAGE = "LANE_RIGHT_B"  # completes an image
SOLID = 1


@dataclass(frozen=True)
class LaneCamera:
    """`mounting_x_m` ahead of the vehicle's reference point."""

    bus: int
    mounting_x_m: float

    @classmethod
    def of(cls, config: Config, codec: Codec) -> LaneCamera | None:
        """The camera that the vehicle file routes, None when there is none."""
        for route in config.sections.get("can", {}).get("route", []):
            if route["message"] == LAST_MESSAGE and route["bus"] in codec.databases:
                return cls(route["bus"], float(route.get("mounting_x_m", 0.0)))
        return None

    def messages(self, row: np.void) -> Iterator[tuple[str, dict[str, float]]]:
        """(message, values) of one LaneSample, in the order they are sent."""
        for side in ("left", "right"):
            position, heading, curvature, derivative = (-c for c in self._seen(row[side]))
            name = side.upper()
            yield f"LANE_{name}_A", {
                "type": SOLID, "quality": int(row[f"{side}_quality"]), "model_degree": 3, "position": position,
                "curvature": curvature, "curvature_derivative": derivative, "marking_width": 0.15,
            }  # fmt: skip
            view = float(row[f"{side}_range_m"]) - self.mounting_x_m
            yield f"LANE_{name}_B", {"heading": heading, "view_range": view, "view_range_available": 1, "colour": 1}

    def _seen(self, cubic: np.ndarray) -> tuple[float, float, float, float]:
        """c0..c3 about the camera of a cubic about the reference point."""
        c0, c1, c2, c3 = (float(c) for c in cubic)
        x = self.mounting_x_m
        return c0 + x * (c1 + x * (c2 + x * c3)), c1 + x * (2.0 * c2 + 3.0 * x * c3), c2 + 3.0 * x * c3, c3
