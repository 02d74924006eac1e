"""What of a vehicle's parameters cannot be, though each value alone can."""

from __future__ import annotations

import numpy as np


def impossible(vehicle: np.ndarray) -> list[tuple[str, str]]:
    """(key, what is wrong and what to do) of a VehicleParameters."""
    return _axles(vehicle) + (_trailer(vehicle) if vehicle["has_trailer"] else [])


def _axles(vehicle: np.ndarray) -> list[tuple[str, str]]:
    behind, driven = int(np.count_nonzero(vehicle["tractor_cornering_stiffness"][1:])), int(vehicle["driven_axles"])
    if 1 <= driven <= max(behind, 1):
        return []
    return [("driven_axles", f"= {driven}: the tractor has {behind} behind its front axle; say how many the engine drives")]


def _trailer(vehicle: np.ndarray) -> list[tuple[str, str]]:
    mass, tractor = float(vehicle["mass_kg"]), float(vehicle["tractor_mass_kg"])
    wheelbase = float(vehicle["trailer_wheelbase_m"])
    found = [(key, f"= {float(vehicle[key]):g} lies behind the trailer's axles, trailer_wheelbase_m = {wheelbase:g}: the trailer "
                   "would lift the fifth wheel; measure both from the kingpin")
             for key in ("trailer_cg_x_m", "trailer_tare_cg_x_m") if not float(vehicle[key]) < wheelbase]  # fmt: skip
    if mass < tractor:
        found.append(("mass_kg", f"= {mass:g}: the tractor alone weighs more, tractor_mass_kg = {tractor:g}; give that of the "
                      "combination in kg"))  # fmt: skip
    return found
