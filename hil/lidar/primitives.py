"""Vehicles and the truck itself as rows of the kernel's Primitive, in the frame of the window or of the vehicle."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from hil.lidar import bodies
from hil.lidar.labels import Detail, Label, Shape
from hil.lidar.surface import PRIMITIVE, Window
from hil.world import Actor, EgoTruth

OWN_PAINT = 0.3
CAB_M, CAB_HEIGHT_M, CHASSIS_M = 2.3, 3.0, 1.0  # length and height of a day cab, height of the frame behind it [M]
TRAILER_FROM_M, TRAILER_TO_M = 1.15, 4.0
TRACTOR = (5.2, -1.0, 2.5)  # front, rear, width of a truck whose outline nobody tells
SPRAY_FROM_MPS, SPRAY_FULL_MPS = 12.0, 25.0


class Places(NamedTuple):
    """Of n bodies in the window's frame."""

    size: np.ndarray  # (n, 3) length, width, height
    place: np.ndarray  # (n, 3) middle, on the ground
    velocity: np.ndarray  # (n, 3)
    yaw: np.ndarray
    grade: np.ndarray  # rise over run along the body and across
    bank: np.ndarray


@cache
def _parts(classification: str) -> np.ndarray:
    return bodies.parts(classification)


def of_actors(actors: list[Actor], places: Places) -> np.ndarray:
    """Each actor's parts, one after the other; `slot` counts the actors."""
    if not actors:
        return np.zeros(0, PRIMITIVE)
    tables = [_parts(actor.classification) for actor in actors]
    part, slot = np.concatenate(tables), np.repeat(np.arange(len(actors)), [len(table) for table in tables])
    paint = np.array([bodies.paint(actor.id) for actor in actors])[slot]
    size, place, velocity, yaw, grade, bank = (values[slot] for values in places)
    along, across = part[:, 0] * size[:, 0], part[:, 2] * size[:, 1]
    cosine, sine = np.cos(yaw), np.sin(yaw)
    found = np.zeros(len(part), PRIMITIVE)
    found["centre"] = place + np.column_stack([
        cosine * along - sine * across, sine * along + cosine * across,
        grade * along + bank * across + 0.5 * (part[:, 4] + part[:, 5]) * size[:, 2]])  # fmt: skip
    found["velocity"], found["cosine"], found["sine"], found["grade"], found["bank"] = velocity, cosine, sine, grade, bank
    found["half"] = np.column_stack(
        [part[:, 1] * size[:, 0], part[:, 3] * size[:, 1], 0.5 * (part[:, 5] - part[:, 4]) * size[:, 2]]
    )
    found["reflectivity"] = np.where(np.isnan(part[:, 6]), paint, part[:, 6])
    found["instance"], found["slot"] = np.array([actor.id for actor in actors])[slot], slot
    found["label"], found["detail"] = Label.OBSTACLE, part[:, 7]
    return found


def together(*parts: np.ndarray) -> np.ndarray:
    """One after the other; np.concatenate would compare the types of all fields first."""
    found, begin = np.empty(sum(map(len, parts)), PRIMITIVE), 0
    for part in parts:
        found[begin : begin + len(part)] = part
        begin += len(part)
    return found


def placed(actors: list[Actor], window: Window) -> Places:
    """Actors on the ground of a window."""
    table = np.array([(a.x, a.y, 0.0, a.yaw, a.speed, a.length, a.width, a.height) for a in actors], float).reshape(-1, 8)
    place = window.points(table[:, :3])
    place[:, 2], slope_x, slope_y = window.ground(place[:, 0], place[:, 1])
    yaw = table[:, 3] - window.yaw
    cosine, sine = np.cos(yaw), np.sin(yaw)
    grade, bank = slope_x * cosine + slope_y * sine, slope_y * cosine - slope_x * sine
    speed = table[:, 4]
    return Places(table[:, 5:8], place, np.column_stack([speed * cosine, speed * sine, speed * grade]), yaw, grade, bank)


