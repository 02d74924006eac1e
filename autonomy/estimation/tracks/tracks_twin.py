"""One radar target's two filters with NumPy matrices: along (x, speed, acceleration) and across (y, speed)."""

from __future__ import annotations

import numpy as np


class TargetTwin:
    """Predict and update in the turning vehicle frame; speeds are over ground. `parameters`: fields of TracksParameters."""

    def __init__(self, parameters, x: float, y: float, range_rate: float, own_speed: float):
        self.parameters = parameters
        self.along = np.array([x, range_rate + own_speed, 0.0])
        self.across = np.array([y, 0.0])
        self.along_P = np.diag(np.square([parameters["x_sigma"], parameters["range_rate_sigma"],
                                          parameters["initial_acceleration_sigma"]]))  # fmt: skip
        self.across_P = np.diag(np.square([parameters["y_sigma"], parameters["initial_speed_sigma"]]))

    def predict(self, dt: float, own_speed: float, yaw_rate: float) -> None:
        decay = np.exp(-dt / self.parameters["acceleration_decay_s"])
        F = np.array([[1.0, dt, 0.5 * dt * dt], [0.0, 1.0, dt], [0.0, 0.0, decay]])
        G = np.array([[1.0, dt], [0.0, 1.0]])
        (x, v, _), (y, w) = self.along, self.across
        # Besides the object's own motion the frame moves by the own speed and turns by the yaw rate
        self.along = F @ self.along + dt * np.array([-own_speed + yaw_rate * y, yaw_rate * w, 0.0])
        self.across = G @ self.across - dt * yaw_rate * np.array([x, v])
        self.along_P = F @ self.along_P @ F.T + np.diag([0.0, 0.0, self.parameters["process_jerk"] ** 2 * dt])
        self.across_P = G @ self.across_P @ G.T + np.diag([0.0, self.parameters["process_lateral"] ** 2 * dt])

    def update(self, x: float, y: float, range_rate: float, age: float, own_speed: float, yaw_rate: float) -> None:
        """A measurement `age` seconds old: its innovation against the state moved back to when it was taken."""
        then_x = self.along[0] - (self.along[1] - own_speed + yaw_rate * self.across[0]) * age
        then_y = self.across[0] - (self.across[1] - yaw_rate * self.along[0]) * age
        nu_x, nu_y = x - then_x, y - then_y
        self._correct_along(nu_x, np.array([1.0, 0.0, 0.0]), self.parameters["x_sigma"])
        then_speed = self.along[1] - self.along[2] * age
        self._correct_along(range_rate + own_speed - then_speed, np.array([0.0, 1.0, 0.0]), self.parameters["range_rate_sigma"])
        gain = self.across_P[:, 0] / (self.across_P[0, 0] + self.parameters["y_sigma"] ** 2)
        self.across = self.across + gain * nu_y
        self.across_P = self.across_P - np.outer(gain, self.across_P[0])

    def _correct_along(self, nu: float, H: np.ndarray, sigma: float) -> None:
        gain = self.along_P @ H / (H @ self.along_P @ H + sigma**2)
        self.along = self.along + gain * nu
        self.along_P = self.along_P - np.outer(gain, H @ self.along_P)


def entry_time(parameters, lane_width: float, offset: float, speed: float, sigma: float, speed_along: float) -> float:
    """s until a track comes into the path: 0 in it, NaN when it does not come. `offset`, `speed` to the left, in the lane."""
    p = parameters
    if abs(offset) < p["path_half_width_m"]:
        return 0.0
    wanders = lane_width - abs(offset) < p["entry_wander_m"]
    needed = float(p["entry_speed_certain" if wanders else "entry_speed_minimum"])
    if abs(offset) >= 0.5 * lane_width + 0.9:  # else its side is on the marking: moving is enough
        needed = max(p["entry_significance"] * sigma, needed)
    possible = p["entry_slope_maximum"] * abs(speed_along)
    inwards = -np.sign(offset) * speed
    if inwards < needed or possible < needed:
        return np.nan
    time = max((abs(offset) - p["entry_contact_m"]) / min(inwards, possible), 1e-3)
    return float(time) if time < p["entry_horizon_s"] else np.nan
