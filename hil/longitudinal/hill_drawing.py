"""Speed, height, grade, gear and fuel of drives over the same hills, side by side over the distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hil.pyplot import pyplot

WORDS = {"plain": "plain cruise control", "predictive": "predictive, in gear", "rolling": "predictive, rolling allowed"}
COLOURS = {"plain": "#444444", "predictive": "#2a7fd4", "rolling": "#d4452a"}
PANELS = (
    "speed [km/h]", "grade [%] and height [10 m]", "gear (0 = out of gear)", "engine, retarder [kN m]",
    "fuel less than plain [kg]",
)  # fmt: skip


def draw(title: str, drives: dict, path: Path) -> None:
    """`drives`: {"plain": HillDrive, ...}; SVG or PNG by the name's ending. Raises MissingPackage without matplotlib."""
    plt = pyplot()
    figure, panels = plt.subplots(len(PANELS), 1, figsize=(11, 10), sharex=True, constrained_layout=True)
    plain = drives["plain"]
    for kind, drive in drives.items():
        km, colour = drive.distance_m / 1e3, COLOURS[kind]
        late = f", {drive.time_s[-1]:.0f} s, {drive.fuel_kg[-1]:.2f} kg"
        panels[0].plot(km, 3.6 * drive.speed, colour, lw=1.2, label=WORDS[kind] + late)
        panels[2].step(km, drive.gear, colour, lw=0.9, where="post")
        panels[3].plot(km, drive.engine_nm / 1e3, colour, lw=0.8)
        panels[3].plot(km, drive.retarder_nm / 1e3, colour, lw=0.8, ls=":")
        panels[4].plot(km, np.interp(km, plain.distance_m / 1e3, plain.fuel_kg) - drive.fuel_kg, colour, lw=1.2)
    km = plain.distance_m / 1e3
    height = np.concatenate([[0.0], np.cumsum(np.diff(plain.distance_m) * np.sin(plain.grade[1:]))])
    panels[1].plot(km, 100.0 * np.tan(plain.grade), "#7a5c2e", lw=1.0)
    panels[1].fill_between(km, 0.1 * (height - height.min()), color="#c9b48a", alpha=0.5, lw=0)
    for panel, label in zip(panels, PANELS, strict=True):
        panel.set_ylabel(label, fontsize=8)
        panel.grid(alpha=0.3)
    panels[0].set_title(title, fontsize=10)
    panels[0].legend(fontsize=8, loc="lower left", ncols=len(drives))
    panels[-1].set_xlabel("distance [km]")
    figure.savefig(path, dpi=90)
    plt.close(figure)
