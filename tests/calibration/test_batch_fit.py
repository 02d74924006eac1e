"""Least squares with priors: right values, and sigmas that hold although errors of a block are one error."""

from __future__ import annotations

import numpy as np

from autonomy.calibration.batch_fit import fit


def line(seed: int, block: int):
    random = np.random.default_rng(seed)
    x = random.uniform(-1.0, 1.0, 40)
    x, noise = np.repeat(x, block), np.repeat(random.standard_normal(40), block)
    y = 2.0 + 3.0 * x + noise
    return fit(lambda p: y - p[0] - p[1] * x, np.zeros(2), np.full(2, 100.0), np.repeat(np.arange(40), block))


def test_errors_that_go_together_count_once():
    errors = np.array([(found.values - [2.0, 3.0]) / found.sigmas for found in (line(seed, 25) for seed in range(60))])
    assert np.abs(errors).max() < 4.0 and 0.7 < errors.std() < 1.4


def test_a_prior_stands_where_the_drive_says_nothing():
    found = fit(lambda p: np.full(50, p[0] - 1.0), np.array([0.0, 5.0]), np.array([10.0, 0.3]), np.arange(50) // 5)
    assert abs(found.values[0] - 1.0) < 0.01 and found.values[1] == 5.0
    assert abs(found.sigmas[1] - 0.3) < 1e-9


def test_outliers_pull_no_more_than_their_share():
    y = np.zeros(100)
    y[:10] = 50.0
    found = fit(lambda p: y - p[0], np.zeros(1), np.array([100.0]), np.arange(100) // 5)
    assert abs(found.values[0]) < 0.5
