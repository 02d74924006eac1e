"""Fits the Kraz plant to the multibody recordings and prints the values to be written into its two files.

    python -m hil.plant.fit DIRECTORY

DIRECTORY holds `chrono_kraz`. Least squares (SciPy) from the values in the files, over yaw rates, articulation and roll before
braking, each normalised by the recording's own RMS: tyres and roll from all of FROM, the place, height and inertia of the load
from the 51 t recording. What is not in FROM is left to judge the result by. Takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from hil.plant.multibody import COMPARED, compare, load_plant, read

AXLES = (1, 2, 3)  # steer, drive, trailer
# name -> (section.key, which of its values, lowest, highest); values None = a single number
TYRES = {
    "stiffness_steer": ("tyres.cornering_stiffness", 0, 150e3, 1500e3),
    "stiffness_drive": ("tyres.cornering_stiffness", 1, 150e3, 1500e3),
    "stiffness_trailer": ("tyres.cornering_stiffness", 2, 150e3, 1500e3),
    "sensitivity_steer": ("tyres.load_sensitivity", 0, 0.01, 1.5),
    "sensitivity_drive": ("tyres.load_sensitivity", 1, 0.01, 1.5),
    "sensitivity_trailer": ("tyres.load_sensitivity", 2, 0.01, 1.5),
    "relaxation": ("tyres.relaxation_m", slice(None), 0.05, 2.0),
    "roll_steer_axle": ("tyres.roll_stiffness", 0, 0.04e6, 2e6),
    "roll_drive_axle": ("tyres.roll_stiffness", 1, 0.05e6, 2e6),
    "roll_trailer_axle": ("tyres.roll_stiffness", 2, 0.05e6, 2e6),
    "roll_damping": ("tyres.roll_damping", slice(None), 2e3, 2e5),
    "grip": ("tyres.grip_lateral", None, 0.6, 2.0),
    "reach": ("tyres.peak_reach", None, 1.2, 15.0),
}
LOAD = {
    "behind": ("trailer.cg_behind_m", None, 4.5, 7.2),
    "load_height": ("trailer.sprung_height_m", None, 1.2, 2.6),
    "radius": ("trailer.yaw_radius_m", None, 2.0, 4.5),
}
WEIGHTS = {"yaw_rate": 1.0, "trailer_yaw_rate": 0.7, "articulation": 1.0, "roll": 0.7}
EVERY = 5  # of the 100 Hz rows
FROM = ("v18_a06_36t", "v18_a06_51t", "v21.5_a06_36t", "v21.5_a06_mu35_36t", "v21.5_a12_36t")


def overrides(fitted: dict, values: np.ndarray) -> dict[str, object]:
    """`section.key` -> value or list over the axles."""
    found: dict[str, object] = {}
    for (key, place, _, _), value in zip(fitted.values(), values, strict=True):
        if place is None:
            found[key] = float(value)
        else:
            groups = np.asarray(found.get(key, np.zeros(3)), float)
            groups[place] = value
            found[key] = groups
    return {key: np.repeat(value, AXLES).tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}


def start_values(fitted: dict, table: dict) -> np.ndarray:
    """What the checked tables of a plant hold."""
    found = []
    for key, place, _, _ in fitted.values():
        section, name = key.split(".")
        value = table[section][name]
        found.append(float(value) if place is None else float(value[[0, 1, 3]][place if isinstance(place, int) else 0]))
    return np.array(found)


def fit(directory: Path, evaluations: int) -> dict[str, float]:
    """All of TYRES and LOAD."""
    recordings = {name: read(directory, name) for name in FROM}
    start = np.concatenate([start_values(TYRES, load_plant("36t").table), start_values(LOAD, load_plant("51t").table)])
    lowest, highest = (np.array([row[k] for row in [*TYRES.values(), *LOAD.values()]]) / start for k in (2, 3))

    def residuals(scaled: np.ndarray) -> np.ndarray:
        own, load = np.split(scaled * start, [len(TYRES)])
        found = []
        for name, recorded in recordings.items():
            changed = overrides(TYRES, own) | (overrides(LOAD, load) if name.endswith("51t") else {})
            run = compare(load_plant(name, changed), name, recorded)
            rows = np.flatnonzero(run.cruising)[::EVERY]
            for field, column in COMPARED.items():
                truth = recorded[column][rows]
                error = (run.plant[field][rows] - truth) / np.sqrt(np.mean(truth**2) * len(rows))
                found.append(WEIGHTS[field] * np.nan_to_num(error, nan=10.0))
        return np.concatenate(found)

    result = least_squares(residuals, np.clip(np.ones(len(start)), lowest, highest), bounds=(lowest, highest), diff_step=3e-3,
                           max_nfev=evaluations, verbose=2)  # fmt: skip
    return dict(zip([*TYRES, *LOAD], result.x * start, strict=True))


if __name__ == "__main__":
    for key, value in fit(Path(sys.argv[1]), evaluations=20).items():
        print(f"{key:22s} {value:.5g}")
