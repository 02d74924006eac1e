"""Own motion by Doppler: kernel (_own_motion) and twin agree; it is right, honest about its error, and not drawn by others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from autonomy.perception.radar._own_motion import OwnMotionKernel
from hypothesis import given
from hypothesis import strategies as st

from autonomy.msg import dtype
from autonomy.perception.radar.own_motion_twin import own_motion
from autonomy.perception.radar.parameters import MotionParameters
from tests.perception.radar.scans import MOUNTING, detections

PARAMETERS = MotionParameters()


def scan(random, velocity: float, yaw_rate: float = 0.0, standing: int = 20, moving: int = 8) -> np.ndarray:
    x, y = random.uniform(15.0, 150.0, standing + moving), random.uniform(-15.0, 15.0, standing + moving)
    speed = np.concatenate([np.zeros(standing), random.uniform(5.0, 35.0, moving)])
    return random.permutation(detections(x, y, speed, velocity, yaw_rate, random))


def estimate(rows, speed: float = math.nan, lateral: float = 0.0, sigma: float = 0.3) -> dict:
    return OwnMotionKernel(PARAMETERS, 0.0).estimate(rows.view(np.uint8), speed, sigma, lateral)


@given(seed=st.integers(0, 2**32 - 1), velocity=st.floats(0.0, 30.0), standing=st.integers(0, 60), moving=st.integers(0, 20),
       is_told=st.booleans())  # fmt: skip
def test_kernel_and_twin_agree(seed, velocity, standing, moving, is_told):
    random = np.random.default_rng(seed)
    rows = scan(random, velocity, 0.02, standing, moving)
    rows["azimuth"][random.random(len(rows)) < 0.05] = np.nan
    prior = velocity + random.normal(0.0, 0.2) if is_told else math.nan
    told, twin = estimate(rows, prior, 0.1), own_motion(rows, 0.0, prior, 0.1, PARAMETERS)
    assert math.isfinite(told["speed"]) == (twin is not None)
    if twin is not None:
        speed, covariance, used = twin
        assert told["used"] == used
        assert np.allclose([told["speed"], told["lateral"]], speed, atol=1e-7)
        ours = [[told["speed_variance"], told["covariance"]], [told["covariance"], told["lateral_variance"]]]
        assert np.allclose(ours, covariance, rtol=1e-5, atol=1e-10)


def test_the_error_is_what_the_covariance_says():
    random = np.random.default_rng(0)
    errors = []
    for _ in range(400):
        velocity, yaw_rate = random.uniform(5.0, 30.0), random.normal(0.0, 0.03)
        told = estimate(scan(random, velocity, yaw_rate), velocity + random.normal(0.0, 0.2), yaw_rate * MOUNTING.x_m)
        errors.append((told["speed"] - velocity) / math.sqrt(told["speed_variance"]))
    # The places are noisy too, which the range rate's sigma does not know: a little more than one
    assert 0.85 < np.sqrt(np.mean(np.square(errors))) < 1.25


def test_a_convoy_that_outnumbers_what_stands_does_not_draw_it_while_the_wheels_tell():
    random = np.random.default_rng(0)
    rows = np.concatenate(
        [
            scan(random, 22.0, standing=6, moving=0),
            detections(random.uniform(20.0, 120.0, 15), random.uniform(-4.0, 4.0, 15), 25.0, 22.0, random=random),
        ]
    )
    assert abs(estimate(rows, 22.1)["speed"] - 22.0) < 0.2
    assert abs(estimate(rows)["speed"] + 3.0) < 0.2  # without the wheels: as if the convoy stood


def test_wheels_that_slip_are_disputed():
    rows = scan(np.random.default_rng(0), 22.0, standing=40)
    assert estimate(rows, 22.1)["test_ratio"] < 1.0 < estimate(rows, 23.8)["test_ratio"]


@pytest.mark.parametrize("rows", [np.zeros(0, dtype("RadarDetection")), detections([30.0, 40.0], [1.0, 2.0], 0.0, 22.0)])
def test_too_little_is_told_as_unknown(rows):
    told = estimate(rows, 22.0)
    assert math.isnan(told["speed"]) and told["used"] == 0 and told["total"] == len(rows)
