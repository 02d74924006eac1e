import numpy as np
import pytest

from hil.suites import lane_change


@pytest.mark.slow
def test_the_rows_of_the_loaded_truck_meet_their_aims():
    rows = lane_change.rows(quick=True, jobs=1, output=None)
    missed = [row["figure"] for row in rows if row["met"] is False]
    assert len(rows) == 18 and not missed, missed
    accelerations = [row["value"] for row in rows if row["figure"].endswith("acceleration, tractor")]
    assert min(accelerations) > 0.3, "a lane is changed"


def test_the_damping_of_a_swing_is_told_from_its_decrement():
    time = np.arange(0.0, 8.0, 0.01)
    for ratio in (0.05, 0.2, 0.3):
        swing = np.radians(3.0) * np.exp(-ratio * 2.0 * time) * np.cos(2.0 * np.sqrt(1.0 - ratio**2) * time - 1.0)
        assert lane_change.damping_of(swing) == pytest.approx(ratio, abs=0.02)
    growing = np.radians(0.5) * np.exp(0.2 * time) * np.cos(2.0 * time - 1.0)
    assert lane_change.damping_of(growing) <= 0.0
    assert lane_change.damping_of(np.radians(0.05) * np.cos(2.0 * time)) == 1.0, "noise"
