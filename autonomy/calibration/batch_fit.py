"""Least squares over a whole drive, with priors, and sigmas that hold although neighbouring errors are one error.

Residuals are given in sigmas. The covariance is that of a model in which the errors of a block of the drive are one draw
(cluster-robust or "sandwich" estimator, White 1980; Liang and Zeger 1986); a sigma is never told smaller than independent
errors of the stated size would make it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

HUBER = 2.5  # sigmas from which a residual counts linearly


class Fit(NamedTuple):
    values: np.ndarray  # (k,)
    sigmas: np.ndarray
    residuals: np.ndarray  # (n,) in sigmas


def fit(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray, prior_sigmas: np.ndarray, blocks: np.ndarray,
        bounds: tuple[np.ndarray, np.ndarray] | None = None, prior: np.ndarray | None = None,
        coupling: np.ndarray | None = None, step: float = 1e-4) -> Fit:  # fmt: skip
    """`residuals(parameters)`: (n,); `blocks`: (n,) whole numbers, of one draw each; `prior`: mean, else `start`.

    `coupling`: (m, k), rows that are zero but for noise of one sigma (a random walk between parameters). `step`: of the
    derivatives, in prior sigmas.
    """
    mean = start if prior is None else prior
    rows = np.diag(1.0 / prior_sigmas) if coupling is None else np.vstack([np.diag(1.0 / prior_sigmas), coupling])
    count = len(blocks)

    def weighted(parameters: np.ndarray) -> np.ndarray:
        raw = residuals(parameters)
        size = np.abs(raw)
        limited = np.sign(raw) * np.sqrt(np.where(size > HUBER, 2.0 * HUBER * size - HUBER**2, size**2))
        return np.concatenate([limited, rows @ (parameters - mean)])

    def slopes(parameters: np.ndarray) -> np.ndarray:
        moves = step * prior_sigmas
        return np.column_stack([(weighted(parameters + shift) - weighted(parameters - shift)) / (2.0 * size)
                                for size, shift in zip(moves, np.diag(moves), strict=True)])  # fmt: skip

    found = least_squares(weighted, start, jac=slopes, x_scale=prior_sigmas, bounds=bounds or (-np.inf, np.inf))
    matrix, errors = slopes(found.x), weighted(found.x)
    inverse = np.linalg.pinv(matrix.T @ matrix)
    names, place = np.unique(blocks, return_inverse=True)
    scores = np.zeros((len(names), len(start)))
    np.add.at(scores, place, matrix[:count] * errors[:count, None])
    few = len(names) / max(len(names) - len(start), 1) if len(names) > len(start) else 2.0
    spread = inverse @ (few * scores.T @ scores + rows.T @ rows) @ inverse
    return Fit(found.x, np.sqrt(np.maximum(np.diag(spread), np.diag(inverse))), residuals(found.x))
