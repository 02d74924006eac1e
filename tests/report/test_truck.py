"""The report shows what the truck step learned, with the truth where a log has it."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import msg
from autonomy.report.drive import Drive
from autonomy.report.sections import truck
from tests.report import drives


@pytest.fixture
def run():
    made = drives.run(1000)
    states = made.outputs["truck"]
    states["mass_kg"], states["mass_sigma_kg"], states["mass_excited"] = 39000.0, 800.0, 1
    states["grade_sigma"] = states["friction_sigma"] = states["articulation_sigma"] = 0.01
    states["has_trailer"] = 1
    return made


def truth_of(run) -> np.ndarray:
    truth = np.zeros(200, msg.dtype("ReferenceTruck"))
    truth["time_ns"] = run.outputs["truck"]["time_ns"][::5]
    for name in truth.dtype.names[1:]:
        truth[name] = np.nan
    truth["mass_kg"] = 40000.0
    truth["grade"] = np.where(np.arange(200) < 100, 0.0, 0.05)  # beyond three sigma for half of the time
    return truth


def test_values_sigma_truth_and_the_share_beyond_are_told(run, monkeypatch):
    monkeypatch.setattr(Drive, "truck_truth", truth_of(run))
    section = truck.section(Drive(run))
    rows = {row[0]: row for row in section.tables[0].rows}
    assert rows["Mass"][1].startswith("39.00") and rows["Mass"][3] == "40.00" and rows["Mass"][5] == "yes"
    assert rows["Mass"][4] == "0 %" and rows["Grade"][4].startswith(("49", "50"))
    drawn = {figure.title: [label for _, _, label in figure.legend] for figure in section.figures}
    assert rows["Friction"][3] == "" and "truth" not in drawn["Friction"] and "truth" in drawn["Mass"]
    assert not section.missing and len(section.figures) == len(truck.ESTIMATES)


def test_the_bounds_of_the_mass_stand_beside_the_truth(run, monkeypatch):
    run.outputs["truck"]["mass_low_kg"], run.outputs["truck"]["mass_high_kg"] = 36600.0, np.linspace(39000.0, 41000.0, 1000)
    monkeypatch.setattr(Drive, "truck_truth", truth_of(run))
    row = truck.section(Drive(run)).tables[0].rows[1]
    assert row[1] == "36.60 to 41.00 t" and row[3] == "40.00" and row[4].startswith(("49", "50"))


def test_what_no_log_tells_has_a_value_and_no_truth(run, monkeypatch):
    run.outputs["truck"]["trailer_tyre_factor"], run.outputs["truck"]["trailer_tyre_factor_sigma"] = 0.9, 0.1
    monkeypatch.setattr(Drive, "truck_truth", truth_of(run))
    row = next(row for row in truck.section(Drive(run)).tables[0].rows if row[0] == "Tyre factor, trailer")
    assert row[1].startswith("0.9") and row[2].startswith("0.3") and row[3:5] == ("", "")


def test_without_truth_or_trailer_the_page_says_so(run):
    run.outputs["truck"]["has_trailer"] = 0
    section = truck.section(Drive(run))
    assert "/ref/truck" in section.missing and len(section.figures) == len(truck.ESTIMATES) - len(truck.OF_THE_TRAILER)


def test_a_step_that_said_nothing_is_told(run):
    run.outputs["truck"]["mass_sigma_kg"] = 0.0
    assert "said nothing" in truck.section(Drive(run)).missing
