"""The plant beside a multibody simulation: the same road wheel angle and speed, then yaw rate, articulation and roll compared.

The recordings are those of `data/chrono_kraz` (Project Chrono's Kraz, ORIGIN.txt there): steer step, single sines of 0.25, 0.4
and 0.6 Hz, braking. Errors are normalised by the recorded signal's own RMS.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonomy.errors import BadInputError
from hil.plant.plant import Plant, PlantCommand, Surroundings

DRY = 0.8
RECORDINGS = ("v10_a10_36t", "v18_a06_36t", "v18_a06_51t", "v21.5_a06_36t", "v21.5_a06_mu35_36t", "v21.5_a12_36t")
COMPARED = {"yaw_rate": "yaw_rate", "trailer_yaw_rate": "tr_yaw_rate", "articulation": "hitch", "roll": "roll"}
TICK_S = 0.01
CRUISE_SHARE = 0.9  # braking begins where the speed falls below this share of the cruise


@dataclass
class Comparison:
    """`recorded` and `plant`: the same rows, 100 Hz; `recorded` with the recording's own column names."""

    name: str
    recorded: np.ndarray
    plant: np.ndarray
    cruising: np.ndarray  # (rows,) bool, before braking

    def error(self, field: str, rows=slice(None)) -> float:
        """Normalised RMS of a PlantState field."""
        truth = self.recorded[COMPARED[field]][rows]
        return float(np.sqrt(np.mean((self.plant[field][rows] - truth) ** 2) / np.mean(truth**2)))


def read(directory: Path, name: str) -> np.ndarray:
    """The 100 Hz part of a recording. Raises BadInputError."""
    path = directory / "chrono_kraz" / f"{name}.csv.gz"
    try:
        rows = np.genfromtxt(path, delimiter=",", names=True, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: cannot be read as a recording of the multibody simulation: {error}") from None
    return rows[rows["phase"] == 1]


def mass_tonnes(name: str) -> float:
    return float(name.rsplit("_", 1)[1].removesuffix("t"))


def friction(name: str) -> float:
    return 0.35 if "mu35" in name else DRY


def load_plant(name: str, overrides: dict | None = None) -> Plant:
    """The Kraz at the recording's mass."""
    return Plant.load("plants/kraz_51t" if mass_tonnes(name) > 40.0 else "plants/kraz", overrides)


def compare(plant: Plant, name: str, recorded: np.ndarray) -> Comparison:
    """Drives the plant along a recording."""
    angle = 0.5 * (recorded["delta_fl"] + recorded["delta_fr"])
    road = Surroundings(friction=friction(name))
    plant.reset(x=float(recorded["x"][0]), y=float(recorded["y"][0]), yaw=float(recorded["psi"][0]), speed=float(recorded["v"][0]))
    for _ in range(500):  # into the steady state that the recording begins in
        plant.step(TICK_S, PlantCommand(float(angle[0]), held_speed_mps=float(recorded["v"][0])), road)
    states = np.empty(len(recorded), plant.state.dtype)
    for row in range(len(recorded)):
        states[row] = plant.step(TICK_S, PlantCommand(float(angle[row]), held_speed_mps=max(float(recorded["v"][row]), 0.0)), road)
    cruising = np.minimum.accumulate(recorded["brake"] <= 0.0).astype(bool)
    return Comparison(name, recorded, states, cruising)
