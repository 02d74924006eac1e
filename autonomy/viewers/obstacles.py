"""Obstacles as the ticks were given them, before they were followed: boxes coloured by class."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.viewers import bodies, geometry, markers
from autonomy.viewers.markers import CUBE, DELETE_ALL
from autonomy.viewers.moments import VALID, Moments
from autonomy.viewers.motion import VEHICLE
from autonomy.viewers.standard import fill
from autonomy.viewers.standard.memory import Memory

MOST_OBSTACLES = msg.dtype("ObstacleInput")["items"].shape[0]
LASTS_NS = 300_000_000  # three scans: a box without a successor vanishes
# By ObstacleSample.classification
NAMES = ("unknown", "car", "truck", "motorcycle", "pedestrian", "debris", "structure")
COLOURS = np.array(
    [(0.7, 0.7, 0.7, 0.35), (0.2, 0.75, 0.55, 0.35), (0.1, 0.5, 0.4, 0.45), (0.85, 0.45, 0.75, 0.5), (0.95, 0.35, 0.25, 0.6),
     (0.85, 0.65, 0.2, 0.5), (0.5, 0.55, 0.6, 0.3)]
)  # fmt: skip
OBSTACLES = markers.array(VEHICLE, "obstacles", 1 + MOST_OBSTACLES, characters=max(map(len, NAMES)))


def obstacles(moments: Moments) -> tuple[np.ndarray, Memory, np.ndarray]:
    """(times, layout, messages) of the moments before which some came; every message replaces the one before."""
    items, row = newest(moments)
    rows = np.unique(row)
    place = np.searchsorted(rows, row)
    numbers = np.bincount(place, minlength=len(rows))
    order = np.arange(len(place)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    kept = order < MOST_OBSTACLES
    items, where = items[kept], (place[kept], 1 + order[kept])
    found, times = OBSTACLES.rows(len(rows)), moments.time_ns[rows]
    found["markers"]["count"] = 1 + np.minimum(numbers, MOST_OBSTACLES)
    each = found["markers"]["items"]
    fill.stamp(each["header"], times[:, None])
    each["action"][:, 0], each["pose"]["orientation"]["w"][:, 0] = DELETE_ALL, 1.0
    each["lifetime"]["nanosec"] = LASTS_NS
    centres, sizes, turns, classes = boxes(items)
    markers.scatter(each, where, order[kept], CUBE, centres, sizes, COLOURS[classes])
    for axis, name in enumerate("xyzw"):
        each["pose"]["orientation"][name][where] = turns[:, axis]
    width = each["text"]["text"].dtype.itemsize - 1
    each["text"]["text"][where] = np.array([name.rjust(width).encode() for name in NAMES])[classes]
    return times, OBSTACLES, found


def boxes(items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(centres (n, 3), sizes (n, 3), quaternions (n, 4) x, y, z, w, classes (n,)); what is not told has its class's size."""
    classes = np.minimum(items["classification"], len(NAMES) - 1)
    sizes = bodies.OBJECT_SIZES_M[classes].copy()
    for axis, name in enumerate(("length", "width")):
        sizes[:, axis] = np.where(items[name] > 0.0, items[name], sizes[:, axis])
    centres = np.stack([items["x"], items["y"], 0.5 * sizes[:, 2]], axis=1)
    return centres, sizes, geometry.yaw_quaternion(np.nan_to_num(items["yaw"])), classes


def newest(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """(ObstacleSample rows, moment of each): of every source the last that came before a moment."""
    items, row = moments.obstacles, moments.obstacles_row
    usable = (items["validity"] == VALID) & np.isfinite(items["x"]) & np.isfinite(items["y"])
    items, row = items[usable], row[usable]
    _, group = np.unique(np.stack([row, items["source"].astype(row.dtype)], axis=1), axis=0, return_inverse=True)
    last = np.zeros(len(items), np.int64)
    np.maximum.at(last, group.ravel(), items["valid_time_ns"])
    fresh = items["valid_time_ns"] == last[group.ravel()]
    return items[fresh], row[fresh]
