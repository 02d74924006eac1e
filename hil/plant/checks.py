"""Whether the plant is sound: step size, energy, the kinematic limit at walking speed, speed of computation."""

from __future__ import annotations

import math
import time

import numpy as np

from autonomy import config as configuration
from autonomy.tick_period import TICK_S
from hil.plant import plant_twin
from hil.plant.plant import Plant, PlantCommand, Surroundings

WITHOUT_TRAILER_ABS = {"brakes.trailer_abs": 0}
WITHOUT_TURNING_PARTS = {"engine.inertia": 0.0, "tyres.wheel_inertia": 0.0}
# One axle a unit, the fifth wheel over the drive axle: what the kinematic reference is
KINEMATIC = {
    "tractor.fifth_wheel_m": 2.6, "trailer.axle_behind_m": [7.7], "steering.delay_s": 0.0, "steering.lag_s": 1e-4,
    "steering.maximum_rate": 10.0, "steering.play": 0.0, "tyres.cornering_stiffness": [363e3, 551e3, 1287e3],
    "tyres.nominal_load_n": [65900, 96700, 229800], "tyres.load_sensitivity": [0.3] * 3, "tyres.relaxation_m": [0.6] * 3,
    "tyres.track_m": [2.05, 1.8, 1.96], "tyres.roll_stiffness": [0.35e6, 1.0e6, 3.0e6], "tyres.roll_damping": [1e4, 3e4, 9e4],
    "tyres.roll_steer": [0.0] * 3,
}  # fmt: skip
# The kinematic model's tyres do not slip: towards it
STIFF = {"tyres.cornering_stiffness": [5.0 * 363e3, 5.0 * 551e3, 5.0 * 1287e3], "tyres.relaxation_m": [0.05] * 3}


def last_axle_path(name: str, overrides: dict, *, friction: float = 0.8, braking: float = 1.5) -> np.ndarray:
    """(ticks, 2): a lane change, then a steady turn in a crosswind with braking (m/s2), 12 s from 25 m/s."""
    plant = Plant.load(name, overrides)
    plant.reset(speed=25.0)
    road = Surroundings(friction=friction, wind_speed_mps=10.0, wind_from_rad=1.0)
    path = []
    for tick in range(1200):
        t = tick * TICK_S
        angle = 0.02 * math.sin(2.0 * math.pi * 0.4 * (t - 1.0)) if 1.0 <= t < 3.5 else (0.012 if t > 6.0 else 0.0)
        plant.step(TICK_S, PlantCommand(angle, acceleration_mps2=-braking if t > 9.0 else 0.0), road)
        path.append(plant.axles()[-1])
    return np.array(path)


def halving_error(name: str, *, locked: bool = False) -> float:
    """m by which halving the configured inner step moves the last axle's path, at most; `locked`: without ABS, on friction 0.4,
    braked until the trailer's wheels slide."""
    overrides, road = (WITHOUT_TRAILER_ABS, {"friction": 0.4, "braking": 5.0}) if locked else ({}, {})
    half = {"plant.inner_step_s": 0.5 * float(Plant.load(name).parameters["inner_step_s"])}
    paths = [last_axle_path(name, {**overrides, **step}, **road) for step in ({}, half)]
    return float(np.linalg.norm(paths[0] - paths[1], axis=1).max())


def energy_error(name: str) -> float:
    """Share of the kinetic energy's change that the work of all forces misses, over 5 s of swerving uphill in the wind."""
    plant = Plant.load(name, WITHOUT_TURNING_PARTS)
    p, memory = plant.parameters, plant.kernel.memory
    road = Surroundings(grade=0.03, bank=-0.02, wind_speed_mps=12.0, wind_from_rad=1.0)
    step = float(p["inner_step_s"])
    plant.reset(speed=22.0)
    plant.step(TICK_S, PlantCommand(), road)
    powers, x = [], memory["state"].copy()
    begin = plant_twin.kinetic_energy(p, x)
    for tick in range(round(5.0 / step)):
        powers.append(_power(plant, road))
        plant.step(step, PlantCommand(0.03 * math.sin(2.5 * tick * step)), road)
    powers.append(_power(plant, road))
    work = float(np.trapezoid(powers, dx=step))
    gained = plant_twin.kinetic_energy(p, memory["state"]) - begin
    return abs(work - gained) / abs(gained)


def _power(plant: Plant, road: Surroundings) -> float:
    """W of tyres, air, springs and gravity."""
    p, memory = plant.parameters, plant.kernel.memory
    x = memory["state"].copy()
    power = plant.kernel.derivative(x, float(memory["road_wheel_angle"]))[1]
    return power + plant_twin.gravity_power(p, x, road.grade, road.bank)


def kinematic_reference() -> np.ndarray:
    """Rows t_s, road_wheel_angle_rad, x_m, y_m, yaw_rad, hitch_rad; where they come from stands in the file."""
    return np.genfromtxt(configuration.directory() / "plants" / "kinematic_trailer.csv", delimiter=",", names=True, skip_header=2)


def kinematic_errors(tyres: dict | None = None) -> tuple[float, float]:
    """(m, rad): largest distance from the kinematic reference's place and from its articulation, over its 60 s at 1 m/s."""
    rows = kinematic_reference()
    plant = Plant.load("plants/eu_4x2_40t", KINEMATIC | (tyres or {}))
    plant.reset(speed=1.0)
    place, articulation = [0.0], [0.0]
    for second in range(len(rows) - 1):
        for tick in range(100):
            angle = 0.30 * math.sin(0.2 * (second + (tick + 0.5) * TICK_S))
            plant.step(TICK_S, PlantCommand(angle, held_speed_mps=1.0))
        row = rows[second + 1]
        place.append(math.hypot(float(plant.state["x"]) - row["x_m"], float(plant.state["y"]) - row["y_m"]))
        articulation.append(abs(float(plant.state["articulation"]) - row["hitch_rad"]))
    return max(place), max(articulation)


def realtime_factor(name: str, seconds: float = 30.0) -> float:
    """Simulated over processor time at 100 Hz, calls from Python included."""
    plant = Plant.load(name)
    plant.reset(speed=25.0)
    command = PlantCommand(0.001, 500.0)
    begin = time.process_time()
    for _ in range(round(seconds / TICK_S)):
        plant.step(TICK_S, command)
    return seconds / (time.process_time() - begin)
