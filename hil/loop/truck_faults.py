"""Faults of the truck itself: steering, retarder, brake circuits, engine that fail, by the timeline of all faults."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy.errors import UsageError
from autonomy.faults.timeline import Fault, Timeline
from hil.sensors.realism import BRAKE_PRESSURE_PA
from hil.world import Truth

PRESSURE_FALL_PA_PER_S = 4e5  # a burst hose [D]


class TruckFaults:
    """Call `act` with every actuation before the world's step and `show` with every truth behind it."""

    def __init__(self, timeline: Timeline, world, start_ns: int):
        """Raises UsageError for a world without our plant."""
        self.faults = timeline.of_truck()
        self.plant = getattr(world, "plant", None)
        self.start_ns = start_ns
        if self.faults and not hasattr(self.plant, "parameters"):
            raise UsageError(f"{timeline.where(self.faults[0])}: kind = '{self.faults[0].kind}' needs a world with a plant of "
                             "configs/plants")  # fmt: skip
        if self.faults:
            self.healthy = self.plant.parameters.copy()
        self.pressure = list(BRAKE_PRESSURE_PA)
        self.last_ns = start_ns
        self.active: list[Fault] = []  # of the last step

    def act(self, actuation: np.void, time_ns: int) -> np.void:
        """The actuation as the truck with its faults obeys it; its plant is changed too."""
        if not self.faults:
            return actuation
        elapsed_s, (self.last_ns, step_s) = (time_ns - self.start_ns) / 1e9, (time_ns, (time_ns - self.last_ns) / 1e9)
        self.active = [fault for fault in self.faults
                       if fault.start_s <= elapsed_s and (fault.end_s is None or elapsed_s < fault.end_s)]  # fmt: skip
        active = {fault.kind for fault in self.active}
        parameters, healthy = self.plant.parameters, self.healthy
        stuck = "steering_stuck" in active and int(actuation["steering_channel"]) == 0
        parameters["steering_rate"] = 0.0 if stuck else healthy["steering_rate"]
        parameters["retarder_torque"] = 0.0 if "retarder_lost" in active else healthy["retarder_torque"]
        parameters["brake_share"] = healthy["brake_share"]
        lost = [int(fault.value) for fault in self.active if fault.kind == "brake_circuit_lost"]
        for circuit in lost:
            own, all_axles = self.plant.tractor_axles, int(parameters["axles"])
            first, last = {1: (1, own), 2: (0, 1), 3: (own, all_axles)}[circuit]
            parameters["brake_share"][first:last] = 0.0
        for circuit in (1, 2):
            change = -PRESSURE_FALL_PA_PER_S if circuit in lost else PRESSURE_FALL_PA_PER_S
            self.pressure[circuit - 1] = min(
                max(self.pressure[circuit - 1] + change * step_s, 0.0), BRAKE_PRESSURE_PA[circuit - 1]
            )
        if "engine_lost" in active:
            actuation = actuation.copy()
            actuation["engine_torque_nm"] = 0.0
        return actuation

    def show(self, truth: Truth) -> None:
        if self.faults:
            truth.info["brake_pressure_pa"] = tuple(self.pressure)

    def as_json(self) -> list[dict[str, Any]]:
        return [_told(fault) for fault in self.faults]


def _told(fault: Fault) -> dict[str, Any]:
    return {"source": fault.source, "message": None, "signal": None, "kind": fault.kind, "start_s": fault.start_s,
            "end_s": fault.end_s, "value": fault.value, "probability": 1.0, "seed": fault.seed, "records": {}}  # fmt: skip
