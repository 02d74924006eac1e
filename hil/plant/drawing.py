"""Pictures of the plant's figures, as files. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy.physics import STANDARD_GRAVITY_MPS2
from hil.plant.multibody import Comparison
from hil.pyplot import pyplot


def draw_comparison(run: Comparison, path: Path) -> None:
    """Yaw rates, articulation and roll of the multibody simulation and of the plant over time."""
    plots = pyplot()
    time = run.recorded["t"] - run.recorded["t"][0]
    figure, axes = plots.subplots(3, 1, figsize=(9, 7), sharex=True, layout="constrained")
    panels = (("yaw_rate", "yaw_rate", "tractor yaw rate [deg/s]"), ("articulation", "hitch", "articulation [deg]"),
              ("trailer_roll", "tr_roll", "trailer roll [deg]"))  # fmt: skip
    for axis, (field, column, label) in zip(axes, panels, strict=True):
        axis.plot(time, np.degrees(run.recorded[column]), color="0.55", linewidth=2.5, label="multibody simulation")
        axis.plot(time, np.degrees(run.plant[field]), color="C3", linewidth=1.0, label="plant")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[0].legend(loc="upper right")
    axes[0].set_title(run.name)
    axes[-1].set_xlabel("time [s]")
    figure.savefig(path, dpi=110)
    plots.close(figure)


def draw_lane_change(states: np.ndarray, axles: np.ndarray, front: np.ndarray, title: str, path: Path) -> None:
    """Paths of first and last axle, lateral accelerations, of hil.plant.manoeuvres.single_sine."""
    plots = pyplot()
    figure, (above, below) = plots.subplots(2, 1, figsize=(9, 6), layout="constrained")
    above.plot(axles[:, 0, 0], axles[:, 0, 1], label="steer axle")
    above.plot(axles[:, -1, 0], axles[:, -1, 1], label="last trailer axle")
    above.set(xlabel="x [m]", ylabel="y [m]", title=title)
    time = np.arange(len(states)) * 0.01
    below.plot(time, front / STANDARD_GRAVITY_MPS2, label="steer axle")
    below.plot(time, states["trailer_ay"] / STANDARD_GRAVITY_MPS2, label="trailer")
    below.set(xlabel="time [s]", ylabel="lateral acceleration [g]")
    for axis in (above, below):
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left")
    figure.savefig(path, dpi=110)
    plots.close(figure)
