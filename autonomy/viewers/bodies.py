"""The vehicle and the objects around it as boxes, for the eye: sizes that no message tells are typical ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CAB_LENGTH_M, CAB_HEIGHT_M = 2.3, 3.7  # [D] a European cab-over
CHASSIS_BEHIND_M, CHASSIS_HEIGHT_M = 1.0, 1.1  # [D] of a tractor, behind the drive axle
TRAILER_AHEAD_M, TRAILER_FLOOR_M, TRAILER_HEIGHT_M = 1.6, 1.2, 4.0  # [D] ahead of the kingpin; above ground
TRUCK_KG, CAR_HEIGHT_M, TRUCK_HEIGHT_M = 3500.0, 1.5, 3.7  # [D]

# Typical length, width, height by ObstacleSample.classification [D]: unknown, car, truck, motorcycle, pedestrian, debris,
# structure
OBJECT_SIZES_M = np.array(
    [(4.5, 1.9, 1.5), (4.5, 1.9, 1.5), (12.0, 2.55, 3.8), (2.2, 0.8, 1.5), (0.5, 0.6, 1.75), (0.8, 0.8, 0.5), (1.0, 1.0, 2.0)]
)


class Box(NamedTuple):
    """One box, standing in a frame."""

    frame: str
    centre_m: tuple[float, float, float]
    size_m: tuple[float, float, float]
    colour: tuple[float, float, float, float]


CAB_COLOUR, CHASSIS_COLOUR, TRAILER_COLOUR = (0.13, 0.44, 0.71, 1.0), (0.25, 0.27, 0.3, 1.0), (0.75, 0.78, 0.82, 0.9)


def vehicle_boxes(vehicle: np.void) -> list[Box]:
    """From VehicleParameters: the whole vehicle, or cab, chassis and trailer."""
    front, rear, width = (float(vehicle[name]) for name in ("front_overhang_m", "rear_overhang_m", "width_m"))
    if not vehicle["has_trailer"]:
        height = TRUCK_HEIGHT_M if vehicle["mass_kg"] > TRUCK_KG else CAR_HEIGHT_M
        return [_box("base_link", -rear, front, 0.0, height, width, CAB_COLOUR)]
    to_kingpin = rear - float(vehicle["hitch_offset_m"])  # from the trailer's rear
    return [
        _box("base_link", front - CAB_LENGTH_M, front, 0.5, CAB_HEIGHT_M, width, CAB_COLOUR),
        _box("base_link", -CHASSIS_BEHIND_M, front - CAB_LENGTH_M, 0.3, CHASSIS_HEIGHT_M, 0.9 * width, CHASSIS_COLOUR),
        _box("trailer", -to_kingpin, TRAILER_AHEAD_M, TRAILER_FLOOR_M, TRAILER_HEIGHT_M, width, TRAILER_COLOUR),
    ]


def object_boxes(tracks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(centres (n, 3), sizes (n, 3)) of rows of Track, whose x is that of the face turned to us."""
    sizes = OBJECT_SIZES_M[np.where(tracks["classification"] < len(OBJECT_SIZES_M), tracks["classification"], 0)]
    away = np.where(tracks["x"] >= 0.0, 0.5, -0.5)
    centres = np.stack([tracks["x"] + away * sizes[:, 0], tracks["y"], 0.5 * sizes[:, 2]], axis=1)
    return centres, sizes


def _box(frame: str, back: float, front: float, low: float, high: float, width: float, colour) -> Box:
    return Box(frame, (0.5 * (back + front), 0.0, 0.5 * (low + high)), (front - back, width, high - low), colour)
