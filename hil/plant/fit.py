"""Fits the Kraz plant's tyres and roll to the multibody recordings and prints the values to be written into its file.

    python -m hil.plant.fit DIRECTORY [RECORDING ...]

DIRECTORY holds `chrono_kraz`. Least squares (SciPy) over yaw rates, articulation and roll before braking, each normalised by the
recording's own RMS. Takes a few minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from hil.plant.multibody import COMPARED, compare, load_plant, read

# name -> (start, lowest, highest); what each one sets is in `apply`
FITTED = {
    "stiffness_steer": (420e3, 150e3, 1500e3), "stiffness_drive": (480e3, 150e3, 1500e3),
    "stiffness_trailer": (490e3, 150e3, 1500e3), "sensitivity_steer": (0.1, 0.02, 1.5), "sensitivity_drive": (0.5, 0.02, 1.5),
    "sensitivity_trailer": (0.5, 0.02, 1.5), "relaxation": (0.25, 0.1, 2.0), "roll_steer_axle": (0.06e6, 0.05e6, 2e6),
    "roll_drive_axle": (0.28e6, 0.05e6, 2e6), "roll_trailer_axle": (0.57e6, 0.05e6, 2e6), "damping": (4.5e4, 2e3, 2e5),
    "height": (1.7, 0.9, 2.2), "grip": (0.9, 0.6, 2.0), "reach": (3.0, 1.2, 12.0),
}  # fmt: skip
WEIGHTS = {"yaw_rate": 1.0, "trailer_yaw_rate": 0.7, "articulation": 1.0, "roll": 0.4}
EVERY = 5  # of the 100 Hz rows


def apply(parameters: np.ndarray, values: dict[str, float]) -> None:
    """Into the kernel's struct: three tractor axles, three of the trailer."""
    for field, name in (("cornering_stiffness", "stiffness"), ("load_sensitivity", "sensitivity")):
        parameters[field][:6] = np.repeat([values[f"{name}_steer"], values[f"{name}_drive"], values[f"{name}_trailer"]], [1, 2, 3])
    parameters["relaxation"][:6] = values["relaxation"]
    parameters["roll_stiffness"][:6] = np.repeat([values[f"roll_{axle}_axle"] for axle in ("steer", "drive", "trailer")], [1, 2, 3])
    parameters["roll_damping"][:6] = values["damping"]
    parameters["sprung_height"][1] = values["height"]
    parameters["grip_lateral"], parameters["peak_reach"] = values["grip"], values["reach"]


def fit(directory: Path, names: tuple[str, ...]) -> dict[str, float]:
    recordings = {name: read(directory, name) for name in names}
    start, lowest, highest = (np.array(column) for column in zip(*FITTED.values(), strict=True))

    def residuals(scaled: np.ndarray) -> np.ndarray:
        values = dict(zip(FITTED, scaled * start, strict=True))
        found = []
        for name, recorded in recordings.items():
            plant = load_plant(name)
            apply(plant.parameters, values)
            run = compare(plant, name, recorded)
            rows = np.flatnonzero(run.cruising)[::EVERY]
            for field, column in COMPARED.items():
                truth = recorded[column][rows]
                error = (run.plant[field][rows] - truth) / np.sqrt(np.mean(truth**2) * len(rows))
                found.append(WEIGHTS[field] * np.nan_to_num(error, nan=10.0))
        return np.concatenate(found)

    result = least_squares(residuals, np.ones(len(start)), bounds=(lowest / start, highest / start), diff_step=3e-3, max_nfev=25,
                           verbose=2)  # fmt: skip
    return dict(zip(FITTED, result.x * start, strict=True))


if __name__ == "__main__":
    chosen = tuple(sys.argv[2:]) or ("v18_a06_36t", "v21.5_a06_36t", "v21.5_a06_mu35_36t")
    for key, value in fit(Path(sys.argv[1]), chosen).items():
        print(f"{key:22s} {value:.5g}")
