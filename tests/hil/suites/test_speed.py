import numpy as np
import pytest

from hil.suites import speed


def test_a_trace_is_cut_to_what_a_loaded_truck_can_follow():
    trace = np.r_[np.full(5, 15.0), np.full(60, 24.0), np.full(20, 3.0)]
    found = speed.drivable(trace)
    assert (found <= trace).all() and np.diff(found).max() <= speed.LEAD_ACCELERATION and found[-1] == 3.0


def test_the_jerk_leaves_emergencies_out():
    n = 1000
    acceleration = np.where(np.arange(n) < 500, 0.0, -5.0)
    drive = speed.Drive(*(np.zeros(n) for _ in range(2)), acceleration, *(np.zeros(n) for _ in range(3)),
                        np.arange(n) >= 490)  # fmt: skip
    assert np.abs(speed.jerk(drive)).max() == 0.0
    assert np.abs(speed.jerk(drive._replace(emergency=np.zeros(n)))).max() > 1.0


def test_what_does_not_count_is_told():
    n = 1000
    flat = np.zeros(n)
    drive = speed.Drive(np.where(np.arange(n) < 100, 8.0, 10.0), flat + 10.0, flat, flat, flat, np.arange(n) < 100, flat)
    rows = {row["figure"]: row for row in speed.figures([("grade", 36.0, 0.06)], [drive])}
    assert rows["speed error p99, +6 % at 36 km/h"]["met"]
    assert rows["... of the drive that counts, engine not at its limit"]["value"] == pytest.approx(40.0)
    assert rows["... speed error p99 of the whole drive"]["value"] == pytest.approx(7.2)


def test_the_largest_gap_errors_are_told_beside_the_rms():
    n = round(speed.SETTLING_S / speed.TICK_S)
    flat = np.zeros(2 * n)
    gap = np.r_[np.full(n, 99.0), np.full(n // 2, 31.0), np.full(n - n // 2, 28.0)]  # what settles is not counted
    drive = speed.Drive(flat, flat, flat, gap, flat + 30.0, flat, flat)
    rows = {row["figure"]: row["value"] for row in speed.figures([("trace", "town.csv", 40.0)], [drive])}
    assert rows["gap error RMS behind town"] == pytest.approx(np.sqrt(2.5), rel=1e-3)
    assert rows["... longer than wanted, at most"] == 1.0 and rows["... shorter than wanted, at most"] == 2.0


@pytest.mark.slow
@pytest.mark.real_data
def test_the_gap_is_kept_behind_the_trace_that_is_hardest_to_follow(data_directory):
    task = ("trace", str(data_directory / "drive_cycles" / f"{speed.TRACES[0]}.csv"), speed.TRACE_S)
    rows = speed.figures([task], [speed._drive(task)])
    assert not [row for row in rows if row["met"] is False]
    shortest = next(row["value"] for row in rows if row["figure"].startswith("... shorter"))
    assert shortest < 2.5


@pytest.mark.slow
def test_grade_and_stop_meet_their_aims():
    tasks = [("grade", 80.0, -speed.GRADE), ("grade", 40.0, speed.GRADE), ("stop", 50.0, 0.0), ("stop", 80.0, 0.0)]
    rows = speed.figures(tasks, [speed._drive(task) for task in tasks])
    assert not [row for row in rows if row["met"] is False]
