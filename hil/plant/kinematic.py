"""The simplest plant: a tractor that follows the yaw rate its road wheels ask for, and a trailer that rolls behind it.

Dead time, lag and understeer of the vehicle file, acceleration as asked for after a lag; no slip, no roll, no gears. For
worlds whose dynamics do not matter; hil.plant has the real one.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from hil.plant.geometry import TruckGeometry

ACCELERATION_LAG_S = 0.4  # engine and brakes together, docs/truck-facts.md: 0.1 to 0.5 s [M]
REMEMBERED = 100  # commands
PARAMETERS = ("wheelbase_m", "understeer_gradient", "steering_delay_s", "steering_lag_s", "yaw_lag_s", "hitch_offset_m",
              "trailer_wheelbase_m", "mass_kg", "front_overhang_m", "rear_overhang_m", "width_m",
              "maximum_road_wheel_angle", "wheel_radius_m", "driveline_ratio")  # fmt: skip
STATE = np.dtype([(name, "<f8") for name in (
    "x", "y", "z", "yaw", "roll", "pitch", "speed", "vy", "yaw_rate", "ax", "ay", "articulation", "articulation_rate",
    "road_wheel_angle", "mass")] + [("gear", "<i8")])  # fmt: skip


class KinematicTruck(TruckGeometry):
    """Has the face of hil.plant.Plant. `vehicle` is a table of the fields of VehicleParameters."""

    def __init__(self, vehicle):
        self.vehicle = {name: float(vehicle[name]) for name in PARAMETERS}
        self.state = np.zeros((), STATE)
        self.reset()

    def reset(self, x: float = 0.0, y: float = 0.0, yaw: float = 0.0, speed: float = 0.0) -> None:
        self.state[...] = np.zeros((), STATE)
        for name, value in (("x", x), ("y", y), ("yaw", yaw), ("speed", speed), ("mass", self.vehicle["mass_kg"]), ("gear", 12)):
            self.state[name] = value
        self._angles: deque[float] = deque([0.0] * REMEMBERED, maxlen=REMEMBERED)
        self._turning = 0.0  # road wheel angle as the yaw rate has followed it so far

    def step(self, dt_s: float, command, surroundings=None) -> None:
        """`command` has road_wheel_angle_rad and acceleration_mps2; surroundings have no effect."""
        state, vehicle = dict(zip(STATE.names, self.state.item(), strict=True)), self.vehicle
        limit = vehicle["maximum_road_wheel_angle"]
        self._angles.append(min(max(float(command["road_wheel_angle_rad"]), -limit), limit))
        delayed = self._angles[-1 - min(round(vehicle["steering_delay_s"] / dt_s), REMEMBERED - 1)]
        state["road_wheel_angle"] += (delayed - state["road_wheel_angle"]) * (1.0 - math.exp(-dt_s / vehicle["steering_lag_s"]))
        self._turning += (state["road_wheel_angle"] - self._turning) * (1.0 - math.exp(-dt_s / vehicle["yaw_lag_s"]))
        state["ax"] += (float(command["acceleration_mps2"]) - state["ax"]) * (1.0 - math.exp(-dt_s / ACCELERATION_LAG_S))
        if state["speed"] + state["ax"] * dt_s <= 0.0:
            state["speed"], state["ax"] = 0.0, max(state["ax"], 0.0)
        speed = state["speed"] + 0.5 * state["ax"] * dt_s
        state["yaw_rate"] = speed * math.tan(self._turning) / (self.wheelbase + vehicle["understeer_gradient"] * speed**2)
        middle = state["yaw"] + 0.5 * state["yaw_rate"] * dt_s
        state["x"] += speed * math.cos(middle) * dt_s
        state["y"] += speed * math.sin(middle) * dt_s
        state["yaw"] += state["yaw_rate"] * dt_s
        state["speed"] += state["ax"] * dt_s
        state["ay"] = state["speed"] * state["yaw_rate"]
        length = vehicle["trailer_wheelbase_m"]
        state["articulation_rate"] = -speed / length * math.sin(state["articulation"]) - state["yaw_rate"] * (
            1.0 + vehicle["hitch_offset_m"] / length * math.cos(state["articulation"]))  # fmt: skip
        state["articulation"] += state["articulation_rate"] * dt_s
        self.state[...] = tuple(state[name] for name in STATE.names)

    def drive(self, acceleration: float, surroundings=None, road_wheel_angle: float = 0.0) -> dict[str, float]:
        """The command that asks for an acceleration in m/s2."""
        return {"road_wheel_angle_rad": road_wheel_angle, "acceleration_mps2": acceleration}
