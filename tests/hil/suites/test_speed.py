import numpy as np
import pytest

from autonomy.planning import plan_twin
from autonomy.tick_period import TICK_S
from hil.suites import _speed_drives, _speed_trace, speed
from tests.step_parameters import step_parameters


def written(path, speeds, grades=None):
    """A trace's file."""
    grades = np.zeros(len(speeds)) if grades is None else grades
    rows = [f"{second},{speed},{grade}\n" for second, (speed, grade) in enumerate(zip(speeds, grades, strict=True))]
    path.write_text("cycSecs,cycMps,cycGrade\n" + "".join(rows))
    return path


def test_a_trace_is_driven_as_it_was_recorded(tmp_path):
    recorded = np.r_[np.full(5, 16.0), np.full(20, 29.0), np.full(20, 3.0)]
    path = written(tmp_path / "trace.csv", recorded)
    found = speed.trace(path, 40.0).speed
    np.testing.assert_allclose(found[::100], recorded[:40])
    cut = speed.trace(path, 40.0, cut=True).speed
    assert (cut <= found + 0.01).all() and cut.max() <= _speed_trace.FASTEST_LEAD
    assert np.diff(cut[::100]).max() <= _speed_trace.CUT_ACCELERATION


def test_the_grade_is_where_the_recorded_truck_was(tmp_path):
    lead = speed.trace(written(tmp_path / "hill.csv", np.full(41, 20.0), np.r_[np.zeros(20), np.full(21, 0.05)]), 40.0)
    np.testing.assert_allclose(np.interp([300.0, 450.0, 800.0], lead.way, lead.grade), [0.0, np.arctan(0.05), np.arctan(0.05)])


def test_a_truck_of_40_t_follows_a_gentle_lead_and_no_sudden_one():
    plan = step_parameters()["plan"]

    def error(lead, grade=0.0):
        truck = _speed_trace.IdealTruck(plan, 20.0, plan_twin.desired_gap(plan, 20.0))
        return np.abs([truck.error(value, grade) for value in lead])

    t = np.arange(0.0, 20.0, TICK_S)
    for gentle in (np.full(len(t), 20.0), 20.0 - 0.2 * t, 20.0 + 0.1 * t):
        assert error(gentle).max() < _speed_trace.FOLLOWED_M
    for sudden in (np.minimum(20.0 + t, 24.0), 20.0 + 0.4 * t):  # 28 m/s are beyond its limit
        assert error(sudden).max() > _speed_trace.FOLLOWED_M
    assert error(np.full(len(t), 20.0), 0.05)[-1] > _speed_trace.FOLLOWED_M  # 5 % costs 0.5 m/s2


def test_what_the_truck_is_able_to_is_its_engines_power():
    speeds, most = _speed_trace.ability()
    at = dict(zip(np.round(speeds, 1).tolist(), most.tolist(), strict=True))
    for v in (10.0, 15.0, 20.0):  # W of 370 kW at 40 t, less rolling and air; shifts take their part
        power = 40e3 * v * (at[v] + 0.006 * 9.81 + 0.5 * 1.2 * 6.0 * v * v / 40e3)
        assert 0.55 * 370e3 < power < 1.05 * 370e3


def driven(n, **columns):
    """A drive of n ticks, zero where nothing is told."""
    return speed.Drive(**{name: columns.get(name, np.zeros(n)) for name in speed.Drive._fields})


def test_the_jerk_leaves_emergencies_out():
    n = 1000
    hard = driven(n, acceleration=np.where(np.arange(n) < 500, 0.0, -5.0), emergency=2 * (np.arange(n) >= 490))
    assert np.abs(speed.jerk(hard)).max() == 0.0
    assert speed.braked_in_full(hard).mean() == pytest.approx(0.51)
    for firm in (0, 1):  # braking from 1.8 m/s2 on is no emergency
        assert np.abs(speed.jerk(hard._replace(emergency=np.full(n, firm)))).max() > 1.0


def test_what_does_not_count_is_told():
    n = 1000
    slow = np.arange(n) < 100
    drive = driven(n, speed=np.where(slow, 8.0, 10.0), target=np.full(n, 10.0), full_load=slow, shifting=np.zeros(n, bool))
    rows = {row["figure"]: row for row in speed.figures([("grade", 36.0, 0.06)], [drive])}
    assert rows["speed error p99, +6 % at 36 km/h"]["met"]
    assert rows["... of the drive that counts"]["value"] == pytest.approx(40.0)
    assert rows["... speed error p99 of the whole drive"]["value"] == pytest.approx(7.2)


