"""A small and fast world for tests: a kinematic tractor-semitrailer, a road of clothoids and arcs, a slower lead.

The truck follows the yaw rate its road wheels ask for (dead time, lag, understeer), its trailer rolls behind without
slip, its speed follows the wanted acceleration with a lag. While the stack does not drive, a driver does: this one looks
ahead along the lane and keeps a set speed and a gap.
"""

from __future__ import annotations

import math

import numpy as np

from autonomy import config as configuration
from autonomy.errors import UsageError
from autonomy.msg.modes import DRIVING_MODES
from hil.plant.kinematic import KinematicTruck
from hil.world import Actor, EgoTruth, RoadTruth, Truth
from hil.worlds.driver import Driver
from hil.worlds.road import PREVIEW_DISTANCES, PREVIEW_STEP_M, Road, Segment

START_NS = 1_000_000_000
START_M = 20.0
# (length in m, curvature in 1/m at its end): linear between, so that every change is a clothoid
SEGMENTS = ((200, 0.0), (120, 1 / 600), (250, 1 / 600), (200, -1 / 500), (300, -1 / 500), (120, 0.0), (250, 0.0),
            (150, 1 / 900), (400, 1 / 900), (150, 0.0), (1500, 0.0))  # fmt: skip
LEAD_LENGTH_M = 4.6


class CurvedRoad:
    """`vehicle` is a table of the fields of VehicleParameters; None: the demonstration truck's."""

    def __init__(self, vehicle=None, *, speed_mps: float = 22.0, road: Road | None = None, lead: bool = True):
        if vehicle is None:
            vehicle = configuration.load("vehicles/demo_truck").section("vehicle")
        self.truck = KinematicTruck(vehicle)
        self.understeer, self.front = float(vehicle["understeer_gradient"]), float(vehicle["front_overhang_m"])
        self.road = road or Road(Segment(length, curvature, lanes=1) for length, curvature in SEGMENTS)
        self.set_speed = speed_mps
        self.has_lead = lead

    def reset(self, seed: int, scenario=None) -> Truth:
        """`scenario`: a dict that may set offset_m, lead_gap_m, speed_mps. Raises UsageError for a file or a name."""
        given = scenario or {}
        if not isinstance(given, dict):
            raise UsageError(f"CurvedRoad reads no scenario, so not '{given}'; leave it out or take hil.worlds.motorway:Motorway")
        random = np.random.default_rng(seed)
        self.time_ns = START_NS
        self.s = START_M
        x, y, heading, _ = self.road.at(self.s)
        offset = given.get("offset_m", 0.0)
        self.truck.reset(x - offset * math.sin(heading), y + offset * math.cos(heading), heading,
                         given.get("speed_mps", self.set_speed))  # fmt: skip
        self._read()
        self.lead_s = self.s + self.front + given.get("lead_gap_m", 85.0)
        self.lead_speed = self.set_speed - 1.0 + random.uniform(-0.2, 0.2)
        self.lead_acceleration = 0.0
        self.driver = Driver(self.truck.wheelbase, self.understeer, self.set_speed, random.uniform(0.0, 2.0 * math.pi))
        return self._truth()

    def step(self, actuation, dt_s: float) -> Truth:
        """`actuation` has road_wheel_angle_rad, acceleration_mps2 and mode; the driver drives when it is None or standby."""
        if actuation is None or int(actuation["mode"]) not in DRIVING_MODES:
            actuation = self._driven()
        self.truck.step(dt_s, actuation)
        self._read()
        self._move_lead(dt_s)
        self.time_ns += round(dt_s * 1e9)
        return self._truth()

    def close(self) -> None:
        pass

    def lane_path(self) -> np.ndarray:
        """The centre line as points (n, 3), ENU metres."""
        return np.column_stack([self.road.x, self.road.y, np.zeros_like(self.road.x)])

    def _move_lead(self, dt_s: float) -> None:
        """Drives evenly, slows by 3 m/s after 25 s and picks up again after 45 s."""
        elapsed = (self.time_ns - START_NS) / 1e9
        self.lead_acceleration = -0.6 if 25.0 <= elapsed < 30.0 else 0.4 if 45.0 <= elapsed < 50.0 else 0.0
        self.lead_s += self.lead_speed * dt_s
        self.lead_speed += self.lead_acceleration * dt_s

    def _driven(self) -> dict[str, float]:
        ego = self.ego
        angle = self.driver.steer(self.road, self.s, 0.0, self.truck.state, (self.time_ns - START_NS) / 1e9)
        gap = self.lead_s - self.s - self.front if self.has_lead else None
        return self.truck.drive(self.driver.accelerate(ego.velocity, gap, self.lead_speed), None, angle)

    def _read(self) -> None:
        state = self.truck.state
        self.ego = EgoTruth(
            **{name: float(state[name]) for name in ("x", "y", "yaw", "yaw_rate", "articulation", "articulation_rate",
                                                     "road_wheel_angle", "mass")},
            velocity=float(state["speed"]), acceleration=float(state["ax"]), lateral_acceleration=float(state["ay"]), gear=12,
        )  # fmt: skip

    def _truth(self) -> Truth:
        self.s, offset = self.road.project(self.ego.x, self.ego.y, self.s)
        pose, ahead = self.road.at(self.s), self.road.preview(self.s)
        road = RoadTruth(offset=offset, heading_error=math.remainder(self.ego.yaw - pose.heading, 2.0 * math.pi),
                         curvature=pose.curvature, curvature_rate=float(ahead[1] - ahead[0]) / PREVIEW_STEP_M,
                         preview=list(zip(PREVIEW_DISTANCES, ahead.tolist(), strict=True)))  # fmt: skip
        actors = []
        if self.has_lead:
            x, y, yaw, _ = self.road.at(self.lead_s + 0.5 * LEAD_LENGTH_M)
            actors.append(Actor(1, "car", x, y, yaw, self.lead_speed, self.lead_acceleration, LEAD_LENGTH_M, 1.85, 1.5))
        done = self.s > self.road.s[-1] - 200.0
        return Truth(self.time_ns, self.ego, road, actors, done, {"distance_m": self.s})
