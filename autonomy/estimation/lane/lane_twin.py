"""The clothoid filter with NumPy and SciPy: exponential of the model's matrix, joint update, `polyfit` for the path.

State: offset, heading error, curvature, curvature rate, width left, width right.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm


def transition(distance: float) -> np.ndarray:
    """F over a distance in m: offset' = heading, heading' = -curvature, curvature' = curvature rate, by the metre."""
    model = np.zeros((6, 6))
    model[0, 1], model[1, 2], model[2, 3] = 1.0, -1.0, 1.0
    return expm(model * distance)


def predict(x, P, parameters, dt: float, speed: float, drift: float, yaw_rate: float):
    """One tick. `drift` is the lateral velocity in m/s, yaw rate in rad/s."""
    F = transition(speed * dt)
    turned = np.zeros(6)
    turned[0] = 0.5 * speed * dt * yaw_rate * dt + drift * dt
    turned[1] = yaw_rate * dt
    Q = np.diag([
        parameters["process_offset"] ** 2 * dt, parameters["process_heading"] ** 2 * dt, 0.0,
        parameters["process_curvature_rate"] ** 2 * abs(speed * dt),
        parameters["process_width"] ** 2 * dt, parameters["process_width"] ** 2 * dt,
    ])  # fmt: skip
    return F @ x + turned, F @ P @ F.T + Q


def update(x, P, H, z, sigma):
    """z = H x + noise with independent sigmas."""
    S = H @ P @ H.T + np.diag(np.square(sigma))
    K = P @ H.T @ np.linalg.inv(S)
    return x + K @ (z - H @ x), P - K @ H @ P


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
