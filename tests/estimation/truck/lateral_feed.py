"""Ticks for the lateral parts of the truck step, by hand."""

from __future__ import annotations

import numpy as np
from autonomy.estimation.truck._truck import TruckStep

from autonomy import msg
from tests.step_parameters import step_parameters, valid_ego, zeros

TICK_NS = 10_000_000
TRAILER_ARTICULATION = msg.constants("SignalSample")["TRAILER_ARTICULATION"]
TRAILER_CONNECTED = msg.constants("SignalSample")["TRAILER_CONNECTED"]


class LateralFeed:
    """The step and what it is told: each `tick` gives a speed, a yaw rate and a measured road wheel angle."""

    def __init__(self, truck=None, vehicle=None, mass_sigma_kg: float = 500.0):
        parameters = step_parameters(truck=truck or {}, vehicle={"mass_sigma_kg": mass_sigma_kg} | (vehicle or {}))
        self.truck, self.vehicle = parameters["truck"], parameters["vehicle"]
        self.step = TruckStep(self.truck, self.vehicle)
        self.time_ns = 10**9
        self.frame, self.told, self.ego, self.sent = zeros("InputFrame"), zeros("VehicleState"), valid_ego(), zeros("Actuation")

    def tick(self, speed=20.0, yaw_rate=0.0, angle=0.0, *, trailer=None, late_s=0.04, command=None, age_s=0.01, roll=0.0,
             gyro_bias_sigma=1e-4, connected=None):  # fmt: skip
        """`trailer`: a sensor's articulation, `late_s` old. `command`: sent behind this tick, by a stack that drives."""
        self.time_ns += TICK_NS
        frame, told, ego = self.frame, self.told, self.ego
        ego["speed"], ego["angular_rate"][2], frame["signal"]["count"] = speed, yaw_rate, 0
        frame["tick_time_ns"] = told["time_ns"] = self.time_ns
        told["road_wheel_angle"], told["steering_age_s"] = angle, age_s
        told["steering_validity"] = 0 if np.isfinite(angle) else 3
        ego["roll"], ego["gyro_bias_sigma"][2] = roll, gyro_bias_sigma
        for signal, value, late in ((TRAILER_ARTICULATION, trailer, late_s), (TRAILER_CONNECTED, connected, 0.0)):
            if value is not None:
                row = frame["signal"]["items"][int(frame["signal"]["count"])]
                row["signal"], row["value"] = signal, value
                row["valid_time_ns"], row["received_time_ns"] = self.time_ns - round(late * 1e9), self.time_ns
                frame["signal"]["count"] += 1
        truck = self.step.step(frame, told, ego)
        self.sent["mode"], self.sent["road_wheel_angle_rad"] = (0, 0.0) if command is None else (1, command)
        self.step.remember(self.sent)
        return truck
