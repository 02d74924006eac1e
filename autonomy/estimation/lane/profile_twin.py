"""The road's curvature as ext/autonomy/estimation/lane/_profile.pxd keeps it, dense; no node is left behind."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import Legendre, Polynomial

STEP_M, BEHIND, NODES = 5.0, 6, 40
START_CURVATURE = 5.0e-3  # 1/m
TRUE_AT = 0.5 - 0.5 / math.sqrt(5.0), 0.5 + 0.5 / math.sqrt(5.0)  # zeros of the fourth Legendre polynomial's second derivative
MOST_TURNED = 1.2  # rad: a line that turns further is no function of x for long
APART = 0.4  # of diverging_rad: the lines no longer show the same road
EARLIER_M = 12.0  # between profiles kept for when the sides go apart
BENT_DOUBTFUL, BENT_APART, BENT_MORE = 4.2, 6.0, 2.0  # scales of errors, of lines whose far ends go apart; one over the other
SHORTEST_M, LONGEST_M, PROFILE_SIGMA, OTHER_ROAD, ANEW_M, RATE_BASE_M = 20.0, 150.0, 1.5e-4, 5, 0.5, 10.0

# Legendre parts of a cubic in x / reach by its coefficients, and a fitted cubic's sigmas of coefficients for a scale of 1
PARTS = np.array([np.pad(Polynomial.basis(k).convert(domain=[0.0, 1.0], kind=Legendre).coef, (0, 3 - k)) for k in range(4)]).T
FIT_SIGMA = np.sqrt(np.diag(np.linalg.inv(1.0 / (1.0 + np.add.outer(np.arange(4), np.arange(4))))))
PART_SIGMA = np.sqrt(2.0 * np.arange(4) + 1.0)  # errors of the parts for a scale of 1; these are independent


def parts_of(cubic, reach: float) -> np.ndarray:
    """(4,) in m."""
    return PARTS @ (cubic * reach ** np.arange(4))


def scale_of_errors(sigma, reach: float) -> float:
    """m, the largest that the sigmas of c0..c3 tell."""
    return float(np.max(sigma * reach ** np.arange(4) / FIT_SIGMA))


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

    def laid(self, station: float, reach: float, left: float, slope: float) -> tuple[np.ndarray, ...] | None:
        """x, y (m), direction (rad) of places along a line beside the road, and the directions half-way between; None where it
        turns away too far for a cubic of x."""
        step, aside = 0.5 * STEP_M, left * math.cos(math.atan(slope))
        curvature = self.at(station + step * np.arange(int(reach / step) + 2))
        turns = 0.5 * step * (curvature[1:] + curvature[:-1])
        turned = math.atan(slope) + np.concatenate([[0.0], np.cumsum(turns)])
        if np.abs(turned).max() > MOST_TURNED:
            return None
        halfway, lengths = turned[:-2] + 0.5 * turns[:-1], step - turns[:-1] * aside
        x, y = (np.concatenate([[0.0], np.cumsum(lengths * f(halfway))]) for f in (np.cos, np.sin))
        return x, left + y, turned[:-1], halfway

    def weights(self, station: float, reach: float, left: float = 0.0, slope: float = 0.0) -> np.ndarray:
        """(4, nodes): derivative of the cubic's parts by the nodes' curvatures, about the road as it is known."""
        x, _, turned, halfway = self.laid(station, reach, left, slope)
        step = 0.5 * STEP_M
        at = np.array([np.interp((station + step * np.arange(len(x))) / STEP_M - self.first, np.arange(len(self.vector)), unit)
                       for unit in np.eye(len(self.vector))]).T  # fmt: skip
        turns = 0.5 * step * (at[1:] + at[:-1])
        turning = np.cumsum(turns, axis=0) - 0.5 * turns  # of the directions half-way
        along, across = (np.vstack([np.zeros(at.shape[1]), np.cumsum(step * f(halfway)[:, None] * turning, axis=0)])
                         for f in (np.sin, np.cos))  # fmt: skip
        moved = across + np.tan(turned)[:, None] * along
        return PARTS @ np.linalg.pinv(np.vander(x / reach, 4, increasing=True)) @ moved

    def observe(self, station: float, reach: float, seen, own, scale: float) -> None:
        """The curved parts of a line seen from a station; `own` is the cubic of the profile there, `scale` that of errors."""
        if not self.holds(station, reach) or self.laid(station, reach, *seen[:2]) is None:
            return
        weights, parts = self.weights(station, reach, *seen[:2]), parts_of(np.subtract(seen, own), reach)
        for k in (2, 3):
            value, sigma = parts[k] + weights[k] @ self.known(), scale * PART_SIGMA[k]
            self.information += np.outer(weights[k], weights[k]) / sigma**2
            self.vector += weights[k] * value / sigma**2

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

    def fit(self, station: float, reach: float, left: float = 0.0, slope: float = 0.0) -> np.ndarray | None:
        """c0..c3 of a camera's cubic over a line beside the road, `left` of the vehicle and running off by `slope`."""
        laid = self.laid(station, reach, left, slope)
        return None if laid is None else np.polynomial.polynomial.polyfit(*laid[:2], 3)

    def curvature_and_rate(self, station: float) -> tuple[float, float]:
        behind, here, ahead = self.at(station + RATE_BASE_M * np.array([-1.0, 0.0, 1.0]))
        return float(here), float((ahead - behind) / (2.0 * RATE_BASE_M))
