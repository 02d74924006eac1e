"""The twin of ext/hil/lidar/_caster.pyx: what one ray meets, by marching over the ground and by the faces of boxes.

Plain and slow: double precision, the road's own functions instead of cells, one ray at a time. It gives the surface only - range,
label, instance and cosine of incidence - for beams without width, in clear air.
"""

from __future__ import annotations

import math

import numpy as np

from hil.lidar.labels import Label, Shape
from hil.lidar.scene import Scene

STEP_M, FINE_M = 0.5, 1e-4
GRAZING, CURVED = 0.02, 0.1  # as ext/hil/lidar/_surfaces.pxd
RAIL_FROM_M, POST_M = 0.44, 0.12


def ray(
    pose: np.ndarray, mounting: tuple[np.ndarray, np.ndarray], beam: np.ndarray, begin: np.ndarray, yaw: float
) -> tuple[np.ndarray, np.ndarray]:
    """(origin, direction) in the world of a beam and where it begins, both given at azimuth zero, which points to `yaw`."""
    place, turn = mounting
    spin, body = _rotation(yaw, 0.0, 0.0), _rotation(*pose[3:])
    return pose[:3] + body @ (place + turn @ spin @ begin), body @ turn @ spin @ beam


def road_place(scene: Scene, point: np.ndarray, near: float) -> tuple[float, float]:
    """(arc length, offset) of a point: the foot of the perpendicular, by bisection of what is ahead of it."""

    def ahead(s: float) -> float:
        x, y, heading, _ = scene.road.at(s)
        return (point[0] - x) * math.cos(heading) + (point[1] - y) * math.sin(heading)

    low, high = near - 350.0, near + 350.0
    while high - low > FINE_M:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if ahead(middle) > 0.0 else (low, middle)
    x, y, heading, _ = scene.road.at(low)
    return low, (point[1] - y) * math.cos(heading) - (point[0] - x) * math.sin(heading)


def ground_height(scene: Scene, s: float, d: float) -> float:
    z, bank = scene.road.value("z", s), scene.road.value("bank", s)
    section = scene.section
    right = section.right_edge - d > d - section.left_edge
    outside = max(section.right_edge - d, d - section.left_edge)
    slopes = section.right_slopes if right else section.left_slopes
    return (
        z + bank * d + sum(slope * max(outside - begin, 0.0) for slope, begin in zip(slopes, section.VERGE_FROM_M, strict=True))
    )


def meet_ground(scene: Scene, origin: np.ndarray, direction: np.ndarray, near: float, limit: float = 250.0):
    """(range, s, d, cosine of incidence) where a ray first comes below the ground, None if it does not."""

    def above(t: float) -> float:
        point = origin + t * direction
        return point[2] - ground_height(scene, *road_place(scene, point, near))

    t = STEP_M
    while t < limit and above(t) > 0.0:
        t += STEP_M * (1.0 + 0.05 * t)
    if t >= limit:
        return None
    low, high = t / 1.3 - STEP_M, t
    low = max(low, 0.0)
    while high - low > FINE_M:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if above(middle) > 0.0 else (low, middle)
    s, d = road_place(scene, origin + low * direction, near)
    return low, s, d, -(above(low + 0.05) - above(low - 0.05)) / 0.1


def meet_box(body: np.void, origin: np.ndarray, direction: np.ndarray, minimum: float):
    """(range, cosine of incidence) of the face through which a ray enters, None if it passes. Both in the body's own frame."""
    half = body["half"].astype(float)
    best = None
    for axis in range(3):
        if direction[axis] == 0.0:
            continue
        t = (-math.copysign(half[axis], direction[axis]) - origin[axis]) / direction[axis]
        at = origin + t * direction
        others = [k for k in range(3) if k != axis]
        if t > minimum and all(abs(at[k]) <= half[k] for k in others):
            best = t, abs(direction[axis]), at
    if best is None or body["shape"] != Shape.FENCE:
        return best[:2] if best else None
    on_rail = best[2][2] + half[2] > RAIL_FROM_M
    on_post = (best[2][0] + half[0]) % float(body["post_m"]) < POST_M
    return best[:2] if on_rail or on_post else None


def to_body(body: np.void, vector: np.ndarray) -> np.ndarray:
    c, s = float(body["cosine"]), float(body["sine"])
    x, y = c * vector[0] + s * vector[1], c * vector[1] - s * vector[0]
    return np.array([x, y, vector[2] - float(body["grade"]) * x - float(body["bank"]) * y])


def cast(scene: Scene, bodies: np.ndarray, origin: np.ndarray, direction: np.ndarray, near: float, time_s: float,
         minimum: float) -> tuple[float, int, int, float]:  # fmt: skip
    """(range, label, instance, cosine) of the first surface; range inf for none. `bodies` as the kernel's, in the world."""
    found = (math.inf, int(Label.NONE), 0, 0.0)
    ground = meet_ground(scene, origin, direction, near)
    if ground is not None:
        t, s, d, cosine = ground
        beside = not scene.section.right_edge <= d <= scene.section.left_edge
        line = None if beside else marking_at(scene, s, d)
        label = Label.VERGE if beside else Label.GROUND if line is None else Label.MARKING
        found = t, int(label), 0 if line is None else line, cosine
    for body in bodies:
        centre = body["centre"].astype(float) + body["velocity"].astype(float) * time_s
        met = meet_box(body, to_body(body, origin - centre), to_body(body, direction), minimum)
        if met is not None and met[0] < found[0]:
            found = met[0], int(body["label"]), int(body["instance"]), met[1]
    return found


def marking_at(scene: Scene, s: float, d: float) -> int | None:
    """Id of the unworn line whose paint is there."""
    for marking in scene.markings:
        if not marking.start_m <= s < marking.end_m:
            continue
        off = d - float(marking.offset_at(s))
        if marking.kind == "double":
            off = abs(off) - 0.5 * (0.15 + marking.width_m)
        painted = marking.kind != "dashed" or (s + marking.phase_m) % 18.0 <= 6.0
        if abs(off) <= 0.5 * marking.width_m and painted:
            return marking.id
    return None


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    def about(axis: int, angle: float) -> np.ndarray:
        matrix, (a, b) = np.eye(3), [(1, 2), (2, 0), (0, 1)][axis]
        matrix[a, a] = matrix[b, b] = math.cos(angle)
        matrix[a, b], matrix[b, a] = -math.sin(angle), math.sin(angle)
        return matrix

    return about(2, yaw) @ about(1, pitch) @ about(0, roll)
