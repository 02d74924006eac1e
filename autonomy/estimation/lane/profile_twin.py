"""The road's curvature as ext/autonomy/estimation/lane/_profile.pxd keeps it, dense; no node is left behind."""

from __future__ import annotations

import math

import numpy as np

STEP_M, BEHIND, NODES = 5.0, 6, 40
START_CURVATURE = 5.0e-3  # 1/m
TRUE_AT = 0.5 - 0.5 / math.sqrt(5.0), 0.5 + 0.5 / math.sqrt(5.0)  # zeros of the fourth Legendre polynomial's second derivative
APART = 0.4  # of diverging_rad: the lines no longer show the same road
SHORTEST_M, LONGEST_M, PROFILE_SIGMA, OTHER_ROAD, ANEW_M, RATE_BASE_M = 20.0, 150.0, 1.5e-4, 5, 0.5, 10.0


class CurvatureProfile:
    """A random walk over nodes every 5 m, observed in between."""

    def __init__(self, walk: float, station: float):
        self.bond = 1.0 / (walk**2 * STEP_M)
        self.observed_station, self.misfits, self.temporary = 0.0, 0, False
        self.begin(station)

    def begin(self, station: float) -> None:
        self.first, self.misfits = math.floor(station / STEP_M) - BEHIND, 0
        self.information, self.vector = np.array([[1.0 / START_CURVATURE**2]]), np.zeros(1)
        self.curvature = np.zeros(1)
        self.move(station)

    def move(self, station: float) -> None:
        """Nodes up to as far ahead as the kernel has them."""
        self.oldest = math.floor(station / STEP_M) - BEHIND
        while self.first + len(self.vector) < self.oldest + NODES:
            self.information = np.pad(self.information, (0, 1))
            self.information[-2:, -2:] += self.bond * np.array([[1.0, -1.0], [-1.0, 1.0]])
            self.vector = np.append(self.vector, 0.0)

    def holds(self, station: float, reach: float) -> bool:
        """Whether the kernel has all the nodes that a line seen from there ties."""
        place = station / STEP_M - self.oldest
        return reach > 0.0 and place >= 0.0 and place + reach / STEP_M < NODES - 2

    def weights(self, station: float, reach: float) -> np.ndarray:
        """(4, nodes): derivative of the cubic's coefficients by the nodes' curvatures, small angles."""
        step = 0.5 * STEP_M
        s = step * np.arange(int(reach / step) + 1)
        at = np.array([np.interp((station + s) / STEP_M - self.first, np.arange(len(self.vector)), unit)
                       for unit in np.eye(len(self.vector))]).T  # fmt: skip
        steps = 0.5 * step * (at[1:] + at[:-1])
        turned = np.vstack([np.zeros(at.shape[1]), np.cumsum(steps, axis=0)])
        y = np.vstack([np.zeros(at.shape[1]), np.cumsum(step * (turned[:-1] + 0.5 * steps), axis=0)])
        return np.linalg.pinv(np.vander(s, 4, increasing=True)) @ y

    def observe(self, station: float, reach: float, seen, own, sigma) -> None:
        """c2 and c3 of a line seen from a station; `own` is the cubic of the profile there."""
        if not self.holds(station, reach):
            return
        weights = self.weights(station, reach)
        for k in (2, 3):
            value = seen[k] - own[k] + weights[k] @ self.known()
            self.information += np.outer(weights[k], weights[k]) / sigma[k] ** 2
            self.vector += weights[k] * value / sigma[k] ** 2

    def known(self) -> np.ndarray:
        """(nodes,) the estimate, the last value beyond its end."""
        more = len(self.vector) - len(self.curvature)
        return np.concatenate([self.curvature, np.full(more, self.curvature[-1])])

    def solve(self) -> None:
        self.curvature = np.linalg.solve(self.information, self.vector)

    def at(self, station) -> np.ndarray:
        known = self.curvature
        nodes = STEP_M * (self.first + np.arange(len(known)))
        low = max(self.oldest - self.first, 0)  # what lies behind is not kept
        return np.interp(station, nodes[low:], known[low:]) if len(known) > low else np.full_like(station, known[-1], float)

    def fit(self, station: float, reach: float) -> np.ndarray:
        """c0..c3 of a camera's cubic over the road from a station on."""
        step = 0.5 * STEP_M
        curvature = self.at(station + step * np.arange(int(reach / step) + 1))
        turned = np.concatenate([[0.0], np.cumsum(0.5 * step * (curvature[1:] + curvature[:-1]))])
        halfway = turned[:-1] + 0.25 * step * (curvature[1:] + curvature[:-1])
        x, y = (np.concatenate([[0.0], np.cumsum(step * f(halfway))]) for f in (np.cos, np.sin))
        return np.polynomial.polynomial.polyfit(x, y, 3)

    def curvature_and_rate(self, station: float) -> tuple[float, float]:
        behind, here, ahead = self.at(station + RATE_BASE_M * np.array([-1.0, 0.0, 1.0]))
        return float(here), float((ahead - behind) / (2.0 * RATE_BASE_M))
