"""Lane lines by an exhaustive vote and NumPy's least squares: the twin of ext/autonomy/perception/_lanes.pyx, without its
grid."""

from __future__ import annotations

import numpy as np

PER_M, OFFSETS, SNAP = 8.0, 256, 2e-6


def vote(x: np.ndarray, y: np.ndarray, weight: np.ndarray, p: dict) -> tuple[float, float]:
    """(heading, bend) under which the runs heap up most at few offsets, of a fine grid over all shapes."""
    best, most = (0.0, 0.0), -1.0
    for heading in np.linspace(-p["heading_most"], p["heading_most"], 97):
        for bend in np.linspace(-0.5 * p["curvature_most"], 0.5 * p["curvature_most"], 65):
            score = (_heap(y - x * (heading + x * bend), weight) ** 2).sum()
            if score > most:
                best, most = (heading, bend), score
    return best


def peaks(x: np.ndarray, y: np.ndarray, weight: np.ndarray, shape: tuple[float, float], p: dict) -> list[float]:
    """Offsets of the lines, highest peak first."""
    heap, reach, found = _heap(y - x * (shape[0] + x * shape[1]), weight), int(p["inlier_m"] * PER_M + 0.5), []
    while True:
        summed = heap[:-2] + heap[1:-1] + heap[2:]
        k = int(np.argmax(summed)) + 1
        if summed[k - 1] < 0.25 * p["runs_least"]:
            return found
        found.append((k + (heap[k + 1] - heap[k - 1]) / summed[k - 1] - OFFSETS / 2) / PER_M)
        heap[max(k - reach, 0) : k + reach + 1] = 0.0


def fit(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, sigma: np.ndarray, p: dict, rounds: int = 12
) -> tuple[np.ndarray, np.ndarray]:
    """(coefficients (4,), covariance (4, 4)) of a cubic through runs, by Tukey's weights, around a start with sigmas (4,)."""
    rows, c = x[:, None] ** np.arange(4), start.copy()
    for _ in range(rounds):
        residual = (y - rows @ c) / p["inlier_m"]
        weight = np.where(np.abs(residual) < 1, (1 - residual**2) ** 2, 0.0) / p["run_sigma_m"] ** 2
        matrix = np.diag(1 / sigma**2) + (rows * weight[:, None]).T @ rows
        c = np.linalg.solve(matrix, start / sigma**2 + rows.T @ (weight * y))
    return c, np.linalg.inv(matrix)


def _heap(offset: np.ndarray, weight: np.ndarray) -> np.ndarray:
    place = offset * PER_M + OFFSETS / 2
    inside = (place >= 1) & (place < OFFSETS - 1)
    low = np.floor(place[inside]).astype(int)
    share = place[inside] - low
    return np.bincount(low, weight[inside] * (1 - share), OFFSETS) + np.bincount(low + 1, weight[inside] * share, OFFSETS)


def is_contested(x: np.ndarray, y: np.ndarray, c: np.ndarray, p: dict) -> bool:
    """Whether runs at x, y beside a line y = c0 + c1 x + ... are so many that another line may be meant."""
    off = np.abs(y - np.polyval(c[::-1], x))[(x > -0.2 * p["contest_to_m"]) & (x < p["contest_to_m"])]
    own, others = (off < 0.5 * p["inlier_m"]).sum(), ((off > 0.5 * p["inlier_m"]) & (off < p["contest_m"])).sum()
    return bool(others > p["contest_share"] * own)


def parts_at(x: np.ndarray, y: np.ndarray, c: np.ndarray, p: dict, steps: int = 8, least: int = 4) -> float:
    """m ahead, from where on so many runs lie beside the line that another leads away from it; infinite: nowhere."""
    off, step = np.abs(y - np.polyval(c[::-1], x)), p["contest_to_m"] / steps
    for k in range(steps):
        here = (x >= k * step) & (x < min((k + 2) * step, p["contest_to_m"]))
        own = (here & (off < 0.5 * p["inlier_m"])).sum()
        others = (here & (off > 0.5 * p["inlier_m"]) & (off < p["contest_m"])).sum()
        if others >= least and others > p["contest_share"] * own:
            return max(k * step, p["contest_told_m"])
    return float("inf")
