"""What the stack believes of its truck beside what the plant is: a drive with the wrong vehicle file must not look like bad
control."""

from __future__ import annotations

from typing import Any

TOLERANCE = 0.02  # relative; below it two figures are the same


def differences(world, vehicle, mass_kg: float) -> list[dict[str, Any]]:
    """[{parameter, stack, plant}] of what is more than 2 % apart; empty for a world that shows no plant.

    `mass_kg`: what the stack believed last. It learns its mass, so the configured one says little of a drive.
    """
    body, plant = getattr(world, "body", None), getattr(world, "plant", None)
    if body is None or plant is None:
        return []
    found = []
    for name, value in _figures(body, plant).items():
        own = mass_kg if name == "mass_kg" else float(vehicle[name])
        if abs(own - value) > TOLERANCE * max(abs(value), 0.1):
            found.append({"parameter": name, "stack": own, "plant": value})
    return found


def _figures(body, plant) -> dict[str, float]:
    """By the names of VehicleParameters."""
    known = {"mass_kg": float(plant.state["mass"]), "front_overhang_m": body.front, "rear_overhang_m": body.rear,
             "width_m": body.width, **body.geometry()}  # fmt: skip
    parameters = getattr(plant, "parameters", None)
    for name, own in (("steering_delay_s", "steering_delay_s"), ("steering_lag_s", "steering_lag_s"),
                      ("wheel_radius_m", "wheel_radius")):  # fmt: skip
        if parameters is not None and own in (parameters.dtype.names or ()):
            known[name] = float(parameters[own])
    return known
