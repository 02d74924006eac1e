"""A truck that SUMO drives by one of its own models, in the same traffic: what ours is held against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hil.loop.metrics import HARD_BRAKE_MPS2
from hil.worlds.road import Road
from hil.worlds.sumo_network import DRIVER_SPEED_MPS, EGO, EGO_LENGTH_M, EGO_WIDTH_M
from hil.worlds.sumo_traffic import STEP_S, SumoTraffic
from hil.worlds.traffic import EgoPlace

END_MARGIN_M, LONGEST_S = 60.0, 900.0
SETTLED_S = 5.0  # as long as our driver drives before the stack does
PLACE_M = 300.0


class SumoDriver(SumoTraffic):
    """`model` is one of DRIVER_MODELS."""

    def __init__(self, road: Road, seed: int, model: str):
        super().__init__(road, seed)
        self.ego_type = f"ego_{model}"

    def drive(self) -> dict[str, Any]:
        """The road from PLACE_M to its end: distance, hard brakes, jerks (absolute, every 0.1 s)."""
        x, y, heading, _ = self.road.at(PLACE_M)
        place = EgoPlace(PLACE_M, 0.0, 0.0, EGO_LENGTH_M, EGO_WIDTH_M, DRIVER_SPEED_MPS, 0.0, x, y, heading)
        self.reset(np.random.default_rng(self.seed), place)
        vehicle = self.sumo.vehicle
        vehicle.setSpeedMode(EGO, 31)  # SUMO's own checks, all of them
        vehicle.setSpeed(EGO, -1)
        speeds, time_s = [], 0.0
        try:
            while time_s < LONGEST_S and EGO in vehicle.getIDList():
                x, y = vehicle.getPosition(EGO)
                s, offset = self.road.project(x, y, place.s + place.speed * STEP_S)
                yaw = math.radians(90.0 - vehicle.getAngle(EGO))
                place = EgoPlace(s, offset, 0.0, EGO_LENGTH_M, EGO_WIDTH_M, vehicle.getSpeed(EGO), 0.0, x, y, yaw)
                if s > self.road.length - END_MARGIN_M:
                    break
                if time_s >= SETTLED_S:
                    speeds.append(place.speed)
                self._arrange(time_s, place)
                self.sumo.simulationStep()
                time_s += STEP_S
        finally:
            self.close()
        acceleration = np.diff(speeds) / STEP_S
        braking = acceleration < -HARD_BRAKE_MPS2
        return {"distance_m": float(np.sum(speeds) * STEP_S), "hard_brakes": int(np.sum(braking[1:] & ~braking[:-1])),
                "jerk": np.abs(np.diff(acceleration) / STEP_S)}  # fmt: skip
