"""What a drive says of the truck: mass, resistance, shaft, wheels and steering by least squares over the whole of it; tyres,
trailer and steering offset as the truck step's own filter has them after a second pass, which knows the mass from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autonomy.calibration import longitudinal, steering_response, trailer_store, truck_drive, wheels
from autonomy.calibration.batch_fit import Fit
from autonomy.calibration.row import Row
from autonomy.calibration.truck_drive import TruckDrive
from autonomy.physics import STANDARD_GRAVITY_MPS2

LEARNED_SHARE = 0.5  # of the prior's sigma: what stays wider was not learned on this drive
KEPT_SIGMA = 2.0  # the next drive differs from this one by more than noise
LEAST_DELAY_SIGMA_S = 0.005
EVERY_DRIVE = "found again on every drive"
NOT_NARROWED = "the drive did not narrow it"
TYRE_DOUBT = 0.15  # what speeds, loads and relaxation make of a factor: errors of 0.1 to 0.45 were seen
EFFECTIVE = "shown only: holds for this load and these speeds"


@dataclass
class TruckCalibration:
    """`values`: {"section.key": value} of what was learned, for a configuration."""

    rows: list[Row] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    passes: list[TruckDrive] = field(default_factory=list)
    forces: Fit | str = ""
    response: Fit | str = ""

    def store(self, name: str, sections: dict[str, Any]) -> None:
        """Puts the trailer among the stored ones of a configuration. Raises UsageError when there is no room."""
        stored = trailer_store.with_trailer(sections, name, self.passes[-1].last)
        if isinstance(stored, str):
            self.notes.append(f"trailer {name}: {stored}")
        else:
            self.values |= stored


def calibrate(log: Path, config: str | None, overrides: dict[str, Any], tell: Callable[[str], None]) -> TruckCalibration:
    """`overrides`: with what was learned of the sensors. `tell` is told what is being done. Raises as `truck_drive.run`."""
    found = TruckCalibration()
    tell("truck, pass 1")
    first = truck_drive.run(log, config, overrides)
    forces = longitudinal.fit_drive(first)
    tell("truck, pass 2")
    second = truck_drive.run(log, config, overrides | _weighed(forces))
    found.passes, found.forces = [first, second], forces
    configured = first.parameters["vehicle"]
    _longitudinal(found, forces, configured, first.parameters["truck"])
    _wheels(found, wheels.fit_shaft(first), wheels.fit_wheels(first), first.parameters)
    found.response = steering_response.fit_drive(first)
    _steering(found, found.response, first.parameters)
    _combination(found, second, configured)
    return found


def _weighed(forces: Fit | str) -> dict[str, Any]:
    """What the second pass begins with: tyres are learned only where the mass is known. Their own means stay where they were, or
    each pass would take the drive for another one."""
    if isinstance(forces, str):
        return {}
    return {"vehicle.mass_kg": float(forces.values[0]), "vehicle.mass_sigma_kg": float(forces.sigmas[0])}


def trailer_geometry(vehicle, wheelbase_m: float) -> dict[str, Any]:
    """The trailer's axles moved together."""
    moved = wheelbase_m - float(vehicle["trailer_wheelbase_m"])
    there = vehicle["trailer_cornering_stiffness"] > 0.0
    axles = np.where(there, vehicle["trailer_axle_x_m"] + moved, 0.0).tolist()
    return {"vehicle.trailer_wheelbase_m": wheelbase_m, "vehicle.trailer_axle_x_m": axles}


def _add(found: TruckCalibration, name: str, unit: str, value: float, sigma: float, configured: float | None,
         values: dict[str, Any] | None = None, note: str = "") -> None:  # fmt: skip
    """`values` None: shown only, for the reason `note`."""
    used = values is not None and not note
    found.rows.append(Row(name, unit, float(value), float(sigma), None if configured is None else float(configured), used, note))
    if used:
        found.values |= values


def _longitudinal(found: TruckCalibration, fit: Fit | str, vehicle, truck) -> None:
    if isinstance(fit, str):
        found.notes.append(f"mass and resistance: {fit}")
        return
    (mass, rolling, area, torque), sigmas = fit.values[:4], fit.sigmas[:4]
    _add(found, "mass", "kg", mass, sigmas[0], vehicle["mass_kg"], note="the load changes: found again on every drive")
    prior = float(truck["resistance_sigma_mps2"]) / STANDARD_GRAVITY_MPS2
    _add(found, "rolling resistance", "", rolling, sigmas[1], vehicle["rolling_resistance"],
         {"vehicle.rolling_resistance": float(rolling)}, NOT_NARROWED if sigmas[1] > LEARNED_SHARE * prior else "")  # fmt: skip
    prior = longitudinal.DRAG_SHARE * float(vehicle["drag_area_m2"])
    _add(found, "drag area", "m2", area, sigmas[2], vehicle["drag_area_m2"], {"vehicle.drag_area_m2": float(area)},
         NOT_NARROWED if sigmas[2] > LEARNED_SHARE * prior else "")  # fmt: skip
    _add(found, "engine torque beyond what it tells", "N m", torque, sigmas[3], 0.0, note=EVERY_DRIVE)


