"""What of the weight lies on which axles, by the balance of forces and moments, and what the driven ones may be braked with."""

from __future__ import annotations

import numpy as np

from autonomy.physics import STANDARD_GRAVITY_MPS2


def axle_shares(vehicle, mass_kg: float) -> np.ndarray:
    """Share (3,) of the weight on one front, driven, trailer axle: balance of forces and moments of both units at rest."""
    rear = max(int(np.count_nonzero(vehicle["tractor_cornering_stiffness"][1:])), 1)
    behind = int(np.count_nonzero(vehicle["trailer_cornering_stiffness"]))
    base, hitch = float(vehicle["wheelbase_m"]), float(vehicle["hitch_offset_m"])
    if not (vehicle["has_trailer"] and behind and mass_kg > vehicle["tractor_mass_kg"]):
        front = float(vehicle["tractor_cg_x_m"]) / base
        return np.array([front, (1.0 - front) / rear, 0.0])
    tractor, tare = float(vehicle["tractor_mass_kg"]), float(vehicle["trailer_tare_mass_kg"])
    trailer = mass_kg - tractor
    full, tare_place = float(vehicle["loaded_mass_kg"]) - tractor - tare, float(vehicle["trailer_tare_cg_x_m"])
    load_place = float(vehicle["trailer_cg_x_m"])
    if full > 1.0:
        load_place = (load_place * (tare + full) - tare * tare_place) / full
    load = max(trailer - tare, 0.0)
    place = (tare * tare_place + load * load_place) / trailer if load > 0.0 else tare_place
    # Unknowns: front axle, driven group, trailer group, kingpin. About the trailer's axle group; about the driven group
    length = float(vehicle["trailer_wheelbase_m"])
    matrix = np.array([[0.0, 0.0, 0.0, length], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, -1.0], [base, 0.0, 0.0, hitch]])
    right = np.array([trailer * (length - place), trailer, tractor, tractor * float(vehicle["tractor_cg_x_m"])])
    front, driven, group, _ = np.linalg.solve(matrix, right)
    return np.array([front, driven / rear, group / behind]) / mass_kg


def driven_most(vehicle, truck, mass_kg: float) -> float:
    """N that may brake the driven axles alone, of a combination of this mass on the road of a TruckState."""
    friction = max(float(truck["friction"] - truck["friction_sigma"]), float(truck["friction_low"]))
    load = axle_shares(vehicle, mass_kg)[1] * float(vehicle["driven_axles"]) * mass_kg * STANDARD_GRAVITY_MPS2
    return max(float(vehicle["driven_friction_share"]) * friction * load, 0.0)
