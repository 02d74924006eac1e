import numpy as np
import pytest

from autonomy.planning import plan_twin
from hil.suites import speed
from tests.step_parameters import step_parameters


def test_a_trace_is_driven_as_it_was_recorded(tmp_path):
    recorded = np.r_[np.full(5, 16.0), np.full(20, 29.0), np.full(20, 3.0)]
    path = tmp_path / "trace.csv"
    path.write_text("cycSecs,cycMps\n" + "".join(f"{second},{value}\n" for second, value in enumerate(recorded)))
    found, _ = speed.trace(path, 40.0)
    np.testing.assert_allclose(found[::100], recorded[:40])
    cut, _ = speed.trace(path, 40.0, cut=True)
    assert (cut <= found + 0.01).all() and cut.max() <= speed.FASTEST_LEAD
    assert np.diff(cut[::100]).max() <= speed.MOST_ACCELERATION


def test_a_truck_of_40_t_follows_a_gentle_lead_and_no_sudden_one():
    plan = step_parameters()["plan"]

    def follows(lead):
        truck = speed.IdealTruck(plan, 20.0, plan_twin.desired_gap(plan, 20.0))
        return np.array([truck.follows(value) for value in lead])

    t = np.arange(0.0, 20.0, speed.TICK_S)
    assert follows(np.full(len(t), 20.0)).all() and follows(20.0 - 0.2 * t).all() and follows(20.0 + 0.1 * t).all()
    assert not follows(np.minimum(20.0 + t, 24.0))[-1] and not follows(20.0 + 0.4 * t)[-1]  # 28 m/s are beyond its limit


def test_the_jerk_leaves_emergencies_out():
    n = 1000
    acceleration = np.where(np.arange(n) < 500, 0.0, -5.0)
    drive = speed.Drive(*(np.zeros(n) for _ in range(2)), acceleration, *(np.zeros(n) for _ in range(3)),
                        2 * (np.arange(n) >= 490))  # fmt: skip
    assert np.abs(speed.jerk(drive)).max() == 0.0
    assert speed.braked_in_full(drive).mean() == pytest.approx(0.51)
    for firm in (0, 1):  # braking from 1.8 m/s2 on is no emergency
        assert np.abs(speed.jerk(drive._replace(emergency=np.full(n, firm)))).max() > 1.0


def test_what_does_not_count_is_told():
    n = 1000
    flat = np.zeros(n)
    drive = speed.Drive(np.where(np.arange(n) < 100, 8.0, 10.0), flat + 10.0, flat, flat, flat, np.arange(n) < 100, flat)
    rows = {row["figure"]: row for row in speed.figures([("grade", 36.0, 0.06)], [drive])}
    assert rows["speed error p99, +6 % at 36 km/h"]["met"]
    assert rows["... of the drive that counts, engine not at its limit"]["value"] == pytest.approx(40.0)
    assert rows["... speed error p99 of the whole drive"]["value"] == pytest.approx(7.2)


def test_the_largest_gap_errors_are_told_beside_the_rms(tmp_path):
    n = round(speed.SETTLING_S / speed.TICK_S)
    flat = np.zeros(2 * n)
    gap = np.r_[np.full(n, 99.0), np.full(n // 2, 31.0), np.full(n - n // 2, 28.0)]  # what settles is not counted
    drive = speed.Drive(flat, flat, flat, gap, flat + 30.0, flat, flat, np.r_[np.ones(2 * n - 10, bool), np.zeros(10, bool)])
    path = tmp_path / "town.csv"
    path.write_text("cycSecs,cycMps\n" + "".join(f"{second},10.0\n" for second in range(41)))
    rows = {row["figure"]: row["value"] for kind in ("trace", "trace as recorded")
            for row in speed.figures([(kind, str(path), 40.0)], [drive])}  # fmt: skip
    for name in ("gap error RMS behind town, cut to a truck's", "gap error RMS behind town as recorded, all of it"):
        assert rows[name] == pytest.approx(np.sqrt(2.5), rel=1e-3)
    assert rows["... longer than wanted, at most"] == 1.0 and rows["... shorter than wanted, at most"] == 2.0
    assert rows["... share of the time"] == pytest.approx(100.0 * (1.0 - 10 / n))


@pytest.mark.slow
@pytest.mark.real_data
def test_the_gap_is_kept_behind_the_trace_that_is_hardest_to_follow(data_directory):
    task = ("trace", str(data_directory / "drive_cycles" / f"{speed.TRACES[0]}.csv"), speed.TRACE_S)
    rows = speed.figures([task], [speed._drive(task)])
    assert not [row for row in rows if row["met"] is False]
    shortest = next(row["value"] for row in rows if row["figure"].startswith("... shorter"))
    assert shortest < 2.5


@pytest.mark.slow
def test_behind_a_lead_that_stops_the_truck_stops_softly():
    """Messages level: no firm braking for a gentle lead, and no jolt but those of the gearbox."""
    task = ("stop and go", 1.5, 0.0)
    rows = {row["figure"]: row for row in speed.figures([task], [speed._drive(task)])}
    assert rows["... of it apart from the gear shifts"]["met"]
    assert rows["... hardest braking"]["value"] < 2.0
    assert -1.0 < rows["... gap standing less the wanted one"]["value"] < 3.5


@pytest.mark.slow
def test_grade_and_stop_meet_their_aims():
    tasks = [("grade", 80.0, -speed.GRADE), ("grade", 40.0, speed.GRADE), ("stop", 50.0, 0.0), ("stop", 80.0, 0.0)]
    rows = speed.figures(tasks, [speed._drive(task) for task in tasks])
    assert not [row for row in rows if row["met"] is False]
