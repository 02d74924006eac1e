"""A small world for the demonstration: a kinematic tractor-semitrailer, a road of clothoids and arcs, a slower lead.

The truck follows the yaw rate its road wheels ask for (dead time, lag, understeer), its trailer rolls behind without
slip, its speed follows the wanted acceleration with a lag. While the stack does not drive, a driver does: this one looks
ahead along the lane and keeps a set speed and a gap.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from hil.truth import Actor, EgoTruth, RoadTruth, Truth, World

__all__ = ["Actor", "CurvedRoad", "EgoTruth", "Road", "RoadTruth", "Truth", "World"]

START_NS = 1_000_000_000
PREVIEW_M = np.arange(0.0, 160.0, 5.0)
ACCELERATION_LAG_S = 0.4  # engine and brakes together, TRUCK_FACTS class figures 0.1 to 0.5 s [M]
# (length in m, curvature in 1/m at its end): linear between, so that every change is a clothoid
SEGMENTS = ((200, 0.0), (120, 1 / 600), (250, 1 / 600), (200, -1 / 500), (300, -1 / 500), (120, 0.0), (250, 0.0),
            (150, 1 / 900), (400, 1 / 900), (150, 0.0), (1500, 0.0))  # fmt: skip
DRIVING_MODES = (1, 2)  # Actuation.mode: active, minimal-risk manoeuvre


class Road:
    """A centre line from clothoid segments, sampled every half metre."""

    SPACING_M = 0.5

    def __init__(self, segments=SEGMENTS):
        ends = np.cumsum([0.0] + [length for length, _ in segments])
        curvatures = [0.0] + [curvature for _, curvature in segments]
        self.s = np.arange(0.0, ends[-1], self.SPACING_M)
        self.curvature = np.interp(self.s, ends, curvatures)
        middle = 0.5 * (self.curvature[1:] + self.curvature[:-1])
        self.heading = np.concatenate([[0.0], np.cumsum(middle * self.SPACING_M)])
        chord = 0.5 * (self.heading[1:] + self.heading[:-1])
        self.x = np.concatenate([[0.0], np.cumsum(np.cos(chord) * self.SPACING_M)])
        self.y = np.concatenate([[0.0], np.cumsum(np.sin(chord) * self.SPACING_M)])

    def at(self, s):
        """(x, y, heading, curvature) at arc length s, scalar or array."""
        return tuple(np.interp(s, self.s, values) for values in (self.x, self.y, self.heading, self.curvature))

    def project(self, x: float, y: float, near: float) -> tuple[float, float]:
        """(arc length, offset to the left) of a point, searched around `near`."""
        s = near
        for _ in range(4):
            px, py, heading, _ = self.at(s)
            s += (x - px) * math.cos(heading) + (y - py) * math.sin(heading)
        px, py, heading, _ = self.at(s)
        return s, -(x - px) * math.sin(heading) + (y - py) * math.cos(heading)


class CurvedRoad:
    """The demonstration's world. `vehicle` is a table of the fields of VehicleParameters."""

    def __init__(self, vehicle, *, speed_mps: float = 22.0, road: Road | None = None, lead: bool = True):
        self.vehicle = {name: float(vehicle[name]) for name in (
            "wheelbase_m", "understeer_gradient", "steering_delay_s", "steering_lag_s", "yaw_lag_s", "hitch_offset_m",
            "trailer_wheelbase_m", "mass_kg", "front_overhang_m", "maximum_road_wheel_angle")}  # fmt: skip
        self.road = road or Road()
        self.set_speed = speed_mps
        self.has_lead = lead

    def reset(self, seed: int, scenario=None) -> Truth:
        """`scenario`: a dict that may set offset_m, lead_gap_m, speed_mps."""
        given = scenario or {}
        random = np.random.default_rng(seed)
        self.time_ns = START_NS
        self.s = 20.0
        x, y, heading, _ = self.road.at(self.s)
        offset = given.get("offset_m", 0.0)
        self.ego = EgoTruth(x=float(x - offset * math.sin(heading)), y=float(y + offset * math.cos(heading)), yaw=float(heading),
                            velocity=given.get("speed_mps", self.set_speed), mass=self.vehicle["mass_kg"], gear=12)  # fmt: skip
        self.angles: deque[float] = deque([0.0] * 100, maxlen=100)
        self.turning = 0.0  # road wheel angle as the yaw rate has followed it so far
        self.lead_s = self.s + self.vehicle["front_overhang_m"] + given.get("lead_gap_m", 85.0)
        self.lead_speed = self.set_speed - 1.0 + random.uniform(-0.2, 0.2)
        self.lead_acceleration = 0.0
        self.sway = random.uniform(0.0, 2.0 * math.pi)
        return self._truth()

    def step(self, actuation, dt_s: float) -> Truth:
        """`actuation` has road_wheel_angle_rad, acceleration_mps2 and mode; the driver drives when it is None or standby."""
        if actuation is not None and int(actuation["mode"]) in DRIVING_MODES:
            angle, wanted = float(actuation["road_wheel_angle_rad"]), float(actuation["acceleration_mps2"])
        else:
            angle, wanted = self._driver()
        limit = self.vehicle["maximum_road_wheel_angle"]
        self.angles.append(min(max(angle, -limit), limit))
        ego, vehicle = self.ego, self.vehicle
        delayed = self.angles[-1 - min(round(vehicle["steering_delay_s"] / dt_s), len(self.angles) - 1)]
        ego.road_wheel_angle += (delayed - ego.road_wheel_angle) * (1.0 - math.exp(-dt_s / vehicle["steering_lag_s"]))
        self.turning += (ego.road_wheel_angle - self.turning) * (1.0 - math.exp(-dt_s / vehicle["yaw_lag_s"]))
        ego.acceleration += (wanted - ego.acceleration) * (1.0 - math.exp(-dt_s / ACCELERATION_LAG_S))
        if ego.velocity + ego.acceleration * dt_s <= 0.0:
            ego.velocity, ego.acceleration = 0.0, max(ego.acceleration, 0.0)
        speed = ego.velocity + 0.5 * ego.acceleration * dt_s
        ego.yaw_rate = speed * math.tan(self.turning) / (vehicle["wheelbase_m"] + vehicle["understeer_gradient"] * speed**2)
        middle = ego.yaw + 0.5 * ego.yaw_rate * dt_s
        ego.x += speed * math.cos(middle) * dt_s
        ego.y += speed * math.sin(middle) * dt_s
        ego.yaw += ego.yaw_rate * dt_s
        ego.velocity += ego.acceleration * dt_s
        ego.lateral_acceleration = ego.velocity * ego.yaw_rate
        length = vehicle["trailer_wheelbase_m"]
        ego.articulation_rate = -speed / length * math.sin(ego.articulation) - ego.yaw_rate * (
            1.0 + vehicle["hitch_offset_m"] / length * math.cos(ego.articulation))  # fmt: skip
        ego.articulation += ego.articulation_rate * dt_s
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

    def _driver(self) -> tuple[float, float]:
        """Road wheel angle and acceleration: aims at a point ahead, swaying a little; keeps speed and a time gap."""
        ego = self.ego
        look = max(8.0, ego.velocity * 1.4)
        sway = 0.12 * math.sin(self.sway + 2.0 * math.pi * (self.time_ns - START_NS) / 1e9 / 9.0)
        x, y, heading, curvature = self.road.at(self.s + look)
        x, y = x - sway * math.sin(heading), y + sway * math.cos(heading)
        dx, dy = x - ego.x, y - ego.y
        left = -dx * math.sin(ego.yaw) + dy * math.cos(ego.yaw)
        wheelbase = self.vehicle["wheelbase_m"] + self.vehicle["understeer_gradient"] * ego.velocity**2
        angle = wheelbase * 2.0 * left / (dx * dx + dy * dy)
        wanted = 0.3 * (self.set_speed - ego.velocity)
        if self.has_lead:
            gap = self.lead_s - self.s - self.vehicle["front_overhang_m"]
            wanted = min(wanted, 0.35 * (self.lead_speed - ego.velocity) + 0.03 * (gap - 2.8 * ego.velocity))
        return angle, min(max(wanted, -2.0), 0.6)

    def _truth(self) -> Truth:
        self.s, offset = self.road.project(self.ego.x, self.ego.y, self.s)
        _, _, heading, curvature = (float(value) for value in self.road.at(self.s))
        ahead = self.road.at(self.s + PREVIEW_M)[3]
        road = RoadTruth(offset=offset, heading_error=math.remainder(self.ego.yaw - heading, 2.0 * math.pi),
                         curvature=curvature, curvature_rate=float(ahead[1] - ahead[0]) / 5.0,
                         preview=list(zip(PREVIEW_M.tolist(), ahead.tolist(), strict=True)))  # fmt: skip
        actors = []
        if self.has_lead:
            length = 4.6
            x, y, yaw, _ = (float(value) for value in self.road.at(self.lead_s + 0.5 * length))
            actors.append(Actor(1, "car", x, y, yaw, self.lead_speed, self.lead_acceleration, length, 1.85, 1.5))
        done = self.s > self.road.s[-1] - 200.0
        return Truth(self.time_ns, EgoTruth(**vars(self.ego)), road, actors, done, {"distance_m": self.s})
