"""SUMO's motorway: five to six kilometres of three lanes with an on-ramp, some dozens of road users about our truck."""

from __future__ import annotations

import numpy as np

from hil.world import Truth
from hil.worlds import scenario as scenarios
from hil.worlds.motorway import Motorway
from hil.worlds.road import Road, Segment
from hil.worlds.sumo_network import LANES
from hil.worlds.sumo_traffic import SumoTraffic

LENGTH_M = 5500.0
RADII_M = (700.0, 2000.0)  # [D] German motorway guidelines allow 720 m at 120 km/h (RAA, EKL 1 A) [M]
STEEPEST = 0.025
SCENARIO = {
    "schema": scenarios.SCHEMA, "title": "SUMO motorway, 20 to 25 vehicles a kilometre", "duration_s": 400.0,
    "set_speed_mps": 22.2, "ego": {"plant": "plants/eu_4x2_40t", "place_m": 300.0},
    "road": {"segments": [{"length_m": LENGTH_M, "lanes": LANES}]},
}  # fmt: skip


class SumoMotorway(Motorway):
    """A new road and new traffic for every seed; a scenario may choose the plant, set speed and wind."""

    def __init__(self, scenario=SCENARIO):
        super().__init__(scenario)

    def reset(self, seed: int, scenario=None) -> Truth:
        """Raises UsageError, and EnvironmentFault without SUMO."""
        if getattr(self, "traffic", None) is not None:
            self.traffic.close()
        if scenario is not None:
            self.scenario = scenarios.load(scenario)
        self._seed = seed
        self._road = road_of(seed, self.scenario.road.lane_width_m)
        return super().reset(seed)

    def _traffic(self, given: scenarios.Scenario) -> SumoTraffic:
        return SumoTraffic(self._road, self._seed)


def road_of(seed: int, lane_width_m: float = 3.5) -> Road:
    """Straights, clothoids and arcs by turns, a little up and down."""
    random = np.random.default_rng([seed, 1])
    segments, total = [Segment(500.0, lanes=LANES)], 500.0
    grade, bank, curvature = 0.0, 0.0, 0.0
    while total < LENGTH_M:
        if curvature:
            curvature, bank = 0.0, 0.0
        else:
            curvature = float(random.choice([-1.0, 1.0]) / random.uniform(*RADII_M))
            bank = -float(np.sign(curvature)) * min(0.06, 25.0 * abs(curvature))
        grade = float(random.uniform(-STEEPEST, STEEPEST))
        for length in (float(random.uniform(120.0, 200.0)), float(random.uniform(200.0, 600.0))):
            segments.append(Segment(length, curvature, grade, bank, lanes=LANES))
            total += length
    return Road(segments, lane_width_m)
