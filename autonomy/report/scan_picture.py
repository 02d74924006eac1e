"""Scans seen from above: points by label, boxes by class, lines, and what the stack follows, as drawings in pixels.

Points are dots of a raster of half pixels. A scene holds them packed, as the steps from one to the next over the raster's
rows; the page's script unpacks them (templates/script.js.j2), and the scene that is drawn into the page has them as paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autonomy.report import birdseye
from autonomy.report.birdseye import AHEAD_M, BEHIND_M, MIDDLE, NOWHERE, PIXELS_PER_M, WIDTH, World

WORLD = World("scan", 300, 320)
CELLS_PER_PIXEL = 2
RASTER = (WIDTH * CELLS_PER_PIXEL, WORLD.far_height * CELLS_PER_PIXEL)
TOP = MIDDLE - 0.5 * WORLD.far_height
LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
BITS = 5  # of a step a letter, the lowest first; a letter of the alphabet's second half says that more come
# By label and by class: the style of what is drawn
DOTS = {1: "ground", 5: "noise", 4: "edge", 2: "thing", 3: "paint"}
CLASSES = ("other", "car", "truck", "person", "person", "other", "fixed")
PARTS = (
    "ground",
    "lines",
    "noise",
    "edge",
    "fixed",
    "other",
    "car",
    "truck",
    "person",
    "followed",
    "lead",
    "ego",
    "thing",
    "paint",
)
LINE_POINTS = 16


def scene(points: np.ndarray, labels: np.ndarray, boxes: np.ndarray, lines: np.ndarray, tracks: np.void, vehicle: Any,
          articulation: float) -> dict[str, Any]:  # fmt: skip
    """Of one scan: of each of DOTS the raster's cells, of all else path data. `points` (n, 2) m, `labels` (n,), rows of BOX and
    LINE (autonomy/viewers/scans.py), TrackList of the tick, VehicleParameters or None."""
    found: dict[str, Any] = {name: cells(points[labels == label]) for label, name in DOTS.items()}
    styles = np.array(CLASSES)[np.minimum(boxes["classification"], len(CLASSES) - 1)]
    styles[boxes["is_fixed"] > 0] = "fixed"
    seen = in_view(boxes)
    for style in ("fixed", "other", "car", "truck", "person"):
        found[style] = "".join(_box(box) for box in boxes[seen & (styles == style)]) or NOWHERE
    found["lines"] = "".join(_line(line) for line in lines) or NOWHERE
    followed, of_lead = birdseye.objects(tracks, WORLD.far_height)
    found["followed"], found["lead"] = birdseye.outlines(followed[~of_lead]), birdseye.outlines(followed[of_lead])
    found["ego"] = birdseye.mark() if vehicle is None else birdseye.combination(vehicle, articulation)
    return found


def in_view(boxes: np.ndarray) -> np.ndarray:
    half_m = 0.5 * WORLD.far_height / PIXELS_PER_M
    return (boxes["x"] > -BEHIND_M) & (boxes["x"] < AHEAD_M) & (np.abs(boxes["y"]) < half_m)


def drawing(title: str, times_s: Sequence[float], words: Sequence[str], scenes: Sequence[dict[str, Any]], still: int) -> str:
    """The SVG, showing scene number `still`."""
    told = (
        "|".join((f"{time:.2f}", text, *(packed(each[name]) if name in DOTS.values() else each[name] for name in PARTS)))
        for time, text, each in zip(times_s, words, scenes, strict=True)
    )
    shown = scenes[still]
    parts = [(name, dots(shown[name]) if name in DOTS.values() else shown[name]) for name in PARTS]
    raster = f"{RASTER[0]} {CELLS_PER_PIXEL} {TOP:g}"
    return birdseye.views(title, parts, words[still], ";".join(told), still, WORLD, raster)


def cells(points: np.ndarray) -> np.ndarray:
    """Of points (n, 2) in metres, the rising numbers of the raster's cells that hold some."""
    x = np.floor(CELLS_PER_PIXEL * PIXELS_PER_M * (points[:, 0] + BEHIND_M)).astype(np.int64)
    y = np.floor(CELLS_PER_PIXEL * (0.5 * WORLD.far_height - PIXELS_PER_M * points[:, 1])).astype(np.int64)
    inside = (x >= 0) & (x < RASTER[0]) & (y >= 0) & (y < RASTER[1])
    return np.unique(y[inside] * RASTER[0] + x[inside])


def packed(places: np.ndarray) -> str:
    """Rising cells as text that begins with a star."""
    steps = np.diff(places, prepend=0)
    letters = [steps >> BITS * digit for digit in range(5)]  # 25 bits: more than the raster has cells
    columns = np.stack([LETTERS[(rest & 31) + 32 * (rest > 31)] for rest in letters], axis=1)
    used = np.stack([np.ones(len(steps), bool), *(rest > 0 for rest in letters[1:])], axis=1)
    return "*" + "".join(columns[used].tolist())


def dots(places: np.ndarray) -> str:
    """Cells as path data."""
    down, across = np.divmod(places, RASTER[0])
    pairs = zip((across / CELLS_PER_PIXEL).tolist(), (down / CELLS_PER_PIXEL + TOP).tolist(), strict=True)
    return "".join(f"M{x:g} {y:g}h0" for x, y in pairs) or NOWHERE


def _box(box: np.void) -> str:
    centre, size = np.array([box["x"], box["y"]], float), np.array([box["length"], box["width"]], float)
    return birdseye.outline(np.zeros(2), size, centre, float(box["yaw"]))


def _line(line: np.void) -> str:
    x = np.linspace(max(line["x_min"], -BEHIND_M), min(line["x_max"], AHEAD_M), LINE_POINTS)
    return birdseye.line(np.stack([x, np.polyval(line["c"][::-1], x)], axis=1))
