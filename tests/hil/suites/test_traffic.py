"""One road of SUMO's motorway, driven by the stack: the rules of the road hold, and the rows say so."""

import pytest

from hil.suites import traffic


@pytest.mark.slow
def test_one_seed_is_driven_without_touching_anybody_or_a_line():
    pytest.importorskip("sumo")
    drive = traffic._drive(1)
    rows = {row["figure"]: row for row in traffic._ours([drive], quick=True)}
    kept = ("drives the stack never took over in", "collisions", "drives with a corner over the line", "speed kept")
    assert [name for name in kept if not rows[name]["met"]] == []
    assert rows["distance driven by the stack"]["value"] > 4.5 and rows["distance driven by the stack"]["met"] is None
    assert drive["hard_brakes"] == 0  # two in twenty such drives would be the aim's share of one in five
    assert rows["lane offset, largest"]["met"] and rows["ticks with a valid path to a stop in the lane"]["value"] > 80.0
    assert rows["jerk, 99 %"]["met"] and rows["time to collision, smallest"]["value"] > 2.0


def test_a_drive_that_never_began_or_went_wrong_misses_its_aims():
    figures = {"distance_m": 900.0, "hard_brakes": 3, "out_of_lane_share": 0.1, "lane_offset_max_m": 0.6, "min_ttc_s": 0.4,
               "speed_kept": 0.5, "fallback_valid_share": 0.4, "driven_s": 0.0, "collisions": 1, "realtime_factor": 2.0,
               "jerk": [3.0]}  # fmt: skip
    rows = traffic._ours([figures], quick=False)
    assert {row["figure"] for row in rows if row["met"]} == set() and sum(row["met"] is False for row in rows) == 8
