"""Lateral and longitudinal law with NumPy: the dead time by the matrix exponential, the gains by `np.interp`."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from autonomy.msg import constants

TICK_S = constants("LateralParameters")["TICK_PERIOD_S"]
PREVIEW_S = constants("LateralParameters")["PREVIEW_PERIOD_S"]
STEP_M = constants("LaneState")["PREVIEW_STEP_M"]


def step(x, command: float, curvature: float, dt: float, lag: float, speed: float, gain: float, slip: float) -> np.ndarray:
    """(offset, direction, angle) after dt; model as in lateral_gains.py."""
    drift = slip * speed * gain / lag
    model = np.zeros((5, 5))
    model[0, 1] = speed
    model[1, 2:] = gain + drift, -drift, -speed
    model[2, 2:4] = -1.0 / lag, 1.0 / lag
    return (expm(model * dt) @ [*x, command, curvature])[:3]


def steer(parameters, vehicle, sent, speed: float, x, preview, bias: float = 0.0) -> dict[str, float]:
    """Road wheel angle in rad. `sent`: commands of the last ticks, newest last; x: offset, direction, angle now;
    `preview`: curvature every STEP_M ahead."""

    def ahead(distance):
        return np.interp(distance, STEP_M * np.arange(len(preview)), preview)

    wheelbase = vehicle["wheelbase_m"] + vehicle["understeer_gradient"] * speed**2
    lag, delay = vehicle["steering_lag_s"] + vehicle["yaw_lag_s"], float(vehicle["steering_delay_s"])
    gain, slip = speed / wheelbase, float(vehicle["drive_slip_gradient"])
    whole = int(delay / TICK_S + 1e-6)
    part = delay - whole * TICK_S
    driven = 0.0
    if part > 0.0:
        x = step(x, sent[-1 - whole] - bias, preview[0], part, lag, speed, gain, slip)
        driven = speed * part
    for i in range(whole, 0, -1):
        x = step(x, sent[-i] - bias, ahead(driven + 0.5 * speed * TICK_S), TICK_S, lag, speed, gain, slip)
        driven += speed * TICK_S
    grid = parameters["gain_speed_mps"]
    feedback = [np.interp(speed, grid, column) for column in parameters["gain_feedback"].reshape(len(grid), -1).T]
    weights = np.array([np.interp(speed, grid, column) for column in parameters["gain_preview"].reshape(len(grid), -1).T])
    acting = speed * delay
    turn = wheelbase * ahead(acting)
    correction = -np.dot(feedback, [x[0], x[1], x[2] - turn])
    foresight = turn - feedback[2] * turn - weights @ ahead(acting + (np.arange(len(weights)) + 0.5) * PREVIEW_S * speed) + bias
    return {"road_wheel_angle": foresight + correction, "feedforward": foresight, "feedback": correction,
            "predicted_offset": x[0], "predicted_heading_error": x[1]}  # fmt: skip


def jerk_limited(parameters, wanted: float, last: float, dt: float, emergency: int = 0) -> float:
    """m/s2: the wanted acceleration within limits, reached from the last one with bounded jerk."""
    most = parameters["emergency_deceleration" if emergency == 2 else "deceleration_maximum"]
    wanted = np.clip(wanted, -most, parameters["acceleration_maximum"])
    down = parameters[("jerk_down", "jerk_firm", "jerk_emergency")[emergency]]
    up = parameters["jerk_firm" if last < -parameters["release_deceleration"] else "jerk_up"]
    return float(np.clip(wanted, last - down * dt, last + up * dt))


def disturbance(rate: float, speeds, expected, dt: float) -> np.ndarray:
    """m/s2 found after each tick from the speeds and the accelerations expected between them: a Luenberger observer of
    x = (speed, disturbance) with both poles at -rate."""
    A, L = np.array([[1.0, dt], [0.0, 1.0]]), np.array([2.0 * rate, rate**2]) * dt
    x, found = np.array([speeds[0], 0.0]), [0.0]
    for speed, acceleration in zip(speeds[1:], expected, strict=True):
        x = A @ x + [acceleration * dt, 0.0]
        x = x + L * (speed - x[0])
        found.append(x[1])
    return np.array(found)
