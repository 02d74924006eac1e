"""How much is truly wrong: the disagreement that a row's detector looks for, by the plant itself instead of by any sensor.

Only where physics gives it: of what is silent, of events and of what the stack has yet to learn (mass, wheelbase) there is none.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from autonomy import msg
from autonomy.tick_period import TICK_S

WORDS = msg.constants("FaultRow")
# m/s at 80 km/h by which a wheel speed and another sender may differ: their tolerances of [plausibility] together [C]
SPEEDS_DIFFER_MPS = 1.9
UNITS = {"FROZEN": "rad", "STEERING_RESPONSE": "rad", "YAW_RATE": "rad/s", "SUSPECT": "m/s", "RETARDER_RESPONSE": "",
         "BRAKE_RESPONSE": "", "BELOW": "Pa"}  # fmt: skip


class TrueDisagreement:
    """Of one case: call it every tick. `threshold` in `unit`, which are the row's own but for senders that are left out."""

    def __init__(self, case, parameters, row: int):
        from hil.plant import Plant

        found = parameters["row"][row]
        self.case, self.faults = case, parameters
        self.detector = next(name.removeprefix("DETECTOR_") for name, value in WORDS.items()
                             if name.startswith("DETECTOR_") and value == int(found["detector"]))  # fmt: skip
        self.of_wheels = int(found["subject"]) == WORDS["SUBJECT_WHEEL"]
        self.unit = "m/s" if self.of_wheels and self.detector == "FROZEN" else UNITS.get(self.detector, "")
        self.threshold = SPEEDS_DIFFER_MPS if self.detector == "SUSPECT" else float(found["threshold"])
        plant = Plant.load(case.scenario()["ego"]["plant"], {})
        self.plant, trailer = plant.parameters, plant.tractor_axles
        self.trailer_share = float(self.plant["brake_share"][trailer : int(self.plant["axles"])].sum())
        self.circuit = next((int(fault["value"]) for fault in case.faults if fault["kind"] == "brake_circuit_lost"), 0)
        self.commands: deque[float] = deque(maxlen=1 + round(float(self.plant["steering_delay_s"]) / TICK_S))
        self.actuator = self.wheels = self.retarder = self.stood_at = math.nan

    def __call__(self, truth, out, now_s: float) -> float:
        """In `unit`, >= 0 but for a pressure; NaN where nothing can be said, now or at all."""
        self._healthy(truth, out["actuation"])
        broken = now_s >= self.case.fault_s
        if self.detector == "FROZEN":
            moved = truth.ego.velocity if self.of_wheels else truth.ego.road_wheel_angle
            self.stood_at = self.stood_at if broken and math.isfinite(self.stood_at) else moved
            return abs(moved - self.stood_at)
        if self.detector == "STEERING_RESPONSE":
            return abs(self.wheels - truth.ego.road_wheel_angle)
        if self.detector in ("YAW_RATE", "SUSPECT"):
            return abs(float(self.case.faults[0]["value"])) if broken else 0.0
        if self.detector == "RETARDER_RESPONSE":
            asked = self.retarder
            return math.nan if asked < float(self.faults["retarder_least_nm"]) else 1.0 + float(
                truth.ego.plant["retarder_torque_nm"]) / asked  # fmt: skip
        if self.detector == "BRAKE_RESPONSE":
            whole = float(truth.ego.plant["brake_deceleration_mps2"]) / (1.0 - self.trailer_share * broken)
            return self.trailer_share * broken if whole >= float(self.faults["brake_least_mps2"]) else math.nan
        if self.detector == "BELOW":
            return float(truth.info["brake_pressure_pa"][self.circuit - 1]) if "brake_pressure_pa" in truth.info else math.nan
        return math.nan

    def passed(self, value: float) -> bool:
        return value < self.threshold if self.detector == "BELOW" else value > self.threshold

    def _healthy(self, truth, actuation) -> None:
        """What steering and retarder would do with nothing broken."""
        plant, drives = self.plant, int(actuation["mode"]) != 0
        angle = truth.ego.road_wheel_angle
        self.commands.append(float(actuation["road_wheel_angle_rad"]) if drives else angle)
        if not drives or not math.isfinite(self.actuator):
            self.actuator = self.wheels = angle
            self.retarder = 0.0
            return
        rate = float(plant["steering_rate"]) * TICK_S
        self.actuator += float(np.clip(TICK_S / float(plant["steering_lag_s"]) * (self.commands[0] - self.actuator), -rate, rate))
        half = 0.5 * float(plant["steering_play"])
        self.wheels = min(max(self.wheels, self.actuator - half), self.actuator + half)
        asked = -float(actuation["retarder_torque_nm"])
        self.retarder += TICK_S / float(plant["retarder_lag_s"]) * (asked - self.retarder)
        self.retarder = min(self.retarder, asked)