def test_a_shift_is_counted_with_the_speed_it_costs_and_left_out_beside_it():
    n = 1000
    slow = np.arange(n) < 100
    drive = driven(n, speed=np.where(slow, 9.0, 10.0), target=np.full(n, 10.0), full_load=np.zeros(n, bool), shifting=slow)
    rows = {row["figure"]: row for row in speed.figures([("grade", 36.0, 0.06)], [drive])}
    assert not rows["speed error p99, +6 % at 36 km/h"]["met"] and rows["... gear shifts, too, left out"]["met"]


def test_a_noisy_stop_that_does_not_stand_is_none():
    n = 100
    drive = driven(n, gap=np.full(n, 5.3), wanted_gap=np.full(n, 5.0))
    rows = {row["figure"]: row for row in speed.figures([("stop, noisy", 50.0, (1.0, 3))], [drive])}
    assert next(iter(rows.values()))["met"] and next(iter(rows.values()))["value"] == pytest.approx(0.3)
    rolls = speed.figures([("stop, noisy", 50.0, (1.0, 3))], [drive._replace(speed=np.ones(n))])
    assert rolls[0]["met"] is False


def test_the_largest_gap_errors_are_told_beside_the_rms(tmp_path):
    n = round(speed.SETTLING_S / TICK_S)
    gap = np.r_[np.full(n, 99.0), np.full(n // 2, 31.0), np.full(n - n // 2, 28.0)]  # what settles is not counted
    drive = driven(2 * n, gap=gap, wanted_gap=np.full(2 * n, 30.0), ideal=np.r_[np.zeros(2 * n - 10), np.full(10, 7.0)])
    path = written(tmp_path / "town.csv", np.full(41, 20.0))
    rows = {row["figure"]: row["value"] for kind in ("trace", "trace as recorded")
            for row in speed.figures([(kind, str(path), 40.0)], [drive])}  # fmt: skip
    name = "gap error RMS behind town"
    for figure in (f"{name}, cut to a truck's", f"{name} as recorded, where the engine's power can follow"):
        assert rows[figure] == pytest.approx(np.sqrt(2.5), rel=5e-3)
    assert rows["... longer than wanted, at most"] == 1.0 and rows["... shorter than wanted, at most"] == 2.0
    assert rows["... share of the time"] == pytest.approx(100.0 * (1.0 - 10 / n))
    assert rows["... of an ideal truck of the same power, all of it"] == pytest.approx(7.0 * np.sqrt(10 / n))


def test_a_lead_that_drove_away_stays_away_until_the_next_is_met(tmp_path):
    path = written(tmp_path / "fast.csv", np.r_[np.full(30, 31.0), np.full(10, 24.0)])
    gap = _speed_drives.drive(("trace as recorded", str(path), 39.0)).gap
    away = np.isnan(gap)
    left, met = np.flatnonzero(np.diff(away.astype(int))) + 1
    assert gap[left - 1] == pytest.approx(_speed_drives.LOST_M, abs=0.1)
    assert gap[met] < 80.0 and not away[met:].any()


@pytest.mark.slow
@pytest.mark.real_data
def test_the_gap_is_kept_behind_the_trace_that_is_hardest_to_follow(data_directory):
    task = ("trace", str(data_directory / "drive_cycles" / f"{_speed_trace.TRACES[0]}.csv"), _speed_trace.TRACE_S)
    rows = speed.figures([task], [_speed_drives.drive(task)])
    assert not [row for row in rows if row["met"] is False]
    shortest = next(row["value"] for row in rows if row["figure"].startswith("... shorter"))
    assert shortest < 2.5


@pytest.mark.slow
def test_behind_a_lead_that_stops_the_truck_stops_softly():
    """Messages level: no firm braking for a gentle lead, and no jolt but those of the gearbox."""
    task = ("stop and go", 1.5, 0.0)
    rows = {row["figure"]: row for row in speed.figures([task], [_speed_drives.drive(task)])}
    assert rows["... of it apart from the gear shifts"]["met"]
    assert rows["... hardest braking"]["value"] < 2.0
    assert -1.0 < rows["... gap standing less the wanted one"]["value"] < 3.5


@pytest.mark.slow
def test_grade_and_stop_meet_their_aims():
    tasks = [("grade", 80.0, -speed.GRADE), ("grade", 40.0, speed.GRADE), ("stop", 50.0, 0.0), ("stop", 80.0, 0.0)]
    rows = speed.figures(tasks, [_speed_drives.drive(task) for task in tasks])
    assert not [row for row in rows if row["met"] is False]
