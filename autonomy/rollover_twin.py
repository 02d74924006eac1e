"""The static rollover threshold of the unit that lies higher."""

from __future__ import annotations

from autonomy.physics import STANDARD_GRAVITY_MPS2


def rollover_threshold(vehicle, mass: float) -> float:
    """m/s2, g t / (2 h). `vehicle`: dtype("VehicleParameters"), `mass` in kg."""
    heights = [float(vehicle["tractor_cg_height_m"])]
    if vehicle["has_trailer"] and mass > vehicle["tractor_mass_kg"]:
        heights.append(float(vehicle["trailer_cg_height_m"]))
    return STANDARD_GRAVITY_MPS2 * float(vehicle["track_width_m"]) / (2.0 * max(heights))
