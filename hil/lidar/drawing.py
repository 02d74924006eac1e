"""A turn as pictures: from above by label and by intensity, and as the sensor sees it. Needs matplotlib."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hil.lidar.emulator import Emulator, Turn, beams
from hil.lidar.labels import Label
from hil.pyplot import pyplot

COLOURS = {Label.GROUND: "0.65", Label.OBSTACLE: "red", Label.MARKING: "blue", Label.EDGE: "darkorange", Label.NOISE: "magenta",
           Label.STRUCTURE: "c", Label.OWN: "green", Label.VERGE: "olive"}  # fmt: skip
BRIGHTEST = 120


def vehicle_points(emulator: Emulator, turn: Turn) -> np.ndarray:
    """(columns, rings, 3) of the first return in the vehicle's frame at the turn's begin; NaN where there is none."""
    beam, origin, _ = beams(emulator.model, 2.0 * math.pi / emulator.columns)
    yaw = -turn.azimuth[:, None, None]
    distance = np.where(turn.range_m[..., 0] > 0.0, turn.range_m[..., 0], np.nan)[..., None]
    at = beam * distance + origin
    seen = np.concatenate([np.cos(yaw) * at[..., :1] - np.sin(yaw) * at[..., 1:2],
                           np.sin(yaw) * at[..., :1] + np.cos(yaw) * at[..., 1:2], at[..., 2:]], axis=-1)  # fmt: skip
    mounting = emulator.mounting
    seen = seen @ mounting.turn().T + [mounting.x_m, mounting.y_m, mounting.z_m]
    moved = turn.poses[1] - turn.poses[0]
    cosine, sine = math.cos(turn.poses[0, 3]), math.sin(turn.poses[0, 3])
    share = (turn.column_time_ns - turn.column_time_ns[0]) / 1e8
    seen[..., 0] += share[:, None] * (cosine * moved[0] + sine * moved[1])
    seen[..., 1] += share[:, None] * (cosine * moved[1] - sine * moved[0])
    return seen


def draw_turn(emulator: Emulator, turn: Turn, path: Path, title: str = "", ahead_m: float = 100.0) -> None:
    plots = pyplot()
    points, labels, intensity = vehicle_points(emulator, turn), turn.labels[..., 0], turn.intensity[..., 0]
    figure, axes = plots.subplots(4, 1, figsize=(13, 15), layout="constrained", height_ratios=(3, 3, 1.6, 1.6))
    for label, colour in COLOURS.items():
        at = points[labels == label]
        axes[0].scatter(at[:, 0], at[:, 1], s=0.8, c=colour, linewidths=0, label=label.name.lower())
    axes[0].legend(markerscale=8, loc="upper left", ncols=4, fontsize=8)
    _boxes(axes[0], turn)
    seen = labels != Label.NONE
    axes[1].set_facecolor("black")
    axes[1].scatter(
        points[seen][:, 0], points[seen][:, 1], s=0.8, c=np.minimum(intensity[seen], BRIGHTEST), cmap="inferno", linewidths=0
    )
    for axis in axes[:2]:
        axis.set(xlim=(-0.4 * ahead_m, ahead_m), ylim=(-20.0, 34.0), aspect="equal", ylabel="y [m]")
    axes[1].set_xlabel("x [m], vehicle")
    order = np.argsort(-np.arctan2(np.sin(-turn.azimuth + _zero(emulator)), np.cos(-turn.azimuth + _zero(emulator))))
    distance = np.where(turn.range_m[..., 0] > 0.0, turn.range_m[..., 0], np.nan)
    axes[2].imshow(distance[order].T[::-1], aspect="auto", vmax=ahead_m, cmap="turbo", interpolation="nearest")
    axes[2].set_ylabel("range, beam from above")
    axes[3].imshow(np.minimum(intensity, BRIGHTEST)[order].T[::-1], aspect="auto", cmap="gray", interpolation="nearest")
    axes[3].set(ylabel="intensity", xlabel="column, from behind by the left side to behind")
    axes[0].set_title(title)
    figure.savefig(path, dpi=90)
    plots.close(figure)


def _zero(emulator: Emulator) -> float:
    return math.radians(emulator.model.zero_yaw_deg)


def _boxes(axis, turn: Turn) -> None:
    for row in turn.boxes.table:
        corners = np.array([(0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)]) * [row["length"], row["width"]]
        c, s = math.cos(row["yaw"]), math.sin(row["yaw"])
        axis.plot(
            row["x"] + c * corners[:, 0] - s * corners[:, 1],
            row["y"] + s * corners[:, 0] + c * corners[:, 1],
            color="k",
            linewidth=0.6,
        )