def of_spray(actors: list[Actor], places: Places, extinction_per_m: float) -> np.ndarray:
    """The clouds behind vehicles on a wet road: as wide as they are, thicker the faster."""
    if extinction_per_m <= 0.0:
        return np.zeros(0, PRIMITIVE)
    wet = np.array([a.classification in bodies.SPRAYS and a.speed > SPRAY_FROM_MPS for a in actors], bool)
    size, place, velocity, yaw, grade, bank = (values[wet] for values in places)
    found = np.zeros(len(size), PRIMITIVE)
    heavy = size[:, 0] > 8.0
    length, height = np.where(heavy, 14.0, 7.0), np.where(heavy, 2.4, 1.1)
    behind = -0.5 * size[:, 0] - 0.5 * length
    found["centre"] = place + np.column_stack([np.cos(yaw) * behind, np.sin(yaw) * behind, grade * behind + 0.5 * height])
    found["velocity"], found["cosine"], found["sine"], found["grade"], found["bank"] = (
        velocity,
        np.cos(yaw),
        np.sin(yaw),
        grade,
        bank,
    )
    found["half"] = 0.5 * np.column_stack([length, size[:, 1], height])
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    fast = np.clip((speed - SPRAY_FROM_MPS) / (SPRAY_FULL_MPS - SPRAY_FROM_MPS), 0.0, 1.5)
    found["post_m"] = extinction_per_m * fast * np.where(heavy, 2.0, 1.0)
    found["slot"], found["label"], found["shape"] = -1, Label.NOISE, Shape.VOLUME
    return found


def of_own(ego: EgoTruth) -> np.ndarray:
    """Cab, frame and trailer in the vehicle's frame, by the plant's outline where there is one."""
    boxes = []
    units = _outline(ego)
    front, rear, width = units[0]
    boxes.append((front - 0.5 * CAB_M, 0.0, 0.0, CAB_M, width, 0.5, CAB_HEIGHT_M))
    boxes.append((0.5 * (front - CAB_M + rear), 0.0, 0.0, front - CAB_M - rear, width, 0.5, CHASSIS_M))
    if len(units) > 1:
        x, y, yaw, length, wide = units[1]
        boxes.append((x, y, yaw, length, wide, TRAILER_FROM_M, TRAILER_TO_M))
    found = np.zeros(len(boxes), PRIMITIVE)
    table = np.array(boxes)
    found["centre"] = np.column_stack([table[:, 0], table[:, 1], 0.5 * (table[:, 5] + table[:, 6])])
    found["cosine"], found["sine"] = np.cos(table[:, 2]), np.sin(table[:, 2])
    found["half"] = 0.5 * np.column_stack([table[:, 3], table[:, 4], table[:, 6] - table[:, 5]])
    found["reflectivity"], found["slot"], found["own"] = OWN_PAINT, -1, 1
    found["label"], found["detail"] = Label.OWN, Detail.PLAIN
    return found


def _outline(ego: EgoTruth) -> list[tuple[float, ...]]:
    """Tractor (front, rear, width) and trailer (x, y, yaw, length, width), vehicle's frame."""
    if ego.outline is None:
        return [TRACTOR]
    turn = complex(math.cos(ego.yaw), -math.sin(ego.yaw))
    units = [[(complex(*corner) - complex(ego.x, ego.y)) * turn for corner in unit] for unit in np.asarray(ego.outline, float)]
    along = [corner.real for corner in units[0]]
    across = [corner.imag for corner in units[0]]
    found = [(max(along), min(along), max(across) - min(across))]
    for corners in units[1:]:
        middle = sum(corners) / 4.0
        ahead = 0.5 * (_nearer(corners, 1.0) - _nearer(corners, -1.0))
        found.append((middle.real, middle.imag, math.atan2(ahead.imag, ahead.real), 2.0 * abs(ahead),
                      min(abs(a - b) for a in corners for b in corners if a != b)))  # fmt: skip
    return found


def _nearer(corners: list[complex], sign: float) -> complex:
    """Middle of the two corners that are furthest ahead (or behind)."""
    ordered = sorted(corners, key=lambda corner: -sign * corner.real)
    return 0.5 * (ordered[0] + ordered[1])
