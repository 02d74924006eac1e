"""A bird's-eye picture of one scan: points by label, boxes, lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy.errors import MissingPackage
from autonomy.output_folder import writing
from autonomy.perception.perceive import CLASSES, EDGES, SIDES, TYPES, Found

COLOURS = ("#bbbbbb", "#8a7f70", "#2b6cb0", "#e0a800", "#7b3fa0", "#d62728")  # by label
LABELS = ("none", "ground", "obstacle", "marking", "edge", "noise")
CLASS_COLOURS = ("#555555", "#1f9d55", "#0b5345", "#c2185b", "#e63900", "#b8860b", "#90a4ae")
LONGEST_M = 120.0  # shown to either side at most
INCHES_WIDE = 14.0
TALLEST, FLATTEST = 2.0, 0.3  # height of a picture, in its widths
EMPTY = -10.0, 10.0, -10.0, 10.0  # m, shown when there is nothing


def draw(path: Path, found: Found, title: str) -> None:
    """Writes a PNG. Raises MissingPackage without matplotlib, EnvironmentFault when it cannot be written."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Polygon
    except ImportError:
        raise MissingPackage("drawing", "matplotlib", "plot", ", or give --no-pictures") from None

    west, east, south, north = window(found.points)
    figure = Figure(figsize=(INCHES_WIDE, INCHES_WIDE * (north - south) / (east - west)), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for label in (0, 1, 5, 2, 4, 3):
        chosen = found.labels == label
        axes.plot(found.points[chosen, 0], found.points[chosen, 1], ",", color=COLOURS[label], rasterized=True)
        axes.plot([], [], "s", color=COLOURS[label], label=LABELS[label], markersize=4)
    for obstacle in found.obstacles:
        colour = CLASS_COLOURS[obstacle["classification"]]
        is_structure = obstacle["classification"] == CLASSES.index("structure")
        axes.add_patch(Polygon(corners(obstacle), fill=False, edgecolor=colour, linewidth=0.5 if is_structure else 1.2))
        if not is_structure and west < obstacle["x"] < east and south < obstacle["y"] < north:
            axes.text(obstacle["x"], obstacle["y"], CLASSES[obstacle["classification"]], fontsize=5, color=colour, clip_on=True)
    for line in found.lanes:
        x = np.linspace(line["x_min"], line["x_max"], 60)
        name = f"{SIDES[line['side']]}: {EDGES[line['edge_kind']] or TYPES[line['type']]}"
        axes.plot(x, np.polyval(line["c"][::-1], x), "-", linewidth=1.0, label=name)
    if nothing := missing(found.points):
        axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", va="center")
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal", title=title, xlabel="x / m", ylabel="y / m")
    axes.legend(loc="upper right", fontsize=6, ncols=2)
    with writing(path):
        figure.savefig(path, bbox_inches="tight")


def window(points: np.ndarray) -> tuple[float, float, float, float]:
    """West, east, south, north of what is shown: nearly all points, no more than LONGEST_M to a side; a strip is shown with what
    lies beside it."""
    if missing(points):
        return EMPTY
    low, high = np.quantile(_near(points), [0.005, 0.995], axis=0)
    low, high = np.maximum(low - 2.0, -LONGEST_M), np.minimum(high + 2.0, LONGEST_M)
    wide, tall = high - low
    more = 0.5 * np.maximum([tall / TALLEST - wide, FLATTEST * wide - tall], 0.0)
    (west, south), (east, north) = (low - more).tolist(), (high + more).tolist()
    return west, east, south, north


def missing(points: np.ndarray) -> str | None:
    """What is to be said of a picture without points."""
    if len(_near(points)):
        return None
    return f"no points within {LONGEST_M:g} m" if np.isfinite(points[:, :3]).all(axis=1).any() else "no points"


def _near(points: np.ndarray) -> np.ndarray:
    """(n, 2) of those that can be shown."""
    finite = points[np.isfinite(points[:, :3]).all(axis=1), :2]
    return finite[(np.abs(finite) <= LONGEST_M).all(axis=1)]


def corners(obstacle: np.void) -> np.ndarray:
    """(4, 2) of a box."""
    cosine, sine = np.cos(obstacle["yaw"]), np.sin(obstacle["yaw"])
    half = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * 0.5 * np.array([obstacle["length"], obstacle["width"]])
    return half @ np.array([[cosine, sine], [-sine, cosine]]) + [obstacle["x"], obstacle["y"]]
