"""Road users against the obstacles told: who is at most half hidden must be told as a thing of its own, near where it is."""

from __future__ import annotations

import math

import numpy as np

from autonomy.perception.perceive import CLASSES
from hil.suites._perception.drive import MOUNTING, TURN_S, Drive, Sight

LEAST_VISIBLE = 0.5
GROWN_M = 0.5  # the told middle lies within the true box grown by this
LARGER_M = 1.6  # told longer or wider by more it is one with something else
CLEAR_M = 0.5  # who stands nearer to somebody is not judged: docs/perception.md tells that they may become one
# What is judged: (name, classes, least m, most m)
BANDS = (("car to 80 m", ("car", "van"), 8.0, 80.0), ("car 80 to 120 m", ("car", "van"), 80.0, 120.0),
         ("truck to 80 m", ("truck",), 12.0, 80.0), ("motorcycle to 60 m", ("motorcycle",), 8.0, 60.0),
         ("pedestrian to 40 m", ("pedestrian",), 8.0, 40.0), ("pedestrian 40 to 60 m", ("pedestrian",), 40.0, 60.0),
         ("debris to 35 m", ("debris",), 8.0, 35.0), ("debris 35 to 50 m", ("debris",), 35.0, 50.0))  # fmt: skip


def boxes_now(sight: Sight) -> np.ndarray:
    """The true boxes where the sensor met them: it turns from behind over the left, and who drives has moved on."""
    table = sight.turn.boxes.table.copy()
    bearing = np.arctan2(table["y"] - MOUNTING.y_m, table["x"] - MOUNTING.x_m)
    later = TURN_S * (math.pi - bearing) / (2.0 * math.pi)
    for _ in range(2):
        x, y = table["x"] + later * table["velocity_x"], table["y"] + later * table["velocity_y"]
        later = TURN_S * (math.pi - np.arctan2(y - MOUNTING.y_m, x - MOUNTING.x_m)) / (2.0 * math.pi)
    table["x"], table["y"] = x, y
    return table


def inside(x: np.ndarray, y: np.ndarray, box: np.void, grown_m: float) -> np.ndarray:
    cosine, sine = math.cos(box["yaw"]), math.sin(box["yaw"])
    dx, dy = x - box["x"], y - box["y"]
    return ((np.abs(cosine * dx + sine * dy) < 0.5 * box["length"] + grown_m)
            & (np.abs(cosine * dy - sine * dx) < 0.5 * box["width"] + grown_m))  # fmt: skip


class UserTally:
    copied = False

    def __init__(self, drive: Drive):
        self.scans = 0
        self.counts = {name: [0, 0] for name, *_ in BANDS}  # judged, found
        self.missed: list[tuple] = []

    def add(self, sight: Sight) -> None:
        self.scans += 1
        table, classes, share = boxes_now(sight), sight.turn.boxes.classes, sight.turn.boxes.visible_share()
        ranges = np.hypot(table["x"] - MOUNTING.x_m, table["y"] - MOUNTING.y_m)
        told = sight.found.obstacles
        told = told[(told["edge"] == 0) & (told["classification"] != CLASSES.index("structure"))]
        for number, box in enumerate(table):
            band = band_of(classes[number], ranges[number])
            if band is None or not share[number] >= LEAST_VISIBLE or not is_clear(table, number):
                continue
            near = told[inside(told["x"], told["y"], box, GROWN_M)]
            longest = np.maximum(near["length"], near["width"]) - max(box["length"], box["width"])
            found = bool((longest < LARGER_M).any())
            self.counts[band][0] += 1
            self.counts[band][1] += found
            if not found:
                self.missed.append((self.scans, band, round(float(box["x"]), 1), round(float(box["y"]), 1), int(box["rays"]),
                                    len(near)))  # fmt: skip

    def tally(self) -> dict:
        return {"scans": self.scans, **self.counts, "missed": self.missed[:300]}


def band_of(kind: str, range_m: float) -> str | None:
    return next((name for name, kinds, least, most in BANDS if kind in kinds and least <= range_m < most), None)


def is_clear(table: np.ndarray, number: int) -> bool:
    """Nobody's box within CLEAR_M of this one's middle line, by the other's axes and the larger half of this one."""
    box = table[number]
    if box["length"] > 2.0:
        return True  # vehicles keep their distance by themselves, and what stands about is smaller
    half = 0.5 * max(box["length"], box["width"])
    return not any(inside(np.array([box["x"]]), np.array([box["y"]]), other, half + CLEAR_M)[0]
                   for k, other in enumerate(table) if k != number)  # fmt: skip
