"""The steering fit: a made-up drive gives back what it was made with, and a drive that says nothing says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.calibration import steering

WHEELBASE_M = 3.8


def drive(ratio=18.0, gradient=0.003, offset=0.01, delay=0.2, noise=0.0, speeds=(8.0, 24.0), duration_s=120.0, seed=0):
    """Columns time, steering wheel angle, yaw rate, speed at 100 Hz: a winding road at changing speed."""
    random = np.random.default_rng(seed)
    time = np.arange(0.0, duration_s, 0.01)
    speed = np.mean(speeds) + 0.5 * np.ptp(speeds) * np.sin(2 * np.pi * time / 40.0)
    curvature = sum(0.002 * np.sin(2 * np.pi * time / period + phase) for period, phase in ((9.0, 0.3), (23.0, 1.0), (4.0, 2.0)))
    needed = lambda t: ratio * np.interp(t, time, curvature * (WHEELBASE_M + gradient * speed**2)) + offset  # noqa: E731
    yaw_rate = speed * curvature + noise * random.normal(size=len(time))
    # The angle that acts now was set a delay ago
    return np.column_stack([time, needed(time + delay), yaw_rate, speed])


@settings(max_examples=15, deadline=None)
@given(st.floats(12.0, 26.0), st.floats(0.0, 0.006), st.floats(-0.1, 0.1), st.floats(0.0, 0.5), st.integers(0, 2**32 - 1))
def test_gives_back_what_the_drive_was_made_with(ratio, gradient, offset, delay, seed):
    found = steering.fit(drive(ratio, gradient, offset, delay, noise=0.003, seed=seed), WHEELBASE_M, 0.002)
    truth = {"steering_ratio": ratio, "understeer_gradient": gradient, "steering_offset_rad": offset, "response_s": delay}
    floor = {"steering_ratio": 0.02, "understeer_gradient": 1e-4, "steering_offset_rad": 2e-3, "response_s": 0.01}
    assert found.held == ()
    for name, value in truth.items():
        assert abs(found.values[name] - value) < 5.0 * found.sigmas[name] + floor[name], name


def test_one_speed_cannot_tell_ratio_and_gradient_apart():
    found = steering.fit(drive(noise=0.003, speeds=(20.0, 20.01)), WHEELBASE_M, 0.003)
    assert found.held == ("understeer_gradient",)
    assert found.values["understeer_gradient"] == pytest.approx(0.003, abs=1e-6)
    assert found.values["steering_ratio"] == pytest.approx(18.0, abs=0.5)


@pytest.mark.parametrize(
    "motion, words",
    [
        (np.zeros((0, 4)), "needs 20 s"),
        (drive(duration_s=10.0), "needs 20 s"),
        (drive() * [1.0, 1.0, 0.0, 1.0], "too straight"),
    ],
)
def test_a_drive_that_says_nothing_says_so(motion, words):
    assert words in steering.fit(motion, WHEELBASE_M, 0.003)


def test_the_same_drive_gives_the_same_sigmas():
    motion = drive(noise=0.003)
    assert steering.fit(motion, WHEELBASE_M, 0.003).sigmas == steering.fit(motion, WHEELBASE_M, 0.003).sigmas
