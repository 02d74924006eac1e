"""Dead time, lag and play of the steering from the commands that were sent and the angle that was measured.

    a' = (command(t - dead time) - a) / lag     wheels follow a through the play     measured = wheels + offset

as the truck step has it (docs/truck.md), over all stretches in which the stack steered, at once.
"""

from __future__ import annotations

import math

import numpy as np

from autonomy.calibration.batch_fit import Fit, fit
from autonomy.calibration.truck_drive import TruckDrive

STEP_S = 0.01
SETTLES_S = 3.0  # of a stretch: what was before it is not known
LEAST_S = 20.0
KEPT = 5  # every so many ticks: 20 Hz
BLOCK_S = 10.0
LEAST_MOVING_RAD = 3e-4  # RMS about the mean: below it nothing moves
NOISE_RAD = 3e-4  # of the measured angle about the model
OFFSET_SIGMA_RAD = 0.005
TIME_DOUBT_S = 0.003  # a tick is 10 ms, and the steering is no first-order lag


def fit_drive(drive: TruckDrive) -> Fit | str:
    """values: dead time (s), lag (s), whole play (rad), offset (rad). A sentence when the drive says nothing of it."""
    vehicle, truck = drive.parameters["vehicle"], drive.parameters["truck"]
    stretches = _stretches(drive)
    if sum(len(commands) for _, commands, _, _ in stretches) * STEP_S < LEAST_S:
        return "the log holds less than 20 s in which the stack steered (/out/actuation)"
    moved = np.concatenate([commands - commands.mean() for _, commands, _, _ in stretches])
    if math.sqrt(np.mean(moved**2)) < LEAST_MOVING_RAD:
        return "the steering hardly moved"

    def residuals(parameters: np.ndarray) -> np.ndarray:
        parts = [_misfit(parameters, *stretch[1:]) for stretch in stretches]
        return np.concatenate(parts) / NOISE_RAD

    start = np.array([float(vehicle["steering_delay_s"]), max(float(vehicle["steering_lag_s"]), 0.05),
                      max(float(vehicle["steering_play_rad"]), 2e-4), 0.0])  # fmt: skip
    sigmas = np.array([float(truck["steering_delay_sigma_s"]), float(truck["steering_lag_sigma_s"]),
                       float(truck["steering_play_sigma_rad"]), OFFSET_SIGMA_RAD])  # fmt: skip
    blocks = np.concatenate([_kept(time) for time, _, _, _ in stretches]) // BLOCK_S
    bounds = np.array([0.0, 0.01, 0.0, -0.1]), np.array([0.5, 1.0, 0.02, 0.1])
    found = fit(residuals, start, sigmas, blocks.astype(int), bounds, step=0.02)
    return found._replace(sigmas=np.hypot(found.sigmas, [TIME_DOUBT_S, TIME_DOUBT_S, 0.0, 0.0]))


def fitted(drive: TruckDrive, fit: Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) each: time, measured angle, the model's, rad, over the stretches used; NaN between them."""
    parts = []
    for time, commands, measured, age in _stretches(drive):
        misfit = _misfit(fit.values, commands, measured, age)
        parts.append(np.vstack([np.column_stack([_kept(time), _kept(measured), _kept(measured) - misfit]), np.full(3, np.nan)]))
        parts[-1][-1, 0] = time[-1]
    return tuple(np.concatenate(parts).T)


def _kept(values: np.ndarray) -> np.ndarray:
    return values[round(SETTLES_S / STEP_S) :: KEPT]


def _stretches(drive: TruckDrive) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(time, command, measured angle, its age) a tick, of each stretch in which the stack steered without a break."""
    ticks, sent = drive.ticks, drive.sent("road_wheel_angle_rad")
    good = np.isfinite(sent) & (ticks["steering_known"] > 0)
    good[1:] &= np.abs(np.diff(ticks["time_s"]) - STEP_S) < 0.5 * STEP_S
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    columns = (ticks["time_s"], sent, ticks["road_wheel_angle"], ticks["steering_age_s"])
    return [tuple(column[first:last] for column in columns) for first, last in zip(edges[::2], edges[1::2], strict=True)
            if (last - first) * STEP_S > 2.0 * SETTLES_S]  # fmt: skip


def _misfit(parameters: np.ndarray, commands: np.ndarray, measured: np.ndarray, age_s: np.ndarray) -> np.ndarray:
    """rad (n,) of the ticks kept: measured less what the model says of the moment of the measurement."""
    wheels = response(commands, *parameters[:3], measured[0] - parameters[3])
    at = np.arange(len(commands)) - age_s / STEP_S
    return _kept(measured - parameters[3] - np.interp(at, np.arange(len(commands)), wheels))


def response(commands: np.ndarray, dead_time_s: float, lag_s: float, play_rad: float, before: float = 0.0) -> np.ndarray:
    """rad (n,) of the wheels at each tick; a command is in force from its tick on, the wheels stand at `before`."""
    from scipy.signal import lfilter

    count = len(commands)
    total = np.concatenate([[0.0], np.cumsum(commands)])  # means over any tick, however the dead time lies
    edges = np.arange(count + 1) - dead_time_s / STEP_S
    summed = np.interp(edges, np.arange(count + 1), total) + np.minimum(edges, 0.0) * before
    acting = np.concatenate([[before], np.diff(summed)[:-1]])  # of the tick that ends here
    share = 1.0 - math.exp(-STEP_S / lag_s)
    actuator, _ = lfilter([share], [1.0, share - 1.0], acting, zi=[(1.0 - share) * before])
    half, wheels, found = 0.5 * play_rad, before, np.empty(count)
    for place, angle in enumerate(actuator.tolist()):
        wheels = min(max(wheels, angle - half), angle + half)
        found[place] = wheels
    return found
