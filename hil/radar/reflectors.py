"""What sends a radar's waves back: points of road users and of the road's furniture, with how strongly.

Cross sections at 77 GHz in dBsm are averages of published measurements [M].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hil.lidar.labels import Label, Shape
from hil.lidar.scene import Scene
from hil.lidar.surface import along
from hil.radar.occlusion import corners, visible_shares
from hil.world import Actor, Truth

CROSS_SECTION = {"car": 10.0, "van": 14.0, "truck": 20.0, "bus": 20.0, "motorcycle": 3.0, "pedestrian": -6.0, "debris": -14.0}
UNDER_VEHICLES_DB = 12.0  # what waves lose that pass below others instead of by sight [D]
RAIL_DBSM, RAIL_EVERY_M = -6.0, 10.0  # a piece of rail or wall
OVERHEAD_DBSM, POST_DBSM = 22.0, 0.0
OVERHEAD_FROM_M = 4.0  # height of the lower edge of what is above the road
OVERHEAD_LOSS_DB_PER_DEG2 = 0.5  # the antenna looks along the road: lost with the square of the elevation [M]
SECOND_POINT_DB = 6.0  # of a long vehicle's second reflection below its first


def strengths(actors: Sequence[Actor], x: float, y: float) -> np.ndarray:
    """(n,) dBsm of each, seen from the point (x, y) past the others."""
    whole = np.array([CROSS_SECTION.get(actor.classification, 5.0) for actor in actors])
    return whole - UNDER_VEHICLES_DB * (1.0 - visible_shares(actors, x, y))


def of_actors(truth: Truth, eye_x: float) -> list[tuple[float, ...]]:
    """(x, y, vx, vy, dBsm, id) of each: the middle of its nearest side; of long ones another along the next."""
    ego = truth.ego
    c, s = math.cos(ego.yaw), math.sin(ego.yaw)
    seen = strengths(truth.actors, ego.x + c * eye_x, ego.y + s * eye_x).tolist()
    found = []
    for actor, strength in zip(truth.actors, seen, strict=True):
        outline = (corners(actor) - [ego.x, ego.y]) @ np.array([[c, -s], [s, c]])
        order = np.argsort(np.hypot(outline[:, 0] - eye_x, outline[:, 1]))
        near, next_, third = outline[order[:3]]
        yaw = actor.yaw - ego.yaw
        velocity = actor.speed * math.cos(yaw), actor.speed * math.sin(yaw)
        found.append((*(0.5 * (near + next_)), *velocity, strength, actor.id))
        if actor.length > 8.0:
            found.append((*(0.5 * (near + third)), *velocity, strength - SECOND_POINT_DB, actor.id))
    return found


def of_furniture(scene: Scene, truth: Truth, s: float, eye_x: float, eye_z: float, range_m: float) -> list[tuple[float, ...]]:
    """(x, y, dBsm, is overhead, is rail) of rails, walls, posts, signs, gantries and bridges ahead."""
    rows = scene.furniture
    near = rows[np.searchsorted(rows["s"], s) : np.searchsorted(rows["s"], s + range_m + 20.0)]
    if not len(near):
        return []
    x, y, _, heading, *_ = along(scene.road, near["s"])
    east, north = x - near["d"] * np.sin(heading) - truth.ego.x, y + near["d"] * np.cos(heading) - truth.ego.y
    c, sine = math.cos(truth.ego.yaw), math.sin(truth.ego.yaw)
    ahead, aside = c * east + sine * north, c * north - sine * east
    overhead = near["bottom"] > OVERHEAD_FROM_M
    rail = (near["label"] == Label.EDGE) | (near["shape"] == Shape.FENCE)
    # What lies across the road answers where the radar looks, not at its middle
    aside = np.where(overhead, np.clip(0.0, aside - 0.5 * near["width"], aside + 0.5 * near["width"]), aside)
    elevation = np.degrees(np.arctan2(near["bottom"] - eye_z, np.maximum(ahead - eye_x, 1.0)))
    strength = np.where(overhead, OVERHEAD_DBSM - OVERHEAD_LOSS_DB_PER_DEG2 * elevation**2, np.where(rail, RAIL_DBSM, POST_DBSM))
    return list(zip(ahead.tolist(), aside.tolist(), strength.tolist(), overhead.tolist(), rail.tolist(), strict=True))
