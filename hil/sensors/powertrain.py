"""What the buses tell of engine, gearbox, retarder and brakes, as coarsely and as wrongly as they do it on trucks.

Engine torque is indicated torque in whole percent of a reference (EEC1), what the engine needs for itself another (EEC3);
retarder and engine brake tell a percentage each (ERC1). Engine and friction torque are off by a scale each, drawn once a drive.
Between the gearbox's shaft and the driven wheels there is a spring, which the plant has not: its swing is put on the shaft's
speed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from autonomy.physics import STANDARD_GRAVITY_MPS2
from hil.sensors.realism import (
    ABS_SHARE,
    AIR_SIGNAL_S,
    BRAKE_PRESSURE_PA,
    BRAKE_SOURCE,
    DRIVELINE_DAMPING,
    DRIVELINE_HZ,
    DRIVELINE_STIFFNESS_NM_PER_RAD,
    DRIVELINE_TORQUE_LAG_S,
    ENGINE_BRAKE_REFERENCE_NM,
    ENGINE_BRAKE_SOURCE,
    ENGINE_DRAG_NM,
    ENGINE_DRAG_PER_RADPS,
    ENGINE_SOURCE,
    FRICTION_SCALE_SIGMA,
    RETARDER_REFERENCE_NM,
    RETARDER_SOURCE,
    SHAFT_SOURCE,
    SLOW_SIGNAL_S,
    TORQUE_SCALE_SIGMA,
    TRAILER_SOURCE,
)
from hil.world import Truth


class Powertrain:
    """Signals of one truck. `reference_nm`: 100 % of EEC1. `noise` 0: no scale errors, no coarse percents, no swing."""

    def __init__(self, reference_nm: float, noise: float, seed: int):
        self.reference_nm, self.noise = reference_nm, noise
        random = np.random.default_rng([seed, 2])
        self.torque_scale = 1.0 + noise * TORQUE_SCALE_SIGMA * random.standard_normal()
        self.friction_scale = 1.0 + noise * FRICTION_SCALE_SIGMA * random.standard_normal()
        self.slow_ns: int | None = None
        self.air_ns: int | None = None
        self.swing_ns: int | None = None
        self.torque = self.twist = self.twist_rate = 0.0

    def signals(self, truth: Truth) -> Iterator[tuple[str, float, int]]:
        """(name of SignalSample, value, source) of what is due."""
        plant = truth.ego.plant
        if plant is None:
            return
        speed, net = float(plant["engine_speed_radps"]), float(plant["engine_torque_nm"])
        if plant["driveline_engaged"]:  # the plant's engine turns with wheels that do not slip; the shaft that is told does
            speed = float(plant["shaft_speed"]) * float(plant["gear_ratio"])
        drag = ENGINE_DRAG_NM + ENGINE_DRAG_PER_RADPS * speed
        yield "ENGINE_SPEED", speed, ENGINE_SOURCE
        yield "ENGINE_TORQUE", self._percent(max(0.0, net + drag) * self.torque_scale, self.reference_nm), ENGINE_SOURCE
        if self.slow_ns is not None and truth.time_ns - self.slow_ns < round(SLOW_SIGNAL_S * 1e9):
            return
        self.slow_ns = truth.time_ns
        yield "ENGINE_FRICTION_TORQUE", self._percent(drag * self.friction_scale, self.reference_nm), ENGINE_SOURCE
        yield "ENGINE_BRAKE_TORQUE", self._percent(min(0.0, net + drag), ENGINE_BRAKE_REFERENCE_NM), ENGINE_BRAKE_SOURCE
        yield "RETARDER_TORQUE", self._percent(float(plant["retarder_torque_nm"]), RETARDER_REFERENCE_NM), RETARDER_SOURCE
        yield "GEAR", float(plant["gear"]), SHAFT_SOURCE
        yield "GEAR_RATIO", float(plant["gear_ratio"]), SHAFT_SOURCE
        pedal = truth.ego.brake_pedal  # the driver's: what is asked for on the bus moves no pedal
        yield "BRAKE_PEDAL", round(pedal / 0.004) * 0.004 if self.noise else pedal, BRAKE_SOURCE
        yield "BRAKE_SWITCH", float(pedal > 0.0), ENGINE_SOURCE
        if self.air_ns is None or truth.time_ns - self.air_ns >= round(AIR_SIGNAL_S * 1e9):
            self.air_ns = truth.time_ns
            for number, pressure in enumerate(truth.info.get("brake_pressure_pa", BRAKE_PRESSURE_PA), start=1):
                yield f"BRAKE_PRESSURE_{number}", pressure, BRAKE_SOURCE
        yield "TRAILER_CONNECTED", 1.0, TRAILER_SOURCE
        grip = ABS_SHARE * truth.road.friction
        yield "ABS_ACTIVE", float(float(plant["brake_deceleration_mps2"]) > grip * STANDARD_GRAVITY_MPS2), BRAKE_SOURCE
        yield "TRACTION_CONTROL_ACTIVE", float(self._spinning(plant, grip)), BRAKE_SOURCE

    def swing(self, truth: Truth) -> float:
        """rad/s that the gearbox's shaft turns faster than the wheels, by the twist between them."""
        plant = truth.ego.plant
        if plant is None or not self.noise:
            return 0.0
        engaged = int(plant["gear"]) != 0
        torque = engaged * float(plant["engine_torque_nm"]) * float(plant["gear_ratio"]) + float(plant["retarder_torque_nm"])
        elapsed_s = 0.0 if self.swing_ns is None else (truth.time_ns - self.swing_ns) / 1e9
        if self.swing_ns is None:
            self.torque, self.twist = torque, torque / DRIVELINE_STIFFNESS_NM_PER_RAD
        self.swing_ns = truth.time_ns
        rate, steps = 2.0 * math.pi * DRIVELINE_HZ, 4
        for _ in range(steps):
            h = elapsed_s / steps
            self.torque += h / DRIVELINE_TORQUE_LAG_S * (torque - self.torque)
            pull = rate * rate * (self.torque / DRIVELINE_STIFFNESS_NM_PER_RAD - self.twist)
            self.twist_rate += h * (pull - 2.0 * DRIVELINE_DAMPING * rate * self.twist_rate)
            self.twist += h * self.twist_rate
        return self.twist_rate

    def _percent(self, value: float, reference: float) -> float:
        return round(100.0 * value / reference) * 0.01 * reference if self.noise else value

    def _spinning(self, plant, grip: float) -> bool:
        """Traction control: the engine would give more than the driven axles hold."""
        if not float(plant["shaft_speed"]) > 0.5 or plant["shift_in_progress"]:
            return False
        force = float(plant["engine_torque_nm"]) * float(plant["engine_speed_radps"]) / max(float(plant["speed"]), 0.5)
        return force > grip * float(plant["axle_load"][1])


def engine_reference_nm(config) -> float:
    """100 % of the engine's torque: by what the vehicle file reads EEC1 with, 2600 N m where it does not [M]."""
    for route in config.sections.get("can", {}).get("route", []):
        if route.get("signal") == "ENGINE_TORQUE":
            return 100.0 * float(route["fields"]["value"].get("scale", 26.0))
    return 2600.0
