"""Scale, slip and delay of the gearbox's shaft and of the wheel speeds in use, against the ego filter's speed.

    shaft r / i = rho v(t - delay) (1 + kappa F)        wheel = scale v(t - delay)

in their linear form about the ego filter's speed v and acceleration. The ego filter holds v against satellites and IMU; what it
is uncertain of in v's scale and time is an error that every sample shares.
"""

from __future__ import annotations

import numpy as np

from autonomy.calibration.batch_fit import Fit, fit
from autonomy.calibration.truck_drive import TruckDrive

BLOCK_S = 10.0
SETTLES_S = 20.0  # the ego filter, and with it what is compared
LEAST_SAMPLES, LEAST_SPEED_MPS = 100, 3.0
SCALE_SIGMA, DELAY_SIGMA_S = 0.05, 0.1
SCALE_DOUBT = 5e-4  # what the driven wheels need to roll is slip too
DELAY_DOUBT_S = 0.02  # the ego filter's time: what it takes for the delay of all others moves by 0 to 45 ms from drive to drive
SLIP_DOUBT_SHARE = 0.05
TOO_LITTLE = f"beyond its first {SETTLES_S:.0f} s at {LEAST_SPEED_MPS:.0f} m/s the drive has fewer than {LEAST_SAMPLES} samples"


def fit_shaft(drive: TruckDrive) -> Fit | str:
    """values: scale rho, delay (s), slip per force (1/N). A sentence when the drive says nothing of it."""
    vehicle, truck = drive.parameters["vehicle"], drive.parameters["truck"]
    trusted = drive.forces_known()
    per_shaft = float(vehicle["wheel_radius_m"]) / float(vehicle["driveline_ratio"])
    noise = np.hypot(float(truck["shaft_sigma_radps"]) * per_shaft, 0.02)
    found = _fit(drive, drive.shaft, per_shaft, noise, trusted, float(truck["slip_compliance"]),
                 float(truck["slip_compliance_sigma"]))  # fmt: skip
    return f"{TOO_LITTLE} of the gearbox's shaft with known forces" if found is None else found


def fit_wheels(drive: TruckDrive) -> Fit | str:
    """values: scale, delay (s), and 0. A sentence when the drive says nothing of it."""
    found = _fit(drive, drive.wheel, 1.0, float(drive.parameters["truck"]["wheel_sigma_mps"]), None, 0.0, 1e-12)
    return f"{TOO_LITTLE} of wheel speeds" if found is None else found


def _fit(drive: TruckDrive, samples: np.ndarray, scale: float, noise: float, trusted: np.ndarray | None, slip: float,
         slip_sigma: float) -> Fit | None:  # fmt: skip
    ticks = drive.ticks
    time = ticks["time_s"]
    known = (ticks["ego_known"] > 0) & (ticks["ego_speed"] > LEAST_SPEED_MPS)
    if not known.any():
        return None
    known &= time > time[known][0] + SETTLES_S
    if trusted is not None:
        known &= trusted & np.isfinite(ticks["traction_n"])
    place = np.clip(np.searchsorted(time, samples[:, 0]), 1, len(time) - 1)
    good = known[place] & known[place - 1]
    if np.count_nonzero(good) < LEAST_SAMPLES:
        return None
    at, told = samples[good, 0], scale * samples[good, 1]
    speed, acceleration = (np.interp(at, time, ticks[name]) for name in ("ego_speed", "acceleration"))
    force = np.interp(at, time, np.nan_to_num(ticks["traction_n"]))

    def residuals(parameters: np.ndarray) -> np.ndarray:
        rho, delay, kappa = parameters
        return (told - rho * (speed - delay * acceleration) * (1.0 + kappa * force)) / noise

    found = fit(residuals, np.array([1.0, 0.0, slip]), np.array([SCALE_SIGMA, DELAY_SIGMA_S, slip_sigma]),
                (at // BLOCK_S).astype(int))  # fmt: skip
    shared = float(np.median(ticks["ego_speed_sigma"][place[good]] / speed))
    late = float(ticks["ego_delay_sigma"][place[good][-1]])
    doubts = np.array([np.hypot(shared, SCALE_DOUBT), np.hypot(late, DELAY_DOUBT_S), SLIP_DOUBT_SHARE * slip])
    return found._replace(sigmas=np.hypot(found.sigmas, doubts))
