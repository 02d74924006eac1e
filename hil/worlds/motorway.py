"""The motorway: a road of clothoids with lanes, grade, bank, friction and wind, and traffic by script; our plant drives."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from autonomy import config as configuration
from autonomy.errors import UsageError
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
    def map(self) -> bool:
        """Whether the stack has `lane_path` as a stored path."""
        return self.scenario.map

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
        with _named(f"{given.where}: ego.vehicle = '{given.ego.vehicle}'"):
            vehicle = configuration.load(given.ego.vehicle).section("vehicle")
        with _named(f"{given.where}: ego.plant = '{given.ego.plant}'{' with ego.overrides' if given.ego.overrides else ''}"):
            plant = plant_of(given.ego, f"{given.where}: ego.overrides")
        driver = Driver(float(vehicle["wheelbase_m"]), float(vehicle["understeer_gradient"]), given.set_speed_mps,
                        random.uniform(0.0, 2.0 * math.pi), getattr(plant, "steering_play_rad", 0.0))  # fmt: skip
        speed = given.set_speed_mps if given.ego.speed_mps is None else given.ego.speed_mps
        super().__init__(self._road, plant, self._traffic(given), given.make_wind(), driver=driver,
                         place_m=given.ego.place_m, lane=given.ego.lane, offset_m=given.ego.offset_m, speed_mps=speed,
                         random=random)  # fmt: skip
        return self.truth()

    def _traffic(self, given: scenarios.Scenario):
        return ScriptedTraffic(self._road, given.make_traffic())


@contextlib.contextmanager
def _named(place: str):
    """What is refused within names the place in the scenario that asked for it."""
    try:
        yield
    except UsageError as error:
        if str(error).startswith(place.partition(":")[0]):
            raise
        raise UsageError(f"{place}: {error}") from error


def plant_of(ego: scenarios.EgoTable, told_by: str):
    """The plant that a scenario names; `told_by` is the place of its overrides. Raises UsageError."""
    if ego.plant == scenarios.KINEMATIC:
        from hil.plant.kinematic import KinematicTruck

        return KinematicTruck(_vehicle(ego, told_by))
    if ego.plant.endswith(".fmu"):
        from hil.plant.fmu import FmuPlant

        return FmuPlant(ego.plant, _vehicle(ego, told_by), ego.fmu_names)
    from hil.plant import Plant

    return Plant.load(ego.plant, ego.overrides, told_by)


def _vehicle(ego: scenarios.EgoTable, told_by: str) -> dict:
    """[vehicle] of the ego's file with its overrides, which are keys of that table. Raises UsageError."""
    table = configuration.load(ego.vehicle).section("vehicle")
    for key, value in ego.overrides.items():
        if key not in table:
            raise UsageError(f"{told_by} {key}: no key of [vehicle] of {ego.vehicle}, whose keys the {ego.plant} plant takes: "
                             f"{', '.join(sorted(table))}")  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{told_by} {key} = {value!r}: needs a number")
    return {**table, **ego.overrides}
