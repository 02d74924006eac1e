"""The same problems as dense quadratic programs over the inputs (condensing), for any solver: what the recursion must equal."""

from __future__ import annotations

import numpy as np


def condense(problem: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x = free + forced u: (H (N, N), f (N,), forced (8 N, N), free (8 N,)) of `problem`, named as for _box_mpc.solve.

    As fast as NumPy makes it: H[i, j] for i >= j is B' M_i A^(i - j) B with the Gramian M_i of the stages from i on.
    """
    A, B, stages = problem["A"], problem["B"], len(problem["input_low"])
    response, free, pull = (np.empty((stages, 8)) for _ in range(3))  # pull: M_i B
    state, impulse = problem["start"], B
    for k in range(stages):
        free[k] = state = A @ state + problem["drift"][k]
        response[k] = impulse
        impulse = A @ impulse
    gramian = problem["terminal"]
    for k in reversed(range(stages)):
        pull[k] = gramian @ B
        gramian = A.T @ gramian @ A
        gramian.ravel()[::9] += problem["weight"]
    forced = np.zeros((stages, 8, stages))
    for j in range(stages):
        forced[j:, :, j] = response[: stages - j]
    forced = forced.reshape(8 * stages, stages)
    rows, columns = np.tril_indices(stages)
    H = np.empty((stages, stages))
    H[rows, columns] = (pull @ response.T)[rows, rows - columns]
    H[columns, rows] = H[rows, columns]
    H.ravel()[:: stages + 1] += problem["input_weight"]
    slope = free * problem["weight"] + problem["linear"]
    slope[-1] = problem["terminal"] @ free[-1] + problem["linear"][-1]
    return H, slope.ravel() @ forced, forced, free.ravel()


def bounds(problem: dict, forced: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, low, high) as daqp reads them: the inputs' own bounds first, then those of the states as rows of A."""
    low = np.concatenate([problem["input_low"], problem["low"].ravel() - free])
    high = np.concatenate([problem["input_high"], problem["high"].ravel() - free])
    return forced, low, high


def with_slacks(problem: dict) -> tuple[np.ndarray, ...]:
    """(H, f, A, low, high) over inputs and a slack for each soft state bound that costs slack^2 / (2 softness)."""
    H, f, forced, free = condense(problem)
    stages = len(f)
    soft = np.flatnonzero(np.tile(problem["softness"], stages) > 0.0)
    inverse = 1.0 / np.tile(problem["softness"], stages)[soft]
    A, low, high = bounds(problem, forced, free)
    H = np.block([[H, np.zeros((stages, len(soft)))], [np.zeros((len(soft), stages)), np.diag(inverse)]])
    give = np.zeros((len(A), len(soft)))
    give[soft, np.arange(len(soft))] = 1.0
    unbounded = np.full(len(soft), 1e20)
    low = np.concatenate([low[:stages], -unbounded, low[stages:]])
    high = np.concatenate([high[:stages], unbounded, high[stages:]])
    return H, np.concatenate([f, np.zeros(len(soft))]), np.hstack([A, give]), low, high


def free_gain(problem: dict) -> tuple[np.ndarray, np.ndarray]:
    """(gain (8,), cost-to-go (8, 8)) at the first stage without bounds, by the textbook Riccati recursion."""
    A, B = problem["A"], problem["B"][:, None]
    P = problem["terminal"]
    for k in reversed(range(len(problem["input_low"]))):
        gain = np.linalg.solve(problem["input_weight"] + B.T @ P @ B, B.T @ P @ A)
        P = A.T @ P @ (A - B @ gain) + (np.diag(problem["weight"]) if k else 0.0)
    return gain[0], P
