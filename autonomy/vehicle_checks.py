"""What of a vehicle's parameters cannot be, though each value alone can."""

from __future__ import annotations

import numpy as np


def impossible(vehicle: np.ndarray) -> list[tuple[str, str]]:
    """(key, what is wrong and what to do) of a VehicleParameters."""
    if not vehicle["has_trailer"]:
        return []
    mass, tractor = float(vehicle["mass_kg"]), float(vehicle["tractor_mass_kg"])
    wheelbase = float(vehicle["trailer_wheelbase_m"])
    found = [(key, f"= {float(vehicle[key]):g} lies behind the trailer's axles, trailer_wheelbase_m = {wheelbase:g}: the trailer "
                   "would lift the fifth wheel; measure both from the kingpin")
             for key in ("trailer_cg_x_m", "trailer_tare_cg_x_m") if not float(vehicle[key]) < wheelbase]  # fmt: skip
    if mass < tractor:
        found.append(("mass_kg", f"= {mass:g}: the tractor alone weighs more, tractor_mass_kg = {tractor:g}; give that of the "
                      "combination in kg"))  # fmt: skip
    return found
