import numpy as np
import pytest

from hil.lateral.kernel_loop import step_response
from hil.lateral.linear_loop import places, settling_time
from hil.suites import _robustness_drives as drives
from hil.suites import robustness


@pytest.mark.parametrize(("vehicle", "mass", "speed", "delay", "lag"), [
    ("us_6x4_53ft", 15e3, 29.0, 0.05, 0.1), ("openpbs_6x2", 16.8e3, 14.0, 0.35, 0.3), ("demo_truck", 49e3, 29.0, 0.35, 0.3),
])  # fmt: skip
def test_the_controllers_code_settles_as_the_matrix_says(vehicle, mass, speed, delay, lag):
    lateral, figures = robustness.parameters(f"vehicles/{vehicle}")
    loop = robustness.LinearLoop(lateral, figures, speed=speed, mass=mass, delay=delay, lag=lag)
    free, _ = step_response(f"vehicles/{vehicle}", speed, mass, delay, lag, 0.2, 10.0, 1.875)
    assert np.abs(free - loop.offsets(0.2, 10.0)).max() < 0.012, "from 0.5 m the bound on the jerk cuts off what is asked first"
    offsets, _ = step_response(f"vehicles/{vehicle}", speed, mass, delay, lag, 0.5, 10.0, 1.875)
    assert settling_time(offsets[:, 0], 0.05) <= 5.0 and settling_time(offsets[:, 1], 0.05) <= 8.0
    assert np.abs(offsets[-100:]).max() < 0.01, "it hunts"


# What is reached where the aim is missed, docs/lateral-control.md says why; it may get better, not worse
REACHED_S = {
    "with all limits, tyres +-30 %: tractor, slowest": 7.0,
    "whole loop, 12 closest cells: 0.5 m to 0.15 m, tractor, slowest": 9.0,
    "whole loop, closest cells: 0.5 m to 0.15 m, trailer, slowest": 9.4,
}  # fmt: skip
REACHED_M = {"whole loop, closest cells: nearest to the line from 2 s on": -0.08}


@pytest.mark.slow
def test_the_ends_of_every_range_meet_their_aims_and_settling_on_unknown_tyres_takes_no_longer_than_it_did(tmp_path):
    rows = robustness.rows(quick=True, jobs=1, output=tmp_path)
    missed = [row["figure"] for row in rows if row["met"] is False and row["figure"] not in REACHED_S | REACHED_M]
    assert len(rows) >= 26 and not missed, missed
    values = {row["figure"]: row["value"] for row in rows}
    for figure, bound in REACHED_S.items():
        assert values[figure] <= bound, figure
    for figure, bound in REACHED_M.items():
        assert values[figure] >= bound, figure
    assert (tmp_path / "grid.svg").read_text().count("<rect") == 1 + 9 * 6


def test_the_corners_of_the_combination_are_judged_and_not_its_axles_alone():
    lateral, figures = robustness.parameters("vehicles/demo_truck")
    loop = robustness.LinearLoop(lateral, figures, speed=25.0, mass=40e3, delay=0.2, lag=0.2)
    x = np.zeros((1, 12))
    x[0, [3, 4, 5]] = loop.model.place(0.1, 0.02, 0.05)
    offset, axles, front, rear = places(loop.model, figures, x)[0]
    assert front == pytest.approx(0.1 + 0.02 * loop.model.front_m) and offset == 0.1
    overhang = float(figures["rear_overhang_m"]) - loop.model.hitch_m - loop.model.trailer_m
    assert rear == pytest.approx(axles - overhang * 0.07) and overhang > 2.0


def test_the_closest_cells_are_the_least_damped_and_the_slowest_and_none_twice():
    table = np.zeros(40, [("damping", float), ("tractor_s", float), ("cell", int)])
    table["cell"], table["damping"], table["tractor_s"] = np.arange(40), np.linspace(0.2, 0.9, 40), 4.0
    table["tractor_s"][[0, 3, 20, 21, 22, 23, 24]] = 4.9, 4.8, 4.7, 4.6, 4.5, 4.4, 4.3
    chosen = drives.closest(table)["cell"]
    assert chosen.tolist() == [0, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 6]


def test_a_cell_that_was_not_driven_meets_nothing():
    rows = drives.rows([(4.0, 6.0, 0.3, 0.1), (np.inf, np.inf, -np.inf, np.inf)])
    assert {row["met"] for row in rows if row["aim"]} == {False}
    assert {row["met"] for row in drives.rows([(4.0, 6.0, 0.3, 0.1)]) if row["aim"]} == {True}
