"""A plant on a road among traffic: what the motorway and SUMO's world have in common."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from autonomy.errors import UsageError
from autonomy.msg.modes import DRIVING_MODES
from hil.world import MOST_ACTORS, EgoTruth, RoadTruth, Truth
from hil.worlds.body import Body
from hil.worlds.driver import Driver
from hil.worlds.road import PREVIEW_DISTANCES, PREVIEW_STEP_M, Road
from hil.worlds.traffic import EgoPlace, Traffic
from hil.worlds.wind import Wind, mean_share

START_NS = 1_000_000_000
END_MARGIN_M = 50.0
NEW_LANE_SHARE = 0.6  # of the lane width off its middle, from where the next lane is the vehicle's own


class PlantWorld:
    """`plant` has the face of hil.plant.Plant. Built anew by each `reset` of a world that reads scenarios."""

    def __init__(self, road: Road, plant, traffic: Traffic, wind: Wind, *, driver: Driver, place_m: float, lane: int,
                 offset_m: float, speed_mps: float, random: np.random.Generator):  # fmt: skip
        self.road, self.plant, self.traffic, self.wind, self.driver = road, plant, traffic, wind, driver
        self.time_ns, self.s, self.lane = START_NS, place_m, lane
        self.has_attitude = "vy" in plant.state.dtype.names and "engine_speed_radps" in plant.state.dtype.names
        self._names = plant.state.dtype.names
        if wind.speed_mps and self.has_attitude:
            driver.practise(plant, self._mean_wind(), speed_mps)
        self._place(road.at(place_m), lane * road.lane_width + offset_m, speed_mps)
        self.body = Body(plant)
        self._locate()
        traffic.reset(random, self._ego_place())

    @property
    def time_s(self) -> float:
        return (self.time_ns - START_NS) / 1e9

    def step(self, actuation, dt_s: float) -> Truth:
        """`actuation`: a row of Actuation; when it is None or standby the driver drives."""
        surroundings = self._surroundings()
        state = self.state
        if actuation is not None and int(actuation["mode"]) in DRIVING_MODES:
            if not (math.isfinite(actuation["road_wheel_angle_rad"]) and math.isfinite(actuation["acceleration_mps2"])):
                raise UsageError(f"world: the actuation at {self.time_s:.2f} s is not finite; a stack must never give that")
            self.plant.step(dt_s, actuation, surroundings)
        else:
            angle = self.driver.steer(self.road, self.s, self.lane * self.road.lane_width, state, self.time_s,
                                      mean_share(self.time_s))  # fmt: skip
            gap, speed = self.traffic.lead(self._ego_place()) or (None, 0.0)
            wanted = self.driver.accelerate(state["speed"], gap, speed)
            self.plant.step(dt_s, self.plant.drive(wanted, surroundings, angle), surroundings)
        self.time_ns += round(dt_s * 1e9)
        self._locate()
        self.traffic.step(self.time_s, dt_s, self._ego_place())
        return self.truth()

    def truth(self) -> Truth:
        state, road, s = self.state, self.road, self.s
        pose = road.at(s)
        middle = self.lane * road.lane_width
        ahead = road.preview(s)
        wind_speed, wind_from = self.wind.at(self.time_s, s, pose.heading)
        points = self.body.points(state["x"], state["y"], state["yaw"], state["articulation"])
        offsets, places = road.offsets(points, s) - middle, points.view(np.float64).reshape(-1, 2)
        axles = self.body.axles
        half = 0.5 * road.lane_width
        lanes = road.step_value(road.lane_counts, s)
        bent = 1.0 / (1.0 - middle * pose.curvature)  # the lane's own curvature beside the reference line
        seen = RoadTruth(
            offset=self.offset - middle, heading_error=math.remainder(state["yaw"] - pose.heading, 2.0 * math.pi),
            curvature=pose.curvature * bent, curvature_rate=float(ahead[1] - ahead[0]) / PREVIEW_STEP_M,
            preview=list(zip(PREVIEW_DISTANCES, (ahead / (1.0 - middle * ahead)).tolist(), strict=True)),
            width_left=half, width_right=half, lanes_left=lanes - 1 - self.lane, lanes_right=self.lane,
            grade=road.value("grade", s), bank=road.value("bank", s), friction=road.step_value(road.frictions, s),
            speed_limit=road.step_value(road.speed_limits, s), wind_speed=wind_speed, wind_from=wind_from,
            axle_offsets=offsets[:axles], corner_offsets=offsets[axles:],
        )  # fmt: skip
        ego = EgoTruth(
            x=state["x"], y=state["y"], z=road.value("z", s), yaw=state["yaw"], pitch=self._pitch(seen), roll=self._roll(seen),
            velocity=state["speed"], acceleration=state["ax"], yaw_rate=state["yaw_rate"], lateral_acceleration=state["ay"],
            articulation=state["articulation"], articulation_rate=state["articulation_rate"],
            road_wheel_angle=state["road_wheel_angle"], mass=state["mass"], gear=state["gear"], lateral_velocity=state["vy"],
            trailer_lateral_acceleration=state.get("trailer_ay", math.nan), outline=places[axles:].reshape(-1, 4, 2),
            axles=places[:axles], tractor_axles=self.body.tractor_axles,
            plant=self.plant.state if self.has_attitude else None,
        )  # fmt: skip
        place = self._ego_place()
        rolled = bool(state.get("rolled_over", False))
        done = s > road.length - END_MARGIN_M or rolled
        actors = self.traffic.actors(place)
        left_out = max(len(actors) - MOST_ACTORS, 0)
        if left_out:  # the farthest
            actors = sorted(actors, key=lambda actor: math.hypot(actor.x - ego.x, actor.y - ego.y))[:MOST_ACTORS]
        return Truth(self.time_ns, ego, seen, actors, done,
                     {"distance_m": s, "lane": self.lane, "rolled_over": rolled, "actors_left_out": left_out})  # fmt: skip

    def lane_path(self) -> np.ndarray:
        """The middle of the vehicle's lane as points (n, 3), ENU metres."""
        road, middle = self.road, self.lane * self.road.lane_width
        return np.column_stack([road.x - middle * np.sin(road.heading), road.y + middle * np.cos(road.heading), road.z])

    def close(self) -> None:
        self.traffic.close()

    def _place(self, pose, offset: float, speed: float) -> None:
        x, y = pose.x - offset * math.sin(pose.heading), pose.y + offset * math.cos(pose.heading)
        self.plant.reset(x=x, y=y, yaw=pose.heading, speed=speed)
        self._read()

    def _read(self) -> None:
        self.state = dict(zip(self._names, self.plant.state.item(), strict=True))

    def _locate(self) -> None:
        """State and place on the road; the lane changes when the next one's middle is nearer by a margin."""
        self._read()
        self.s, self.offset = self.road.project(self.state["x"], self.state["y"], self.s)
        off = self.offset - self.lane * self.road.lane_width
        if abs(off) > NEW_LANE_SHARE * self.road.lane_width:
            lanes = self.road.step_value(self.road.lane_counts, self.s)
            self.lane = min(max(self.lane + (1 if off > 0.0 else -1), 0), lanes - 1)

    def _ego_place(self) -> EgoPlace:
        state, body = self.state, self.body
        return EgoPlace(self.s, self.offset, body.front, body.rear, body.width, state["speed"], state["ax"], state["x"],
                        state["y"], state["yaw"])  # fmt: skip

    def _surroundings(self):
        road, s = self.road, self.s
        speed, direction = self.wind.at(self.time_s, s, road.at(s).heading)
        return SimpleNamespace(grade=math.atan(road.value("grade", s)), bank=math.atan(road.value("bank", s)),
                               friction=road.step_value(road.frictions, s), wind_speed_mps=speed,
                               wind_from_rad=direction)  # fmt: skip

    def _mean_wind(self):
        """What the road is, without bends and hills, and the mean wind, from where it blows at the start."""
        heading = 0.0 if self.wind.follows_road else self.road.at(self.s).heading
        return SimpleNamespace(grade=0.0, bank=0.0, friction=self.road.step_value(self.road.frictions, self.s),
                               wind_speed_mps=self.wind.speed_mps, wind_from_rad=self.wind.from_rad - heading)  # fmt: skip

    def _pitch(self, road: RoadTruth) -> float:
        return self.state["pitch"] if self.has_attitude else -math.atan(road.grade)

    def _roll(self, road: RoadTruth) -> float:
        return self.state["roll"] if self.has_attitude else math.atan(road.bank)
