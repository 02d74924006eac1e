"""`autonomy calibrate` on drives of a truck that is other than its vehicle file says: error and sigma of each value.

Tyres, steering, wheels, resistance and air differ from what the stack is told by a draw of each seed, the trailer is told 0.7 m
short. Loads 14.5 to 49 t, every other drive in wind. Made on seeds 1, 2 and 201 to 204.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from hil.suites import _calibration_drive
from hil.suites._calibration_drive import Case
from hil.suites._pool import mapped
from hil.suites._row import row_of

TITLE = "what calibrate finds of a truck from one drive: error and sigma of each value"
SEEDS = (11, 12, 13, 14, 15, 16)
PLANTS = ("plants/eu_4x2_40t", "plants/eu_4x2_empty", "plants/eu_4x2_49t", "plants/eu_4x2_half")
NAMES = {  # of the truth: row of the calibration, unit shown, its size
    "mass": ("mass", "t", 1e-3), "rolling resistance": ("rolling resistance", "", 1.0), "drag area": ("drag area", "m2", 1.0),
    "wheel radius": ("wheel radius", "mm", 1e3), "steering dead time": ("steering dead time", "ms", 1e3),
    "steering lag": ("steering lag", "ms", 1e3), "steering play": ("steering play", "deg", np.degrees(1.0)),
    "steering offset": ("steering offset at the road wheel", "deg", np.degrees(1.0)),
    "front tyre factor": ("front tyre factor", "", 1.0), "driven tyre factor": ("driven tyre factor", "", 1.0),
    "trailer tyre factor": ("trailer tyre factor", "", 1.0), "trailer wheelbase": ("trailer wheelbase", "m", 1.0),
    "shaft delay": ("shaft delay", "ms", 1e3), "wheel delay": ("wheel speed delay in the truck step", "ms", 1e3),
}  # fmt: skip
AIMS = {"steering dead time": 20.0, "steering lag": 20.0}  # ms


def rows(*, quick: bool, jobs: int, output: Path | None) -> list[dict]:
    seeds = SEEDS[:2] if quick else SEEDS
    pieces = [(Case(PLANTS[(seed - 1) % len(PLANTS)], seed, wind=seed % 2 == 0), output) for seed in seeds]
    driven = mapped(calibrated, pieces, jobs)
    table = []
    for name, (_, unit, size) in NAMES.items():
        found = [figures[name] for figures in driven if name in figures]
        if not found:
            continue
        error, sigma, worst = (np.array(column) for column in zip(*found, strict=True))
        greatest = float(size * np.max(np.abs(error)))
        aim = AIMS.get(name)
        told, met = ("", None) if aim is None else (f"<= {aim:g}", greatest <= aim)
        table.append(row_of(f"{name}: greatest error of {len(found)} drives", greatest, unit, told, met))
        table.append(row_of(f"{name}: sigma, mean", float(size * sigma.mean()), unit))
        table.append(row_of(f"{name}: greatest error over sigma", float(worst.max()), "", "<= 3", bool(worst.max() <= 3.0)))
    learned = [figures["learned"] for figures in driven]
    table.append(row_of("values written for the stack, fewest of a drive", float(min(learned)), ""))
    return table


def calibrated(piece: tuple[Case, Path | None]) -> dict:
    """(error, sigma, error over sigma) by name of the truth."""
    from autonomy.calibration import drive, sensors
    from autonomy.calibration import truck as batch

    case, output = piece
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if output is None else output / f"{Path(case.plant).name}_{case.seed}"
        truth = _calibration_drive.record(case, folder) | {"shaft delay": 0.0, "wheel delay": 0.0}
        log = folder / "output.mcap"
        run = drive.run(log)
        sensed = sensors.as_overrides(sensors.states(run, run.ego))
        found = batch.calibrate(log, None, sensed, lambda text: None)
    rows = {row.name: row for row in found.rows}
    figures = {"learned": len(found.values)}
    for name, (row, _, _) in NAMES.items():
        if row in rows:
            error = rows[row].value - float(truth[name])
            figures[name] = error, rows[row].sigma, abs(error) / rows[row].sigma
    return figures
