"""The plant beside a multibody simulation: the same road wheel angle, brakes and speed; yaw rate, articulation, roll compared.

The recordings are those of `data/chrono_kraz` (Project Chrono's Kraz, ORIGIN.txt there): steer step, single sines of 0.25, 0.4
and 0.6 Hz, braking. Errors are normalised by the recorded signal's own RMS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autonomy.errors import BadInputError
from autonomy.tick_period import TICK_S
from hil.plant.plant import Plant, PlantCommand, Surroundings

DRY = 0.8
BRAKE_TORQUE_NM = 138e3  # [V] all wheels at full brakes: six of 10 kN m, six of 13 kN m
RECORDINGS = ("v10_a10_36t", "v18_a06_36t", "v18_a06_51t", "v21.5_a06_36t", "v21.5_a06_mu35_36t", "v21.5_a12_36t")
COMPARED = {"yaw_rate": "yaw_rate", "trailer_yaw_rate": "tr_yaw_rate", "articulation": "hitch", "roll": "roll"}


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
    return float(name.rsplit("_", 1)[-1].removesuffix("t"))


def friction(name: str) -> float:
    return 0.35 if "mu35" in name else DRY


def load_plant(name: str, overrides: dict | None = None) -> Plant:
    """The Kraz at the recording's mass."""
    return Plant.load("plants/kraz_51t" if mass_tonnes(name) > 40.0 else "plants/kraz", overrides)


def compare(plant: Plant, name: str, recorded: np.ndarray) -> Comparison:
    """Drives the plant along a recording."""
    angle = 0.5 * (recorded["delta_fl"] + recorded["delta_fr"])
    road = Surroundings(friction=friction(name))
    speed = np.maximum(recorded["v"], 0.0)
    plant.reset(speed=float(speed[0]))
    for _ in range(500):  # into the steady state that the recording begins in
        plant.step(TICK_S, PlantCommand(float(angle[0]), held_speed_mps=float(speed[0])), road)
    states = np.empty(len(recorded), plant.state.dtype)
    full = BRAKE_TORQUE_NM / (float(plant.parameters["wheel_radius"]) * plant.mass)
    brake = full * np.maximum(recorded["brake"], 0.0)
    for row in range(len(recorded)):
        command = PlantCommand(float(angle[row]), brake_deceleration_mps2=float(brake[row]), held_speed_mps=float(speed[row]))
        states[row] = plant.step(TICK_S, command, road)
    cruising = np.minimum.accumulate(recorded["brake"] <= 0.0).astype(bool)
    return Comparison(name, recorded, states, cruising)


SINES_HZ = (0.25, 0.4, 0.6)
SETTLING_S = 2.5  # after a sine, in which the trailer's answer still comes


def _excited(run: Comparison) -> list[slice]:
    """Rows of the steer step and of each single sine."""
    steered = np.abs(run.recorded["steer_in"]) > 1e-9
    edges = np.flatnonzero(np.diff(np.concatenate([[0], steered.astype(int), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def rearward_amplification(run: Comparison) -> list[tuple[float, float, float]]:
    """(Hz, recorded, plant): peak yaw rate of the trailer over the tractor's for each single sine."""
    found = []
    for frequency, rows in zip(SINES_HZ, _excited(run)[1:], strict=False):
        rows = slice(rows.start, rows.stop + round(SETTLING_S / TICK_S))
        ratios = [np.abs(of[trailer][rows]).max() / np.abs(of["yaw_rate"][rows]).max()
                  for of, trailer in ((run.recorded, "tr_yaw_rate"), (run.plant, "trailer_yaw_rate"))]  # fmt: skip
        found.append((frequency, float(ratios[0]), float(ratios[1])))
    return found


def effective_wheelbase(run: Comparison) -> tuple[float, float]:
    """m, recorded and plant: road wheel angle over curvature in the last second of the steer step."""
    step = _excited(run)[0]
    rows = slice(step.stop - round(1.0 / TICK_S), step.stop)
    angle = 0.5 * (run.recorded["delta_fl"] + run.recorded["delta_fr"])[rows]
    return (float(np.mean(angle) * np.mean(run.recorded["v"][rows]) / np.mean(run.recorded["yaw_rate"][rows])),
            float(np.mean(angle) * np.mean(run.plant["speed"][rows]) / np.mean(run.plant["yaw_rate"][rows])))  # fmt: skip


def rollover_onset(run: Comparison, roll: float = 0.10) -> tuple[float, float]:
    """s from the recording's begin until the trailer leans by `roll`, recorded and plant; NaN when it never does."""
    found = []
    for lean in (run.recorded["tr_roll"], run.plant["trailer_roll"]):
        passed = np.flatnonzero(np.abs(lean) > roll)
        found.append(float(run.recorded["t"][passed[0]] - run.recorded["t"][0]) if len(passed) else math.nan)
    return found[0], found[1]
