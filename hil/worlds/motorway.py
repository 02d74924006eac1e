"""The motorway: a road of clothoids with lanes, grade, bank, friction and wind, and traffic by script; our plant drives."""

from __future__ import annotations

import math

import numpy as np

from autonomy import config as configuration
from hil.world import Truth
from hil.worlds import scenario as scenarios
from hil.worlds.driver import Driver
from hil.worlds.plant_world import PlantWorld
from hil.worlds.traffic import ScriptedTraffic

DEFAULT_SCENARIO = "motorway"


class Motorway(PlantWorld):
    """`scenario`: what hil.worlds.scenario.load takes; one given to `reset` takes its place."""

    def __init__(self, scenario=DEFAULT_SCENARIO):
        self.scenario = scenarios.load(scenario)
        self._road = None

    @property
    def set_speed(self) -> float:
        return self.scenario.set_speed_mps

    @property
    def duration_s(self) -> float:
        return self.scenario.duration_s

    def reset(self, seed: int, scenario=None) -> Truth:
        """The same seed and scenario give the same drive. Raises UsageError."""
        if scenario is not None:
            self.scenario, self._road = scenarios.load(scenario), None
        given = self.scenario
        self._road = self._road or given.make_road()
        random = np.random.default_rng(seed)
        vehicle = configuration.load(given.ego.vehicle).section("vehicle")
        driver = Driver(float(vehicle["wheelbase_m"]), float(vehicle["understeer_gradient"]), given.set_speed_mps,
                        random.uniform(0.0, 2.0 * math.pi))  # fmt: skip
        speed = given.set_speed_mps if given.ego.speed_mps is None else given.ego.speed_mps
        super().__init__(self._road, plant_of(given.ego, vehicle), self._traffic(given), given.make_wind(), driver=driver,
                         place_m=given.ego.place_m, lane=given.ego.lane, offset_m=given.ego.offset_m, speed_mps=speed,
                         random=random)  # fmt: skip
        return self.truth()

    def _traffic(self, given: scenarios.Scenario):
        return ScriptedTraffic(self._road, given.make_traffic())


def plant_of(ego: scenarios.EgoTable, vehicle):
    """The plant that a scenario names. Raises UsageError."""
    if ego.plant == scenarios.KINEMATIC:
        from hil.plant.kinematic import KinematicTruck

        return KinematicTruck({**vehicle, **ego.overrides})
    if ego.plant.endswith(".fmu"):
        from hil.plant.fmu import FmuPlant

        return FmuPlant(ego.plant, {**vehicle, **ego.overrides}, ego.fmu_names)
    from hil.plant import Plant

    return Plant.load(ego.plant, overrides=ego.overrides)
