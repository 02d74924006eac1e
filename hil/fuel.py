"""Fuel as it is talked about: litres per 100 km, and what a tonne of payload carried a kilometre costs in carbon dioxide."""

from __future__ import annotations

DENSITY = 0.836  # kg/l, diesel B7 as Regulation (EU) 2017/2400 takes it [M]
CO2 = 3.13  # kg per kg of fuel [M] the same


def fuel_figures(fuel_kg: float, distance_m: float, payload_kg: float) -> dict[str, float | None]:
    """{fuel_kg, fuel_l_per_100km, co2_g_per_tkm}; the last is None without a payload, both None without a distance."""
    if not distance_m > 0.0:
        return {"fuel_kg": fuel_kg, "fuel_l_per_100km": None, "co2_g_per_tkm": None}
    carried = payload_kg * distance_m / 1e6  # tonne-kilometres
    return {
        "fuel_kg": fuel_kg,
        "fuel_l_per_100km": 1e5 * fuel_kg / DENSITY / distance_m,
        "co2_g_per_tkm": 1e3 * CO2 * fuel_kg / carried if carried > 0.0 else None,
    }
