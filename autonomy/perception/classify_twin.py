"""What a box is, as a list of conditions in their order: the twin of ext/autonomy/perception/_classify.pyx."""

from __future__ import annotations

import numpy as np

UNKNOWN, CAR, TRUCK, MOTORCYCLE, PEDESTRIAN, DEBRIS, STRUCTURE = range(7)
POINTS_SURE, TRUCK_WIDTH_LEAST = 12.0, 1.8


def kind_of(p: dict, box: dict) -> int:
    """Classification of a box before it is completed."""
    length, width, top, bottom = (box[name] for name in ("length", "width", "top", "bottom"))
    is_tall, is_bridge_high = top >= p["truck_height_least"], top > p["clearance_m"] - 0.1
    is_low, is_long = top < p["debris_height_most"], length > p["car_length_most"]
    rules = (
        (box["edge"] or bottom > p["hanging_m"], STRUCTURE),
        (length > p["vehicle_length_most"] or width > p["vehicle_width_most"], STRUCTURE),
        (length > p["rail_length_least"] and width < p["rail_width_most"] and not is_tall, STRUCTURE),
        (length < p["pole_side_most"] and top > p["person_height_most"], STRUCTURE),
        (is_bridge_high and (width < TRUCK_WIDTH_LEAST or not is_long), STRUCTURE),
        (is_tall, TRUCK if length > p["truck_side_least"] else STRUCTURE),
        (is_long, TRUCK if top > p["car_height_least"] else STRUCTURE),
        (is_low, DEBRIS if length < p["debris_side_most"] else STRUCTURE),
        (length <= p["person_side_most"] and p["person_height_least"] <= top <= p["person_height_most"], PEDESTRIAN),
        (p["motorcycle_length_least"] <= length <= p["motorcycle_length_most"] and width <= p["motorcycle_width_most"]
         and abs(box["yaw"]) < np.pi / 4 and top <= p["person_height_most"], MOTORCYCLE),
        (length >= p["car_side_least"] and top >= p["car_height_least"], CAR),
    )  # fmt: skip
    return next((kind for holds, kind in rules if holds), UNKNOWN)


def completed(p: dict, box: dict) -> dict:
    """A car's box at its least size, grown away from the sensor."""
    length, width, yaw = box["length"], box["width"], box["yaw"]
    along, across = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    middle = np.array([box["x"], box["y"]])
    if length < 0.6 * p["car_length"] and (abs(along @ middle) < abs(across @ middle) or width < 0.5 * p["car_width"]):
        length, width, yaw = width, length, yaw + (0.5 * np.pi if yaw <= 0 else -0.5 * np.pi)
    along, across = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    for axis, grown in ((along, p["car_length"] - length), (across, p["car_width"] - width)):
        if grown > 0:
            middle = middle + 0.5 * grown * (1 if axis @ middle > 0 else -1) * axis
    return box | {
        "x": middle[0],
        "y": middle[1],
        "yaw": yaw,
        "length": max(length, p["car_length"]),
        "width": max(width, p["car_width"]),
    }


def score(points: int, kind: int) -> float:
    return (1 - np.exp(-points / POINTS_SURE)) * (0.5 if kind == UNKNOWN else 1.0)
