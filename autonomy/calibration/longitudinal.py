"""Mass, rolling resistance, air drag and the engine torque's constant error from what force makes of specific force.

    s = (F + k tau - 1/2 rho CdA (v + w)|v + w| - m_rot a) / m - e

as the truck step's mass filter has it (docs/truck.md), over the whole drive at once: the area is one more unknown, the wind
from ahead a line between knots. Only ticks in which the truck step trusts the forces count.
"""

from __future__ import annotations

import numpy as np

from autonomy.calibration.batch_fit import Fit, fit
from autonomy.calibration.truck_drive import TruckDrive
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

BLOCK_S = 20.0  # errors of slope and wind stay alike for so long
SPECIFIC = 6  # column of the bins
LEAST_BINS = 60
LEAST_FORCE_N = 3000.0  # spread of the forces: below it the mass does not show
DRAG_SHARE = 0.25  # prior of the area: bodies differ
MASS_SHARE = 0.35  # prior of the mass about a first guess
WIDE = 10.0
RESISTANCE_DOUBT_MPS2 = 0.006  # what tilt and frame leave, that no drive shows


def fit_drive(drive: TruckDrive) -> Fit | str:
    """values: mass (kg), rolling resistance (share of the weight), drag area (m2), torque offset (N m); then the wind's knots.
    A sentence when the drive says nothing of it."""
    vehicle, truck = drive.parameters["vehicle"], drive.parameters["truck"]
    bins = _bins(drive, float(truck["mass_bin_s"]))
    if len(bins) < LEAST_BINS:
        known, needed = (count * float(truck["mass_bin_s"]) for count in (len(bins), LEAST_BINS))
        return (f"forces were known for {known:.0f} s, {needed:.0f} are needed: a longer drive, with engine torque, gear and "
                "shaft told")  # fmt: skip
    time, force, specific, spread = bins[:, 0], bins[:, 1], bins[:, SPECIFIC], bins[:, SPECIFIC + 1]
    if np.std(force) < LEAST_FORCE_N:
        return "the drive has no accelerations: its forces hardly differ"
    knots = _knots(bins, truck)
    guess = 1.0 / max(np.polyfit(force, specific, 1)[0], 1.0 / float(truck["mass_maximum_kg"]))
    noise = np.hypot(float(truck["mass_noise_mps2"]),
                     (float(truck["mass_force_share"]) * np.abs(force) + 0.3 * spread) / guess)  # fmt: skip

    def residuals(parameters: np.ndarray) -> np.ndarray:
        return (bins[:, SPECIFIC] - _expected(parameters, bins, knots)) / noise

    wind, keep = float(truck["headwind_sigma_mps"]), np.exp(-1.0)
    coupling = np.zeros((len(knots) - 1, 4 + len(knots)))  # what a knot owes to the one before; its own prior is wide
    for k in range(len(knots) - 1):  # forgotten from one knot to the next as the truck step does
        coupling[k, 4 + k], coupling[k, 5 + k] = -keep, 1.0
    coupling /= wind * np.sqrt(1.0 - keep**2)
    start = np.array([guess, float(vehicle["rolling_resistance"]), float(vehicle["drag_area_m2"]), 0.0, *np.zeros(len(knots))])
    sigmas = np.array([MASS_SHARE * guess, float(truck["resistance_sigma_mps2"]) / STANDARD_GRAVITY_MPS2, DRAG_SHARE * start[2],
                       float(truck["engine_torque_sigma_nm"]), wind, *np.full(len(knots) - 1, WIDE * wind)])  # fmt: skip
    low, high = np.full(len(start), -np.inf), np.full(len(start), np.inf)
    low[0], high[0], low[2] = float(truck["mass_minimum_kg"]), float(truck["mass_maximum_kg"]), 0.5
    found = fit(residuals, start, sigmas, (time // BLOCK_S).astype(int), (low, high), coupling=coupling)
    share = float(truck["mass_systematic_share"])
    doubts = np.zeros(len(start))
    doubts[0], doubts[2] = share * found.values[0], share * found.values[2]
    doubts[1] = RESISTANCE_DOUBT_MPS2 / STANDARD_GRAVITY_MPS2
    return found._replace(sigmas=np.hypot(found.sigmas, doubts))


def fitted(drive: TruckDrive, fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """(n,) each: net force of the driven wheels over the fitted mass less rolling resistance, and the specific force, m/s2."""
    truck = drive.parameters["truck"]
    bins = _bins(drive, float(truck["mass_bin_s"]))
    return _expected(fit.values, bins, _knots(bins, truck)), bins[:, SPECIFIC]


def _knots(bins: np.ndarray, truck) -> np.ndarray:
    return np.arange(bins[0, 0], bins[-1, 0] + float(truck["headwind_time_s"]), float(truck["headwind_time_s"]))


def _expected(parameters: np.ndarray, bins: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """m/s2, of each bin."""
    time, force, per_torque, rotating, speed, acceleration = bins.T[:SPECIFIC]
    mass, rolling, area, torque = parameters[:4]
    air = speed + np.interp(time, knots, parameters[4:])
    net = force + per_torque * torque - 0.5 * AIR_DENSITY_KGPM3 * area * air * np.abs(air) - rotating * acceleration
    return net / mass - STANDARD_GRAVITY_MPS2 * rolling


def _bins(drive: TruckDrive, length_s: float) -> np.ndarray:
    """(n, 8): time, force, its growth per torque, turning mass, speed, acceleration, specific force, spread of the force."""
    vehicle, truck, ticks = drive.parameters["vehicle"], drive.parameters["truck"], drive.ticks
    radius = float(vehicle["wheel_radius_m"]) / float(drive.last["shaft_scale"])
    final = float(vehicle["driveline_ratio"])
    with np.errstate(invalid="ignore", divide="ignore"):
        turning = ticks["engine_speed"] / ticks["shaft_speed"]
    ratio = final * np.where(ticks["gear_ratio"] > 0.0, ticks["gear_ratio"], turning)
    specific = (ticks["acceleration"] + STANDARD_GRAVITY_MPS2 * np.sin(ticks["grade"])) / (
        1.0 + STANDARD_GRAVITY_MPS2 * float(truck["frame_pitch_rad_per_mps2"]))  # fmt: skip
    rotating = (float(truck["wheel_inertia_kgm2"]) + float(truck["engine_inertia_kgm2"]) * ratio**2) / radius**2
    table = np.column_stack([
        ticks["time_s"], ticks["traction_n"], float(truck["driveline_efficiency"]) * ratio / radius, rotating, ticks["speed"],
        ticks["acceleration"], specific,
    ])  # fmt: skip
    good = drive.forces_known() & np.isfinite(table).all(axis=1)
    period = float(np.median(np.diff(ticks["time_s"])))
    size = max(1, round(length_s / period))
    found = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        for first in range(begin, end - size + 1, size):
            rows = table[first : first + size]
            found.append([*rows.mean(axis=0), rows[:, 1].std()])
    return np.array(found).reshape(-1, 8)
