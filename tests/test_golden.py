"""Change indication: what the stack said second by second on two drives, kept as a table; a moved number fails here first.

After a wanted change: `AUTONOMY_WRITE_GOLDEN=1 pytest tests/test_golden.py`, then read the difference of the CSV files.
Equal to the last bit is promised within one CPU family only (the mathematical library picks its variants), hence the
tolerance; it is far below what any change of an algorithm moves.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from autonomy import replay
from autonomy.log.importers.comma2k19 import convert
from hil import drive

FOLDER = Path(__file__).parent / "golden"
TOLERANCE = 1e-6
COLUMNS = {
    "east_m": ("ego", lambda ego: ego["position"][:, 0]),
    "north_m": ("ego", lambda ego: ego["position"][:, 1]),
    "speed_mps": ("ego", lambda ego: ego["speed"]),
    "yaw_rad": ("ego", lambda ego: ego["yaw"]),
    "position_sigma_m": ("ego", lambda ego: ego["sigma"][:, 0]),
    "speed_scale": ("ego", lambda ego: ego["speed_scale"]),
    "gnss_position_delay_s": ("ego", lambda ego: ego["gnss_position_delay_s"]),
    "lane_offset_m": ("lane", lambda lane: lane["offset"]),
    "curvature_1pm": ("lane", lambda lane: lane["curvature"]),
    "lead_distance_m": ("tracks", lambda tracks: tracks["lead_distance"]),
    "behaviour": ("plan", lambda plan: plan["behaviour"]),
    "road_wheel_angle_rad": ("control", lambda control: control["road_wheel_angle"]),
    "acceleration_mps2": ("control", lambda control: control["acceleration"]),
    "faults": ("health", lambda health: health["faults"]),
}


def trace(result) -> np.ndarray:
    """One row a second, the columns of COLUMNS."""
    topics = {name: result.topic(name) for name, _ in COLUMNS.values()}
    return np.stack([np.asarray(take(topics[name]), float)[::100] for name, take in COLUMNS.values()], axis=1)


def check(name: str, found: np.ndarray) -> None:
    path = FOLDER / f"{name}.csv"
    if os.environ.get("AUTONOMY_WRITE_GOLDEN") == "1":
        FOLDER.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([[repr(float(value)) for value in row] for row in found])
    with path.open() as file:
        header, *rows = csv.reader(file)
    expected = np.array(rows, float)
    assert header == list(COLUMNS) and expected.shape == found.shape
    same = np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    moved = [
        f"{header[column]} at {row} s: {expected[row, column]!r} -> {found[row, column]!r}" for row, column in np.argwhere(~same)
    ]
    assert not moved, f"{len(moved)} numbers of {path.name} moved, first {moved[:5]}"


def test_the_demonstration(tmp_path):
    check("demonstration", trace(replay(drive.record(tmp_path / "drive.mcap"))))


@pytest.mark.real_data
def test_pain_26_the_recorded_minute_moves_by_no_more_than_its_tolerance(data_directory, tmp_path):
    convert([data_directory / "comma2k19"], tmp_path / "drive.mcap")
    check("comma2k19", trace(replay(tmp_path / "drive.mcap")))
