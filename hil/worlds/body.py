"""Axles and corners of a plant as rigid points of tractor and trailer: placed together, in one step, every tick."""

from __future__ import annotations

import cmath
import math

import numpy as np


class Body:
    """Taken from a plant that stands straight. Points are x + iy; axles first, then four corners a unit."""

    def __init__(self, plant):
        state = plant.state
        self._turn = cmath.exp(-1j * float(state["yaw"]))
        origin = complex(float(state["x"]), float(state["y"]))
        axles, outline = _complex(plant.axles()), [_complex(corners) for corners in plant.outline()]
        self.axles = len(axles)
        self.tractor_axles = own = int(plant.tractor_axles)
        unit = np.concatenate([np.arange(self.axles) >= own] + [np.full(len(corners), number > 0)
                                                                for number, corners in enumerate(outline)])  # fmt: skip
        points = (np.concatenate([axles, *outline]) - origin) * self._turn
        self._kingpin = (complex(*plant.kingpin()) - origin) * self._turn if len(outline) > 1 else 0j
        self._tractor, self._trailer = np.where(unit, 0.0, points), np.where(unit, points - self._kingpin, 0.0)
        self._hitch = np.where(unit, self._kingpin, 0.0)
        self.front, self.rear = float(points.real.max()), float(-points.real.min())
        self.width = float(points.imag.max() - points.imag.min())

    def geometry(self) -> dict[str, float]:
        """Wheelbase, hitch and trailer as VehicleParameters names them; of axle groups their middle."""
        tractor, trailer = self._tractor[: self.tractor_axles], self._trailer[self.tractor_axles : self.axles]
        found = {"wheelbase_m": float(tractor.real[0]), "hitch_offset_m": -self._kingpin.real}
        return found | ({"trailer_wheelbase_m": float(-trailer.real.mean())} if len(trailer) else {})

    def points(self, x: float, y: float, yaw: float, articulation: float) -> np.ndarray:
        """(axles + corners,) complex, in the world."""
        turned = self._tractor + self._hitch + self._trailer * complex(math.cos(articulation), math.sin(articulation))
        return turned * complex(math.cos(yaw), math.sin(yaw)) + complex(x, y)


def _complex(points) -> np.ndarray:
    points = np.asarray(points, float)
    return points[:, 0] + 1j * points[:, 1]
