"""The small Cholesky factor and its substitution against LAPACK's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.linalg import _probe

SEEDS = st.integers(0, 2**32 - 1)


def positive_definite(seed: int, size: int, scale: float) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(size, size))
    return scale * (root @ root.T + 0.1 * np.eye(size))


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 8), st.floats(-6.0, 9.0))
def test_factor_and_solution_are_lapacks(seed, size, exponent):
    matrix = positive_definite(seed, size, 10.0**exponent)
    right = np.random.default_rng(seed + 1).normal(size=size)
    factor, answer = _probe.solve(matrix, right)
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-9 * np.sqrt(10.0**exponent))
    np.testing.assert_allclose(matrix @ answer, right, atol=1e-9 * np.linalg.cond(matrix))
    np.testing.assert_allclose(answer, np.linalg.solve(matrix, right), rtol=1e-8, atol=1e-9 * np.abs(answer).max())


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 8))
def test_only_the_lower_triangle_counts(seed, size):
    matrix = positive_definite(seed, size, 1.0)
    lower = np.where(np.tri(size, dtype=bool), matrix, np.nan)
    right = np.ones(size)
    assert (_probe.solve(lower, right)[1] == _probe.solve(matrix, right)[1]).all()


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(1, 8))
def test_what_is_not_positive_definite_is_refused(seed, size):
    matrix = positive_definite(seed, size, 1.0)
    place = seed % size
    matrix[place, place] = -matrix[place, place]
    assert _probe.solve(matrix, np.ones(size)) is None


@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, np.nan, np.inf, -np.inf, 1e300])
def test_a_pivot_that_is_no_positive_finite_number_is_refused(value):
    assert _probe.solve([[value]], [1.0]) is None
