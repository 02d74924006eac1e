"""Motion compensation (_deskew) beside its twin, and what it means."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.perception import deskew_twin
from autonomy.perception.perceive import Mounting
from tests.perception.scenes import as_points, perceiver

PERCEIVER = perceiver(1000, Mounting(1.0, 0.2, 2.0, (0.02, -0.03, 0.1)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_points_lie_where_the_twin_puts_them(seed):
    rng = np.random.default_rng(seed)
    points = as_points(rng.uniform(-100.0, 100.0, (50, 3)))
    points["time_offset_ns"] = rng.integers(0, 100_000_000, 50)
    velocity, rate = rng.uniform([0, -1, -0.5], [30, 1, 0.5]), rng.uniform(-0.3, 0.3, 3)
    times = np.linspace(-0.1, 0.1, 4)
    knots = PERCEIVER.mounting.knot() + rng.uniform(-0.01, 0.01, (4, 6))
    found = PERCEIVER.perceive(points, velocity, rate, 0.05, cab_track=(times, knots)).points[:, :3]
    wanted = deskew_twin.deskew(points, velocity, rate, times, knots, 0.05)
    # Half a step of the table, 49 us: at 31 m/s, and 175 m away at 0.3 rad/s and the cab's 0.3, of each axis; single precision
    np.testing.assert_allclose(found, wanted, atol=49e-6 * (31.0 + 0.6 * np.sqrt(3.0) * 175.0) + 1e-4, rtol=0)


def test_a_scan_without_times_and_motion_is_moved_by_its_mounting_alone():
    points = as_points(np.array([[10.0, 0.0, -2.0]]))
    still = perceiver(10, Mounting(1.0, 0.5, 2.0))
    np.testing.assert_allclose(still.perceive(points).points[0, :3], [11.0, 0.5, 0.0], atol=1e-6)


def test_a_wall_passed_at_speed_is_straight_again():
    times = np.arange(0, 100_000_000, 100_000)
    x = 20.0 - 25.0 * times * 1e-9  # a point 20 m ahead of the stamp's place comes nearer
    points = as_points(np.column_stack([x, np.full(len(x), 3.0), np.zeros(len(x))]))
    points["time_offset_ns"] = times
    found = perceiver(2000, Mounting(height_m=1.0)).perceive(points, velocity=(25.0, 0.0, 0.0)).points
    assert np.ptp(found[:, 0]) < 0.004
