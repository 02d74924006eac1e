"""Road users as boxes: their parts by class, as shares of length, width and height.

A part: (middle along, half length, middle across, half width, bottom, top, reflectivity, detail); along in shares of the length,
from the middle, across of the width, heights of the height. Reflectivity None: the body's own paint.
"""

from __future__ import annotations

import numpy as np

from hil.lidar.labels import Detail

GLASS, RUBBER, CLOTH, SHEET = 0.04, 0.05, 0.35, 0.25  # reflectivities at 905 nm [M]
PAINT_RANGE = (0.06, 0.75)  # black to white, one draw a vehicle

_CAR = ((0.0, 0.5, 0.0, 0.5, 0.13, 0.62, None, Detail.CAR_ENDS), (-0.04, 0.27, 0.0, 0.42, 0.62, 0.95, GLASS, Detail.PLAIN),
        (-0.04, 0.22, 0.0, 0.40, 0.95, 1.0, None, Detail.PLAIN), (0.31, 0.07, 0.0, 0.48, 0.0, 0.3, RUBBER, Detail.PLAIN),
        (-0.31, 0.07, 0.0, 0.48, 0.0, 0.3, RUBBER, Detail.PLAIN))  # fmt: skip
_VAN = (
    (-0.06, 0.44, 0.0, 0.5, 0.12, 1.0, None, Detail.CAR_ENDS),
    (0.44, 0.06, 0.0, 0.48, 0.12, 0.5, None, Detail.PLAIN),
    (0.31, 0.07, 0.0, 0.48, 0.0, 0.3, RUBBER, Detail.PLAIN),
    (-0.31, 0.07, 0.0, 0.48, 0.0, 0.3, RUBBER, Detail.PLAIN),
)
# Tractor of 2.4 m cab, 0.6 m gap, semitrailer of the rest with its axles behind and a bumper: 16.5 m long as a whole [M]
_TRUCK = (
    (0.427, 0.073, 0.0, 0.48, 0.10, 0.95, None, Detail.PLAIN),
    (0.28, 0.10, 0.0, 0.35, 0.10, 0.28, RUBBER, Detail.PLAIN),
    (0.40, 0.035, 0.0, 0.49, 0.0, 0.25, RUBBER, Detail.PLAIN),
    (0.20, 0.035, 0.0, 0.49, 0.0, 0.25, RUBBER, Detail.PLAIN),
    (-0.09, 0.41, 0.0, 0.5, 0.29, 1.0, SHEET, Detail.TAPED),
    (-0.30, 0.13, 0.0, 0.48, 0.0, 0.26, RUBBER, Detail.PLAIN),
    (-0.497, 0.003, 0.0, 0.5, 0.29, 1.0, SHEET, Detail.TRUCK_ENDS),
    (-0.49, 0.006, 0.0, 0.47, 0.10, 0.17, SHEET, Detail.PLAIN),
)
_MOTORCYCLE = (
    (0.0, 0.5, 0.0, 0.15, 0.0, 0.55, 0.2, Detail.CAR_ENDS),
    (0.0, 0.22, 0.0, 0.35, 0.45, 0.85, CLOTH, Detail.PLAIN),
    (0.05, 0.08, 0.0, 0.18, 0.85, 1.0, 0.3, Detail.PLAIN),
    (0.22, 0.06, 0.0, 0.5, 0.6, 0.72, 0.2, Detail.PLAIN),
)
_PEDESTRIAN = (
    (0.0, 0.35, 0.2, 0.13, 0.0, 0.48, CLOTH, Detail.PLAIN),
    (0.0, 0.35, -0.2, 0.13, 0.0, 0.48, CLOTH, Detail.PLAIN),
    (0.0, 0.4, 0.0, 0.5, 0.48, 0.84, CLOTH, Detail.PLAIN),
    (0.0, 0.3, 0.0, 0.2, 0.86, 1.0, 0.4, Detail.PLAIN),
)
_BOX = ((0.0, 0.5, 0.0, 0.5, 0.0, 1.0, 0.3, Detail.PLAIN),)

PARTS = {
    "car": _CAR,
    "van": _VAN,
    "truck": _TRUCK,
    "bus": _VAN,
    "motorcycle": _MOTORCYCLE,
    "pedestrian": _PEDESTRIAN,
    "debris": _BOX,
}
SPRAYS = ("car", "van", "truck", "bus", "motorcycle")


def parts(classification: str) -> np.ndarray:
    """(n, 8) of a class; what is not known is a box. NaN: the body's own paint."""
    return np.array([[np.nan if value is None else float(value) for value in part] for part in PARTS.get(classification, _BOX)])


def paint(actor_id: int) -> float:
    """Reflectivity of a body, by its id: the same in every turn."""
    share = (actor_id * 2654435761 % 2**32) / 2**32
    return PAINT_RANGE[0] + (PAINT_RANGE[1] - PAINT_RANGE[0]) * share
