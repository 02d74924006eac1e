import pytest

from hil.suites import lane_change


@pytest.mark.slow
def test_the_rows_of_the_loaded_truck_meet_their_aims():
    rows = lane_change.rows(quick=True, jobs=1, output=None)
    missed = [row["figure"] for row in rows if row["met"] is False]
    assert len(rows) == 17 and not missed, missed
    accelerations = [row["value"] for row in rows if row["figure"].endswith("acceleration, tractor")]
    assert min(accelerations) > 0.3, "a lane is changed"
