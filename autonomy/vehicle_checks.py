"""What of a vehicle's parameters cannot be, though each value alone can."""

from __future__ import annotations

import numpy as np

from autonomy.axle_loads import axle_shares


def impossible(vehicle: np.ndarray) -> list[tuple[str, str]]:
    """(key, what is wrong and what to do) of a VehicleParameters."""
    return _axles(vehicle) + (_trailer(vehicle) if vehicle["has_trailer"] else []) or _lifted(vehicle)


def _axles(vehicle: np.ndarray) -> list[tuple[str, str]]:
    behind, driven = int(np.count_nonzero(vehicle["tractor_cornering_stiffness"][1:])), int(vehicle["driven_axles"])
    if 1 <= driven <= max(behind, 1):
        return []
    return [("driven_axles", f"= {driven}: the tractor has {behind} behind its front axle; say how many the engine drives")]


def _trailer(vehicle: np.ndarray) -> list[tuple[str, str]]:
    mass, tractor = float(vehicle["mass_kg"]), float(vehicle["tractor_mass_kg"])
    loaded, tare = float(vehicle["loaded_mass_kg"]), float(vehicle["trailer_tare_mass_kg"])
    wheelbase = float(vehicle["trailer_wheelbase_m"])
    found = [(key, f"= {float(vehicle[key]):g} lies behind the trailer's axles, trailer_wheelbase_m = {wheelbase:g}: the trailer "
                   "would lift the fifth wheel; measure both from the kingpin")
             for key in ("trailer_cg_x_m", "trailer_tare_cg_x_m") if not float(vehicle[key]) < wheelbase]  # fmt: skip
    if mass < tractor:
        found.append(("mass_kg", f"= {mass:g}: the tractor alone weighs more, tractor_mass_kg = {tractor:g}; give that of the "
                      "combination in kg"))  # fmt: skip
    if loaded < tractor + tare:
        found.append(("loaded_mass_kg", f"= {loaded:g}: without load it weighs {tractor + tare:g}, tractor_mass_kg and "
                      "trailer_tare_mass_kg; give the mass at which the stiffnesses hold"))  # fmt: skip
    if not np.any(vehicle["trailer_cornering_stiffness"] > 0.0):
        found.append(("trailer_cornering_stiffness", "= 0 throughout: the trailer has no axle; give each in N/rad"))
    return found


def _lifted(vehicle: np.ndarray) -> list[tuple[str, str]]:
    """Axles that would carry nothing, at rest, without load and with it."""
    found = []
    for mass in (float(vehicle["loaded_mass_kg"]), float(vehicle["tractor_mass_kg"] + vehicle["trailer_tare_mass_kg"])):
        front, rear, _ = axle_shares(vehicle, mass)
        for share, axle in ((front, "front axle"), (rear, "axles behind it")):
            if not share > 0.0:
                key = "hitch_offset_m" if vehicle["has_trailer"] else "tractor_cg_x_m"
                found.append((key, f"= {float(vehicle[key]):g}: at {mass:g} kg the tractor's {axle} would be lifted; "
                              "tractor_cg_x_m is ahead of the reference point, hitch_offset_m behind it"))  # fmt: skip
    return found[:1]


def mass_beyond_reach(vehicle: np.ndarray, truck: np.ndarray) -> str | None:
    """Of VehicleParameters and TruckParameters: a combination that is never learned, for it lies outside what is sought."""
    mass, least, most = float(vehicle["mass_kg"]), float(truck["mass_minimum_kg"]), float(truck["mass_maximum_kg"])
    if not vehicle["has_trailer"] or least < mass < most:
        return None
    return (f"= {mass:g} is not between [truck] mass_minimum_kg = {least:g} and mass_maximum_kg = {most:g}, within which it "
            "is learned; widen these, or correct the mass")  # fmt: skip
