"""Manoeuvres of the Australian Performance Based Standards, by which OpenPBS judges combinations, driven on the plant.

The standards' limits [M]: rearward amplification <= 5.7 times the static rollover threshold (in g), high-speed transient
off-tracking <= 0.6 m (level 1), yaw damping >= 0.15, static rollover threshold >= 0.35 g. The transient ones at 88 km/h with one
sine of 0.4 Hz and 0.15 g at the steer axle (SAE J2179, ISO 14791). The turn at 5 km/h: low_speed_turn.py; slopes: climbing.py.
"""

from __future__ import annotations

import math

import numpy as np

from autonomy.physics import STANDARD_GRAVITY_MPS2
from autonomy.tick_period import TICK_S
from hil.plant.plant import Plant, PlantCommand, Surroundings

TRANSIENT_SPEED_MPS = 88.0 / 3.6
SINE_HZ = 0.4
PEAK_G = 0.15
DIRECT = {"steering.delay_s": 0.0, "steering.lag_s": 0.001, "steering.maximum_rate": 10.0, "steering.play": 0.0}
ROAD = Surroundings(friction=0.8)


def single_sine(plant: Plant, speed: float, amplitude: float, frequency_hz: float = SINE_HZ, duration_s: float = 10.0):
    """(states, axle positions (ticks, axles, 2), front axle's lateral acceleration); the sine begins after 1 s."""
    plant.reset(speed=speed)
    states, axles = [], []
    for tick in range(round(duration_s / TICK_S)):
        t = tick * TICK_S - 1.0
        angle = amplitude * math.sin(2.0 * math.pi * frequency_hz * t) if 0.0 <= t < 1.0 / frequency_hz else 0.0
        states.append(plant.step(TICK_S, PlantCommand(angle, held_speed_mps=speed), ROAD).copy())
        axles.append(plant.axles())
    states, axles = np.array(states), np.array(axles)
    front = float(plant.parameters["axle_x"][0] - plant.parameters["reference"])
    return states, axles, states["ay"] + np.gradient(states["yaw_rate"], TICK_S) * front


def lane_change(plant: Plant, speed: float = TRANSIENT_SPEED_MPS, frequency_hz: float = SINE_HZ) -> dict[str, float]:
    """rearward_amplification (trailer over steer axle, lateral), off_tracking_m (last axle beyond the first's path) ..."""
    amplitude = 0.02
    for _ in range(4):  # to the peak that the standard asks of the steer axle
        states, axles, front = single_sine(plant, speed, amplitude, frequency_hz)
        amplitude *= PEAK_G * STANDARD_GRAVITY_MPS2 / np.abs(front).max()
    first, last = axles[:, 0], axles[:, -1]
    path = np.interp(last[:, 0], first[:, 0], first[:, 1])
    aside = np.sign(first[-1, 1]) * (last[:, 1] - path)  # beyond, on the side it changes to
    return {"rearward_amplification": float(np.abs(states["trailer_ay"]).max() / np.abs(front).max()),
            "off_tracking_m": float(aside[last[:, 0] > 0.0].max()),
            "articulation_max_rad": float(np.abs(states["articulation"]).max()),
            "articulation_end_rad": float(np.abs(states["articulation"][-100:]).max()), "amplitude_rad": amplitude}  # fmt: skip


def yaw_damping(plant: Plant, speed: float = 80.0 / 3.6) -> float:
    """Damping ratio of the articulation's decay after a steering pulse of 0.1 s, from its successive peaks; NaN without two."""
    plant.reset(speed=speed)
    values = []
    for tick in range(1500):
        angle = 0.06 * math.sin(math.pi * tick / 10.0) if tick < 10 else 0.0
        values.append(float(plant.step(TICK_S, PlantCommand(angle, held_speed_mps=speed), ROAD)["articulation"]))
    values = np.array(values)
    turns = [k for k in range(1, len(values) - 1) if (values[k] - values[k - 1]) * (values[k + 1] - values[k]) < 0.0]
    peaks = np.abs(values[turns])
    peaks = peaks[peaks > 0.02 * peaks.max()][1:]
    if len(peaks) < 2:
        return math.nan
    decrement = np.log(peaks[:-1] / peaks[1:]).mean()  # over half a period
    return float(decrement / math.hypot(math.pi, decrement))


def rollover_threshold(plant: Plant, speed: float = 20.0) -> float:
    """g of steady lateral acceleration at which the combination begins to fall: the angle grows slowly until it does."""
    plant.reset(speed=speed)
    best = 0.0
    for tick in range(12000):
        state = plant.step(TICK_S, PlantCommand(0.0012 * tick * TICK_S, held_speed_mps=speed), Surroundings(friction=1.0))
        if state["rolled_over"] or abs(state["trailer_ltr"]) >= 1.0 and state["ltr"] >= 1.0:
            return best / STANDARD_GRAVITY_MPS2
        best = max(best, abs(float(state["trailer_ay"])))
    return math.nan
