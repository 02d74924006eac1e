"""Who touches the truck, and who is in its way: boxes against boxes, and against the track it is on."""

from __future__ import annotations

import math

from hil.world import Actor, Truth

NEAR_M = 30.0  # a truck's and a car's half lengths, and more
EGO_LENGTH_M = 16.5  # where a world shows no outline


def touching(truth: Truth, front: float, width: float) -> set[int]:
    """Identifiers of the actors whose box overlaps tractor or trailer (separating axes)."""
    ego = truth.ego
    near = [actor for actor in truth.actors if (actor.x - ego.x) ** 2 + (actor.y - ego.y) ** 2 < NEAR_M**2]
    if not near:
        return set()
    if ego.outline is not None:
        boxes = [unit.tolist() for unit in ego.outline]
    else:
        boxes = [_box(ego.x, ego.y, ego.yaw, front, front - EGO_LENGTH_M, width)]
    return {actor.id for actor in near if any(_overlap(box, _corners(actor)) for box in boxes)}


def closest_ahead(truth: Truth, front: float, width: float) -> tuple[float, float]:
    """(gap in m, its speed along the lane) of the nearest body the truck would run into as it goes; infinite without one."""
    ego, road = truth.ego, truth.road
    cosine, sine = math.cos(ego.yaw), math.sin(ego.yaw)
    best, speed = math.inf, 0.0
    for actor in truth.actors:
        dx, dy = actor.x - ego.x, actor.y - ego.y
        x = cosine * dx + sine * dy
        if x <= 0.0 or x - front > best + actor.length:
            continue
        aside = (
            -sine * dx + cosine * dy + road.heading_error * x - 0.5 * road.curvature * x * x - road.curvature_rate * x**3 / 6.0
        )
        turned = abs(actor.yaw - ego.yaw - road.curvature * x)
        gap = x - 0.5 * actor.length - front
        if abs(aside) < 0.5 * (width + actor.width) + 0.5 * actor.length * math.sin(min(turned, 0.3)) and gap < best:
            best, speed = gap, actor.speed
    return max(best, 0.0), speed


def _corners(actor: Actor) -> list[tuple[float, float]]:
    return _box(actor.x, actor.y, actor.yaw, 0.5 * actor.length, -0.5 * actor.length, actor.width)


def _box(x: float, y: float, yaw: float, front: float, rear: float, width: float) -> list[tuple[float, float]]:
    cosine, sine, half = math.cos(yaw), math.sin(yaw), 0.5 * width
    return [(x + cosine * along - sine * aside, y + sine * along + cosine * aside)
            for along, aside in ((front, half), (rear, half), (rear, -half), (front, -half))]  # fmt: skip


def _overlap(one, other) -> bool:
    """Two rectangles, corners in order."""
    for box in (one, other):
        for (ax, ay), (bx, by) in ((box[0], box[1]), (box[1], box[2])):
            nx, ny = by - ay, ax - bx
            first = [nx * x + ny * y for x, y in one]
            second = [nx * x + ny * y for x, y in other]
            if max(first) < min(second) or max(second) < min(first):
                return False
    return True
