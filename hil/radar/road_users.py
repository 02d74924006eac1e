"""Which road users a radar detects in a scan, for levels that tell one point of each: as the emulator, without its ghosts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.radar.emulator import RadarSensor
from hil.radar.occlusion import corners
from hil.radar.reflectors import strengths
from hil.world import Actor


def detected(actors: Sequence[Actor], x: float, y: float, random: np.random.Generator) -> np.ndarray:
    """(n,) bool, by a radar at the point (x, y)."""
    return random.random(len(actors)) < detection_probability(actors, x, y)


def detection_probability(actors: Sequence[Actor], x: float, y: float) -> np.ndarray:
    """(n,) 0..1, of the nearest side of each; range and angle are the caller's."""
    sensor = RadarSensor()
    outlines = np.array([corners(actor) for actor in actors]).reshape(-1, 4, 2) - [x, y]
    order = np.argsort(np.hypot(outlines[..., 0], outlines[..., 1]), axis=1)[:, :2]
    side = np.take_along_axis(outlines, order[..., None], axis=1).mean(axis=1)
    distance = np.maximum(np.hypot(side[:, 0], side[:, 1]), 1.0)
    return sensor.detection_probability(sensor.snr_db(distance, strengths(actors, x, y)))
