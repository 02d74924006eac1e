"""Gains of the lateral LQR with curvature preview over a grid of speeds, computed once at start.

Model per speed v, dead time taken out by the controller's roll through the commands on their way:

    offset' = v direction
    direction' = g angle - v curvature - slip v g angle',   g = v / (L + K v^2)
    angle' = (command - angle) / lag

where angle is the yaw rate in terms of the road wheel angle that holds it, lag that of steering and yaw together, and
direction that of travel at the drive axle, which its tyres' slip turns outwards by slip times lateral acceleration.
With command = (L + K v^2) curvature + u the cost  sum q_e offset^2 + q_h direction^2 + r u^2  is zero on any steady bend, so
that preview leaves no standing offset. Feedback: the discrete algebraic Riccati equation (SciPy). Preview: Tomizuka's
optimal gains (R + B'PB)^-1 B' (A - BK)'^j P D on the curvature j ticks ahead, summed over PREVIEW_PERIOD_S; what lies
beyond the last one is added to it, which keeps the sum, and with it the steady bend, exact.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm, solve_discrete_are

from autonomy.msg import constants

COMPUTED_FIELDS = frozenset({"gain_speed_mps", "gain_feedback", "gain_preview"})
SPEED_MPS = np.concatenate([np.arange(3.0, 9.0, 2.0), np.arange(9.0, 35.0, 2.0)])  # 3, 5, 7, 9 ... 33


def model(vehicle, speed: float, period: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (3, 3), B (3,), D (3,) of the discrete model, exact for command and curvature constant over `period` seconds."""
    effective_wheelbase = float(vehicle["wheelbase_m"]) + float(vehicle["understeer_gradient"]) * speed**2
    lag = float(vehicle["steering_lag_s"]) + float(vehicle["yaw_lag_s"])
    gain = speed / effective_wheelbase
    drift = float(vehicle["drive_slip_gradient"]) * speed * gain / lag
    continuous = np.zeros((5, 5))  # offset, direction, angle | command, curvature
    continuous[0, 1] = speed
    continuous[1, 2:] = gain + drift, -drift, -speed
    continuous[2, 2:4] = -1.0 / lag, 1.0 / lag
    discrete = expm(continuous * period)
    command = discrete[:3, 3]
    return discrete[:3, :3], command, discrete[:3, 4] + effective_wheelbase * command


def gains(weights, vehicle, speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Feedback (3,) and preview (PREVIEW_COUNT,) gains at one speed.

    `weights` and `vehicle` have the fields of LateralParameters and VehicleParameters. The weight on the angle grows with
    the fourth power of the lateral acceleration an angle makes, so that the lane is held equally briskly in seconds.
    """
    shape = constants("LateralParameters")
    wheelbase = float(vehicle["wheelbase_m"]) + float(vehicle["understeer_gradient"]) * speed**2
    A, B, D = model(vehicle, speed, shape["TICK_PERIOD_S"])
    B, D = B[:, None], D[:, None]
    reference = shape["REFERENCE_SPEED_MPS"]
    reference_gain = reference**2 / (float(vehicle["wheelbase_m"]) + float(vehicle["understeer_gradient"]) * reference**2)
    scale = (speed**2 / wheelbase / reference_gain) ** 2
    Q = np.diag([float(weights["offset_weight"]), float(weights["heading_weight"]) * (speed / reference) ** 2, 0.0])
    R = np.array([[float(weights["angle_weight"]) * scale]])
    P = solve_discrete_are(A, B, Q, R)
    inverse = np.linalg.inv(R + B.T @ P @ B)
    feedback = (inverse @ B.T @ P @ A)[0]
    closed = A - B @ feedback[None, :]
    count = int(shape["PREVIEW_COUNT"])
    ticks = round(shape["PREVIEW_PERIOD_S"] / shape["TICK_PERIOD_S"])
    preview = np.zeros(count)
    carried = P @ D
    for step in range(count * ticks):
        preview[step // ticks] += (inverse @ B.T @ carried)[0, 0]
        carried = closed.T @ carried
    preview[-1] += -feedback[2] * wheelbase - preview.sum()
    return feedback, preview


def compute(parameters: np.ndarray) -> None:
    """Writes the gain arrays of `parameters.lateral` in place, from its weights and `parameters.vehicle`."""
    lateral = parameters["lateral"]
    computed = [gains(lateral, parameters["vehicle"], speed) for speed in SPEED_MPS]
    lateral["gain_speed_mps"] = SPEED_MPS
    lateral["gain_feedback"] = np.concatenate([feedback for feedback, _ in computed])
    lateral["gain_preview"] = np.concatenate([preview for _, preview in computed])
