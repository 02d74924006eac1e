"""What a return came from. The first six are those that perception gives points; ext/hil/lidar/_data.pxd has the same list."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    NONE = 0
    GROUND = 1
    OBSTACLE = 2  # its instance: the actor's id
    MARKING = 3  # its instance: the line's id
    EDGE = 4  # rails, barriers, walls: what bounds the road; its instance: the piece of furniture
    NOISE = 5  # drops, spray
    STRUCTURE = 6  # gantries, bridges, signs, posts
    OWN = 7  # the truck itself
    VERGE = 8


class Shape(IntEnum):
    BOX = 0
    FENCE = 1
    VOLUME = 2


class Detail(IntEnum):
    PLAIN = 0
    CAR_ENDS = 1
    TRUCK_ENDS = 2
    TAPED = 3
