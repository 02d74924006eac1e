import tomllib

import pytest

from autonomy import config as configuration
from hil.longitudinal.disturbances import Case, grid
from hil.suites import cut_in

# Near the edge of what the brakes can do; a slow drift beside the front; a lane change that ends behind the truck
HARD = [Case("cut_in", 80.0, 40.0, 30.0, 1.0, 0.0, 0.0), Case("cut_in", 90.0, 40.0, 40.0, 1.8, 0.0, 0.0),
        Case("cut_in", 60.0, 50.0, 5.0, 0.2, 0.0, 0.0), Case("cut_in", 80.0, 40.0, 50.0, 0.2, 0.0, 0.0),
        Case("cut_out", 80.0, 0.0, 60.0, 1.8, 0.0, 2.4), Case("braking_lead", 90.0, 0.0, 0.0, 0.0, 10.0, 2.0)]  # fmt: skip


def test_no_hard_case_is_hit_that_a_reference_driver_avoids():
    outcomes = cut_in.drive(HARD, jobs=1)
    for i, case in enumerate(HARD):
        theirs = [outcomes[name][i].impact for name in ("fsm", "careful")]
        assert outcomes["stack"][i].impact is None or None not in theirs, case


def test_a_cut_in_far_ahead_at_nearly_the_own_speed_is_not_braked_for_hard():
    """No harder than a gap of half the wanted length is opened."""
    most = tomllib.loads((configuration.directory() / "tick.toml").read_text())["plan"]["gap_recovery_short"]
    outcomes = cut_in.drive([Case("cut_in", 80.0, 75.0, 25.0, 1.0, 0.0, 0.0)], jobs=1)
    assert outcomes["stack"][0].braking < most <= 1.5


@pytest.mark.slow
def test_the_rows_of_a_small_grid(tmp_path):
    rows = cut_in.rows(quick=True, jobs=2, output=tmp_path)
    missed = [row["figure"] for row in rows if row["met"] is False]
    assert not missed, missed
    assert (tmp_path / "cases.csv").read_text().count("\n") == len(list(grid(quick=True))) + 1


@pytest.mark.slow
def test_the_radar_alone_sees_the_cut_ins_in_time():
    """No ready-made tracks: positions and range rates. What the regulation wants avoided is."""
    due = [case for case in grid(quick=True) if cut_in.must_be_avoided(case)][::4]
    outcomes = cut_in.drive(due, jobs=2, radar=True)
    assert not [case for case, outcome in zip(due, outcomes["stack"], strict=True) if outcome.impact is not None]
