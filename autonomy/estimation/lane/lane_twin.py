"""The clothoid filter with NumPy and SciPy: exponential of the model's matrix, joint update, `polyfit` for the path.

State: offset, heading error, curvature, curvature rate, width left, width right, side slip
not told by the ego filter. `LaneTwin` keeps every tick: what was
observed late goes where it belongs, and all that came after is gone through again. Which lines it uses: lines_twin.py.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy.linalg import expm

# What a measurement is of the state
STATES = ("offset", "heading", "curvature", "curvature_rate", "width_left", "width_right", "side_slip")
ROWS = {name: tuple(int(i == k) for k in range(7)) for i, name in enumerate(STATES)} | {
    "left": (-1, 0, 0, 0, 1, 0, 0), "right": (-1, 0, 0, 0, 0, -1, 0), "asymmetry": (0, 0, 0, 0, 1, -1, 0),
}  # fmt: skip
START_SIGMA = (1.0, 0.1, 0.01, 1e-4, 0.5, 0.5, 0.01)
START_ASYMMETRY = 0.05


@functools.lru_cache(maxsize=4096)
def transition(distance: float, forgotten_over: float, slip_forgotten_over: float) -> np.ndarray:
    """F over a distance in m: offset' = heading + slip, heading' = -curvature, curvature' = rate; rate and slip are forgotten."""
    model = np.zeros((7, 7))
    model[0, 1], model[1, 2], model[2, 3], model[3, 3] = 1.0, -1.0, 1.0, -1.0 / forgotten_over
    model[0, 6], model[6, 6] = 1.0, -1.0 / slip_forgotten_over
    return expm(model * distance)


def predict(x, P, parameters, dt: float, speed: float, drift: float, yaw_rate: float):
    """One tick. `drift` is the lateral velocity in m/s, yaw rate in rad/s."""
    F = transition(speed * dt, float(parameters["curvature_rate_distance_m"]),
                   float(parameters["side_slip_distance_m"]))  # fmt: skip
    turned = np.zeros(7)
    turned[0] = 0.5 * speed * dt * yaw_rate * dt + drift * dt
    turned[1] = yaw_rate * dt
    names = ("offset", "heading", "curvature", "curvature_rate", "width", "width", "side_slip")
    Q = np.diag([float(parameters[f"process_{name}"]) ** 2 * abs(speed * dt) for name in names])
    return F @ x + turned, F @ P @ F.T + Q


def update(x, P, measurements):
    """`measurements`: (what, z, sigma) with independent sigmas, all at once. "loosen_left" only adds to the covariance."""
    for what, _, sigma in measurements:
        if what.startswith("loosen"):
            P = P.copy()
            place = 4 if what == "loosen_left" else 5
            P[place, place] += sigma**2
    measurements = [item for item in measurements if not item[0].startswith("loosen")]
    if not measurements:
        return x, P
    H = np.array([ROWS[what] for what, _, _ in measurements], float)
    z = np.array([value for _, value, _ in measurements])
    S = H @ P @ H.T + np.diag([sigma**2 for _, _, sigma in measurements])
    K = np.linalg.solve(S, H @ P).T
    return x + K @ (z - H @ x), P - K @ H @ P


def prior(parameters, offset: float, heading: float):
    """Where the filter begins."""
    half = float(parameters["default_half_width_m"])
    P = np.diag(np.square(START_SIGMA))
    P[4, 5] = P[5, 4] = START_SIGMA[4] ** 2 - 0.5 * START_ASYMMETRY**2
    return np.array([offset, heading, 0.0, 0.0, half, half, 0.0]), P


class LaneTwin:
    """Motions and measurements in order of their time."""

    def __init__(self, parameters) -> None:
        self.parameters = parameters
        self.times_ns: list[int] = []
        self.motions: list[tuple[float, float, float, float]] = []  # dt, speed, drift, yaw rate into each tick
        self.measurements: list[list[tuple[str, float, float]]] = []
        self.first: int | None = None  # the tick it begins at
        self.prior = None
        self.known: list = []  # (x, P) of the ticks from the first on, as far as they are still right

    def tick(self, time_ns: int, dt: float, speed: float, drift: float, yaw_rate: float) -> None:
        self.times_ns.append(time_ns)
        self.motions.append((dt, speed, drift, yaw_rate))
        self.measurements.append([])

    def begin(self, tick: int, offset: float, heading: float) -> None:
        self.first, self.prior = tick, prior(self.parameters, offset, heading)
        self.measurements[tick:] = [[] for _ in self.measurements[tick:]]
        self.known = []

    def add(self, tick: int, measurements) -> None:
        self.measurements[tick] += measurements
        del self.known[tick - self.first :]

    def tick_of(self, valid_time_ns: int) -> int:
        """The first tick at or after a time."""
        return int(np.searchsorted(self.times_ns, valid_time_ns))

    def at(self, tick: int):
        """State and covariance of a tick with all its measurements."""
        for place in range(self.first + len(self.known), tick + 1):
            x, P = self.known[-1] if self.known else self.prior
            if self.known:
                x, P = predict(x, P, self.parameters, *self.motions[place])
            self.known.append(update(x, P, self.measurements[place]))
        return self.known[tick - self.first]


def spread(corrections: np.ndarray, lag: float, dt: float) -> np.ndarray:
    """What of corrections (ticks, n) is not in the output yet: the step response of two equal lags in a row."""
    time = dt * np.arange(1, len(corrections) + 1)
    still = (1.0 + time / lag) * np.exp(-time / lag)
    return np.stack([np.convolve(column, still)[: len(corrections)] for column in corrections.T], axis=1)


def path_observation(points, position, yaw, behind: float, ahead: float) -> np.ndarray:
    """(offset, heading error, curvature, curvature rate) of a pose beside a polyline (n, 2) by a local cubic."""
    points = np.asarray(points)
    distance = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    dense = np.linspace(0.0, distance[-1], 200_001)
    along = dense[np.argmin(np.hypot(np.interp(dense, distance, points[:, 0]) - position[0],
                                     np.interp(dense, distance, points[:, 1]) - position[1]))]  # fmt: skip
    near = points[(distance >= along - behind) & (distance <= along + ahead)] - position
    x = near @ (np.cos(yaw), np.sin(yaw))
    y = near @ (-np.sin(yaw), np.cos(yaw))
    c3, c2, c1, c0 = np.polyfit(x, y, 3)
    return np.array([-c0 / np.sqrt(1 + c1**2), -np.arctan(c1), 2 * c2 / (1 + c1**2) ** 1.5, 6 * c3])
