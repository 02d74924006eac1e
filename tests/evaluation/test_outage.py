"""Drift without GNSS on outputs whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy import msg
from autonomy.evaluation.outage import outage_metrics
from autonomy.geodesy import enu_to_geodetic
from tests.evaluation.test_reference import ORIGIN, drive

SECOND = 10**9


def turning(error_mps: float, period_s: float, phase_s: float, delay_s: float = 0.0):
    """100 s on a circle of 200 m radius at 20 m/s, drifting east; poses every `period_s`, late by `delay_s`."""
    ego, _ = drive()
    seconds = ego["time_ns"] * 1e-9
    rate = 20.0 / 200.0

    def at(time):
        return np.column_stack([200.0 * np.cos(rate * time), 200.0 * np.sin(rate * time), 0.0 * time])

    def velocity(time):
        return np.column_stack([-20.0 * np.sin(rate * time), 20.0 * np.cos(rate * time), 0.0 * time])

    ego["position"], ego["velocity"] = at(seconds), velocity(seconds)
    ego["position"][:, 0] += error_mps * seconds
    times = np.arange(phase_s, 100.0, period_s)
    poses = np.zeros(len(times), msg.dtype("ReferencePose"))
    poses["time_ns"] = np.round(times * 1e9)
    poses["latitude_deg"], poses["longitude_deg"], poses["altitude_m"] = enu_to_geodetic(at(times - delay_s), ORIGIN)
    poses["velocity_east"], poses["velocity_north"], _ = velocity(times).T
    return ego, poses


def test_drift_is_relative_to_the_start_of_the_outage():
    ego, truth = drive(error=(7.0, 0.0), drift=0.05)
    found = outage_metrics(ego, truth, 40 * 10**9, 80 * 10**9)
    assert found["distance_m"] == pytest.approx(400.0, abs=0.01)
    assert found["drift_m"] == pytest.approx(2.0, abs=0.01)
    assert found["drift_percent"] == pytest.approx(0.5, abs=0.01)
    assert found["start_s"] == pytest.approx(40.0) and found["note"] is None


def test_nothing_valid_gives_nulls():
    ego, truth = drive()
    ego["status"] = 0
    assert set(outage_metrics(ego, truth, 0).values()) == {None}
    assert set(outage_metrics(drive()[0], truth[:1], 0).values()) == {None}


@settings(max_examples=30, deadline=None)
@given(phase_s=st.floats(0.0, 0.99), start_s=st.floats(10.0, 35.0))
def test_a_minute_is_judged_over_a_minute_whenever_the_fixes_come(phase_s, start_s):
    """At 1 Hz, in a bend, wherever the window lies between the fixes."""
    ego, poses = turning(0.05, 1.0, phase_s)
    start_ns = round(start_s * 1e9)
    found = outage_metrics(ego, poses, start_ns, start_ns + 60 * SECOND)
    assert found["duration_s"] == pytest.approx(60.0, abs=1e-6) and found["note"] is None
    assert found["drift_m"] == pytest.approx(3.0, abs=0.02)
    assert found["distance_m"] == pytest.approx(1200.0, rel=2e-3)  # chords of the arc


def test_late_positions_are_met_where_the_vehicle_was():
    ego, poses = turning(0.05, 1.0, 0.3, delay_s=0.1)
    found = outage_metrics(ego, poses, 20 * SECOND, 80 * SECOND, delay_s=0.1)
    assert found["drift_m"] == pytest.approx(3.0, abs=0.05)


def test_a_gap_at_the_end_is_not_bridged_and_told():
    ego, poses = turning(0.05, 1.0, 0.5)
    seconds = poses["time_ns"] * 1e-9
    found = outage_metrics(ego, poses[(seconds < 76.0) | (seconds > 84.0)], 20 * SECOND, 80 * SECOND)
    assert found["duration_s"] == pytest.approx(55.5) and found["drift_m"] == pytest.approx(55.5 * 0.05, abs=0.02)
    assert found["note"] == "the reference has a gap at an end of it: 4.5 s are not judged"


def test_at_the_end_of_the_log_the_last_pose_is_the_end():
    ego, poses = turning(0.05, 1.0, 0.5)
    found = outage_metrics(ego, poses, 40 * SECOND)
    assert found["duration_s"] == pytest.approx(59.5) and found["note"] is None


def test_unknown_velocities_leave_a_straight_line():
    ego, truth = drive(drift=0.05)
    truth = truth[::20]
    for name in ("velocity_east", "velocity_north", "velocity_up"):
        truth[name] = np.nan
    found = outage_metrics(ego, truth, round(40.3 * 1e9), round(80.7 * 1e9))
    assert found["drift_m"] == pytest.approx(40.4 * 0.05, abs=1e-3) and found["distance_m"] == pytest.approx(404.0, abs=0.01)
