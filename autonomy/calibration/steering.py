"""Steering ratio, understeer gradient, offset and response time from a drive: steering wheel angle against yaw rate.

    yaw rate(t) = v (angle(t - delay) - offset) / (ratio (wheelbase + understeer gradient v2))

the steady-state bicycle model (Mitschke and Wallentowitz, Dynamik der Kraftfahrzeuge), fitted by robust least squares.
The wheelbase is taken as known: a drive shows only its product with the ratio. Errors of neighbouring ticks are one
error, so the sigmas come from resampling blocks of the drive, not from the residuals' count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from autonomy.calibration.drive import SHORTEST_S

LEAST_TURNING_RADPS = 0.003  # RMS of the yaw rate: below, a drive is straight and says nothing of the ratio
RATE_SCALE_RADPS = 0.01  # residuals well above this (kerbs, gaps) count linearly
PERIOD_S = 0.05  # 20 Hz: a steering motion is slower than 2 Hz
BLOCK_S = 5.0
LARGEST_RATIO_SIGMA = 0.1  # share: beyond, the drive's speeds do not tell ratio and gradient apart
RESAMPLES = 40
LARGEST_DELAY_S = 1.0


class SteeringFit(NamedTuple):
    """What a drive says of the steering.

    `held`: names kept at the configured value because the drive cannot tell them. `values` and `sigmas` by name:
    steering_ratio, understeer_gradient (s2/m), steering_offset_rad (at the wheel), response_s.
    """

    values: dict[str, float]
    sigmas: dict[str, float]
    held: tuple[str, ...]
    residual_rms_radps: float
    time_s: np.ndarray
    measured_radps: np.ndarray
    fitted_radps: np.ndarray


SCALES = (10.0, 0.01, 0.1, 0.1)  # sizes of the four unknowns
NAMES = ("steering_ratio", "understeer_gradient", "steering_offset_rad", "response_s")


def fit(motion: np.ndarray, wheelbase_m: float, understeer_gradient: float) -> SteeringFit | str:
    """`motion`: columns time (s), steering wheel angle (rad), yaw rate (rad/s), speed (m/s); `understeer_gradient`: the
    configured one. A sentence when the drive says nothing."""
    if len(motion) < 2 or np.ptp(motion[:, 0]) < SHORTEST_S:
        return f"needs {SHORTEST_S:g} s of driving with a steering angle"
    thinned = _thin(motion)
    turning = float(np.sqrt(np.mean(thinned[:, 2] ** 2)))
    if turning < LEAST_TURNING_RADPS:
        return f"the drive is too straight: its yaw rate is {np.degrees(turning):.2f} deg/s RMS"
    angle_at = _lookup(motion)
    found, sigmas = _resampled(thinned, angle_at, wheelbase_m, None)
    held: tuple[str, ...] = ()
    if max(sigmas[0], _ratio_sigma(found, thinned, angle_at, wheelbase_m)) > LARGEST_RATIO_SIGMA * found[0]:
        found, sigmas = _resampled(thinned, angle_at, wheelbase_m, understeer_gradient)
        held = ("understeer_gradient",)
    model = _model(found, thinned, angle_at, wheelbase_m)
    return SteeringFit(
        dict(zip(NAMES, map(float, found), strict=True)), dict(zip(NAMES, map(float, sigmas), strict=True)), held,
        float(np.sqrt(np.mean((model - thinned[:, 2]) ** 2))), thinned[:, 0], thinned[:, 2], model,
    )  # fmt: skip


def _resampled(rows: np.ndarray, angle_at, wheelbase_m: float, gradient: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Solution and its spread over resampled blocks; the gradient is held where one is given."""
    found = _solve(rows, angle_at, wheelbase_m, np.array([15.0, 0.002, 0.0, 0.1]), gradient)
    blocks = np.array_split(np.arange(len(rows)), max(4, round(np.ptp(rows[:, 0]) / BLOCK_S)))
    random = np.random.default_rng(0)  # the same drive gives the same sigmas
    drawn = [np.concatenate([blocks[i] for i in random.integers(0, len(blocks), len(blocks))]) for _ in range(RESAMPLES)]
    return found, np.std([_solve(rows[chosen], angle_at, wheelbase_m, found, gradient) for chosen in drawn], axis=0)


def _ratio_sigma(found: np.ndarray, rows: np.ndarray, angle_at, wheelbase_m: float) -> float:
    """From the curvature of the fit, its errors taken as one a block: sees the flat valley that resampling cannot leave."""
    step = 1e-6 * np.array(SCALES)
    at = lambda parameters: _model(parameters, rows, angle_at, wheelbase_m)  # noqa: E731
    slopes = [(at(found + shift) - at(found - shift)) / 2e-6 for shift in np.diag(step)]  # a unit is SCALES
    variance = np.mean((at(found) - rows[:, 2]) ** 2) * BLOCK_S / PERIOD_S
    normal = np.array(slopes) @ np.array(slopes).T
    return SCALES[0] * float(np.sqrt(variance * np.linalg.pinv(normal, rcond=1e-12)[0, 0]))


def _thin(motion: np.ndarray) -> np.ndarray:
    step = max(1, round(PERIOD_S / float(np.median(np.diff(motion[:, 0])))))
    rows = motion[::step]
    return rows[rows[:, 0] >= motion[0, 0] + LARGEST_DELAY_S]


def _lookup(motion: np.ndarray):
    return lambda time: np.interp(time, motion[:, 0], motion[:, 1])


def _model(parameters: np.ndarray, rows: np.ndarray, angle_at, wheelbase_m: float) -> np.ndarray:
    ratio, gradient, offset, delay = parameters
    speed = rows[:, 3]
    return speed * (angle_at(rows[:, 0] - delay) - offset) / (ratio * (wheelbase_m + gradient * speed**2))


def _solve(rows: np.ndarray, angle_at, wheelbase_m: float, start: np.ndarray, gradient: float | None) -> np.ndarray:
    lowest, highest = np.array([3.0, -0.02, -1.0, 0.0]), np.array([40.0, 0.05, 1.0, LARGEST_DELAY_S])
    if gradient is not None:
        lowest[1], highest[1] = gradient - 1e-9, gradient + 1e-9
    return least_squares(
        lambda parameters: _model(parameters, rows, angle_at, wheelbase_m) - rows[:, 2], np.clip(start, lowest, highest),
        loss="soft_l1", f_scale=RATE_SCALE_RADPS, x_scale=SCALES, bounds=(lowest, highest),
    ).x  # fmt: skip
