"""The scalar Kalman update against the textbook's matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.linalg import _probe
from tests.linalg.test_small import SEEDS, positive_definite


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 12), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_update_is_the_textbooks(seed, size, scale, noise):
    random = np.random.default_rng(seed)
    P, x, row, value = positive_definite(seed, size, 10.0**scale), random.normal(size=size), random.normal(size=size), 0.7
    found, reduced, variance = _probe.scalar_update(x, P, row, value, 10.0**noise)
    S = row @ P @ row + 10.0**noise
    K = P @ row / S
    joseph = (np.eye(size) - np.outer(K, row)) @ P @ (np.eye(size) - np.outer(K, row)).T + 10.0**noise * np.outer(K, K)
    assert variance == pytest.approx(S, rel=1e-12)
    np.testing.assert_allclose(found, x + K * (value - row @ x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(reduced, joseph, rtol=1e-7, atol=1e-9 * np.abs(P).max())


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 12))
def test_a_symmetric_covariance_stays_so_to_the_last_bit(seed, size):
    P = positive_definite(seed, size, 1.0)
    P = 0.5 * (P + P.T)
    row = np.random.default_rng(seed).normal(size=size)
    reduced = _probe.scalar_update(np.zeros(size), P, row, 1.0, 0.01)[1]
    assert (reduced == reduced.T).all() and (np.diag(reduced) <= np.diag(P)).all()


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="of the same length"):
        _probe.scalar_update(np.zeros(3), np.eye(2), np.zeros(3), 0.0, 1.0)