def _wheels(found: TruckCalibration, shaft: Fit | str, wheel: Fit | str, parameters) -> None:
    vehicle, truck = parameters["vehicle"], parameters["truck"]
    if isinstance(shaft, str):
        found.notes.append(f"shaft: {shaft}")
    else:
        (scale, delay, slip), sigmas = shaft.values, shaft.sigmas
        radius = float(vehicle["wheel_radius_m"]) / scale
        _add(found, "wheel radius", "m", radius, radius * sigmas[0], vehicle["wheel_radius_m"],
             {"vehicle.wheel_radius_m": radius})  # fmt: skip
        prior = float(truck["slip_compliance_sigma"])
        _add(found, "slip of the driven wheels per force", "1/kN", 1e3 * slip, 1e3 * sigmas[2], 1e3 * truck["slip_compliance"],
             {"truck.slip_compliance": float(slip), "truck.slip_compliance_sigma": KEPT_SIGMA * float(sigmas[2])},
             NOT_NARROWED if sigmas[2] > LEARNED_SHARE * prior else "")  # fmt: skip
        _add(found, "shaft delay", "s", delay, sigmas[1], None, note="shown only: the truck step takes the shaft as prompt")
    if isinstance(wheel, str):
        found.notes.append(f"wheels: {wheel}")
        return
    delay, sigma = float(wheel.values[1]), float(wheel.sigmas[1])
    # A time between: it cannot be told from before the sample was taken
    _add(found, "wheel speed delay in the truck step", "s", delay, sigma, truck["wheel_delay_s"],
         {"truck.wheel_delay_s": max(delay, 0.0), "truck.wheel_delay_sigma_s": max(KEPT_SIGMA * sigma, LEAST_DELAY_SIGMA_S)},
         NOT_NARROWED if sigma > LEARNED_SHARE * float(truck["wheel_delay_sigma_s"]) else "")  # fmt: skip


def _steering(found: TruckCalibration, fit: Fit | str, parameters) -> None:
    if isinstance(fit, str):
        found.notes.append(f"steering response: {fit}")
        return
    vehicle, truck = parameters["vehicle"], parameters["truck"]
    for place, (name, unit, key, prior) in enumerate((
        ("steering dead time", "s", "delay", "steering_delay_sigma_s"), ("steering lag", "s", "lag", "steering_lag_sigma_s"),
        ("steering play", "rad", "play", "steering_play_sigma_rad"),
    )):  # fmt: skip
        value, sigma = float(fit.values[place]), float(fit.sigmas[place])
        own = f"steering_{key}_{unit}"
        _add(found, name, unit, value, sigma, vehicle[own],
             {f"vehicle.{own}": value, f"truck.{prior}": min(max(KEPT_SIGMA * sigma, 1e-4), float(truck[prior]))},
             NOT_NARROWED if sigma > LEARNED_SHARE * float(truck[prior]) else "")  # fmt: skip


def _combination(found: TruckCalibration, drive: TruckDrive, configured) -> None:
    last = drive.last
    if not last["has_trailer"]:
        found.notes.append("tyres and trailer: the vehicle has no trailer")
        return
    _add(found, "steering offset at the road wheel", "rad", last["steering_offset_rad"], last["steering_offset_sigma_rad"], None,
         note=EVERY_DRIVE)  # fmt: skip
    axles = (("front", "front"), ("driven", "rear"), *((("trailer", "trailer"),) if drive.trailer_sensed else ()))
    for name, axle in axles:
        sigma = float(np.hypot(last[f"{axle}_tyre_factor_sigma"], TYRE_DOUBT))
        _add(found, f"{name} tyre factor", "", last[f"{axle}_tyre_factor"], sigma, 1.0, note=EFFECTIVE)
    if not drive.trailer_sensed:
        found.notes.append("trailer: no sensor told its angle, so neither wheelbase nor tyres show")
        return
    wheelbase = float(last["trailer_wheelbase_m"])
    note = "" if last["trailer_wheelbase_known"] else NOT_NARROWED
    _add(found, "trailer wheelbase", "m", wheelbase, last["trailer_wheelbase_sigma_m"], configured["trailer_wheelbase_m"],
         trailer_geometry(configured, wheelbase), note)  # fmt: skip
