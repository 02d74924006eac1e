"""The plant: a tractor with semitrailer as the closed loop drives it. `Plant.load("plants/eu_4x2_40t")`."""

from __future__ import annotations

from hil.plant.plant import Plant, PlantCommand, Surroundings

__all__ = ["Plant", "PlantCommand", "Surroundings"]
