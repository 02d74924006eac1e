"""The least fuel with which the plant can drive over hills in a given time: what no cruise control can better.

Dynamic programming over the whole road, backwards over steps of STEP_M: kinetic energy on a fine grid, gear or out of gear. It
knows the plant's own engine (full load, consumption), resistances and all of the road, and may choose every gear and every
force at will; brakes only at the ceiling. With any price of time the least cost less that price times the time allowed is a
bound (Lagrange's dual), so the price need not be exact: the highest of a few is taken.
"""

from __future__ import annotations

import numpy as np

from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from hil.longitudinal.hills import POINT_M, Hills
from hil.plant import Plant

STEP_M = 50.0
ENERGY_STEP = 0.5  # J/kg: accelerations are found to 0.01 m/s2
SLOWEST = 12.5  # m/s
OFFSETS = np.concatenate([np.arange(-11, 12), [14, 18, 24]])  # energy steps of a part load: -0.11 to 0.24 m/s2
COARSE = OFFSETS[1::4]  # in a step that begins with a shift
GEARS = 5  # from the highest down; ROLL is the place behind
ROLL = GEARS


class Truck:
    """The plant's driveline as forces (N at the wheels) and fuel (kg/s); arrays of speed in m/s."""

    def __init__(self, plant: Plant):
        p, engine, box = plant.parameters, plant.table["engine"], plant.table["gearbox"]
        self.mass, self.engine = plant.mass, engine
        radius, final = float(p["wheel_radius"]), float(p["final_drive"])
        ratios = box["ratios"][::-1][:GEARS]
        self.crank = np.append(ratios * final / radius, 0.0)  # rad/s of the engine per m/s, N per N m
        self.efficiency, self.shift_s = float(p["efficiency"]), float(p["shift_time_s"])
        turning = np.append(float(p["engine_inertia"]) * (ratios * final) ** 2, 0.0) + float(p["wheel_inertia"])
        self.inert = self.mass + turning / radius**2
        self.rolling = STANDARD_GRAVITY_MPS2 * float(p["rolling_resistance"])
        self.air = 0.5 * AIR_DENSITY_KGPM3 * float(p["drag_area"])
        self.slowest, self.fastest = (float(engine["curve_rpm"][k]) * np.pi / 30.0 for k in (1, -2))
        self.idle = float(p["engine_idle"])

    def turning(self, speed, gear):
        """rad/s of the engine."""
        return np.full_like(speed, self.idle) if gear == ROLL else speed * self.crank[gear]

    def may(self, speed, gear):
        """Whether the engine turns as it should in this gear."""
        turning = self.turning(speed, gear)
        return (turning > self.slowest) & (turning < self.fastest) if gear != ROLL else np.full(np.shape(speed), True)

    def drag(self, turning):
        return float(self.engine["drag_torque_nm"]) + float(self.engine["drag_torque_per_speed"]) * turning

    def most_torque(self, turning):
        return np.interp(turning, self.engine["curve_rpm"] * np.pi / 30.0, self.engine["curve_torque_nm"])

    def most(self, speed, gear):
        return self.most_torque(self.turning(speed, gear)) * self.crank[gear] * self.efficiency

    def least(self, speed, gear):
        return -self.drag(self.turning(speed, gear)) * self.crank[gear] / self.efficiency

    def fuel_rate(self, force, speed, gear):
        turning, e = self.turning(speed, gear), self.engine
        net = 0.0 if gear == ROLL else np.where(force > 0.0, force / self.efficiency, force * self.efficiency) / self.crank[gear]
        indicated, drag = net + self.drag(turning), self.drag(turning)
        load = indicated / (self.most_torque(turning) + drag)
        away = turning / (100.0 * np.pi / 3.0) - float(e["economic_rpm"]) / 1000.0
        efficiency = float(e["indicated_efficiency"]) * (1.0 - float(e["efficiency_per_speed"]) * away**2
                                                         - float(e["efficiency_per_load"]) * load**2)  # fmt: skip
        return np.maximum(indicated, 0.0) * turning / (efficiency * float(e["fuel_heat"]))


class Gear:
    """What one gear gives on the grid of energies, whatever the slope."""

    def __init__(self, truck: Truck, gear: int, energy: np.ndarray, shifts: bool):
        self.truck, self.gear, self.energy = truck, gear, energy
        self.speed = speed = np.sqrt(2.0 * energy)
        self.air, self.inert = truck.air * speed**2, truck.inert[gear]
        self.kept = 1.0 - np.minimum(truck.shift_s * speed / STEP_M, 1.0) if shifts and gear != ROLL else np.ones_like(speed)
        self.idle = truck.fuel_rate(0.0, speed, gear) * (1.0 - self.kept)
        self.may = truck.may(speed, gear)
        self.ends = [np.zeros_like(speed)] if gear == ROLL else [truck.most(speed, gear), truck.least(speed, gear)]
        self.offsets = np.empty(0, int) if gear == ROLL else COARSE if shifts else OFFSETS
        reached = np.arange(len(energy)) + self.offsets[:, None]
        self.reached = np.clip(reached, 0, len(energy) - 1)
        self.inside = (reached == self.reached) & self.may
        self.time = 2.0 * STEP_M / (speed + speed[self.reached])
        self.push = self.inert * ENERGY_STEP * self.offsets[:, None] / STEP_M

    def best(self, pull: float, later: np.ndarray, price: float, low_energy: float) -> np.ndarray:
        """(energies,) kg to the end by the cheapest control, `later` (energies,) kg from a step on."""
        truck, energy, resisting = self.truck, self.energy, self.truck.mass * pull + self.air
        found = np.full(len(energy), 1e6)
        for row, force in enumerate(self.ends):
            after = np.minimum(energy + (force * self.kept - resisting) / self.inert * STEP_M, energy[-1])
            allowed = self.may & (after > energy[0])
            if row or self.gear == ROLL:  # below the band only with all that the engine gives
                allowed &= (after >= low_energy) | (after >= energy)
            time = 2.0 * STEP_M / (self.speed + np.sqrt(2.0 * np.maximum(after, 1.0)))
            rate = truck.fuel_rate(force, self.speed, self.gear) * self.kept + self.idle
            cost = (rate + price) * time + np.interp(after, energy, later)
            found = np.minimum(found, np.where(allowed, cost, 1e6))
        if len(self.offsets):
            force = (resisting + self.push) / self.kept
            rate = truck.fuel_rate(force, self.speed, self.gear) * self.kept + self.idle
            allowed = self.inside & (force < self.ends[0]) & (force > self.ends[1])
            allowed &= (energy[self.reached] >= low_energy) | (self.offsets[:, None] >= 0)
            cost = (rate + price) * self.time + later[self.reached]
            found = np.minimum(found, np.where(allowed, cost, 1e6).min(axis=0))
        return found


def least_fuel(plant: Plant, hills: Hills, set_speed: float, time_s: float, *, over: float, under: float, rolls: bool) -> float:
    """kg from the set speed to the set speed in `time_s` or less, at most `over` m/s faster, not more than `under` slower
    unless the engine gives all."""
    truck, width = Truck(plant), round(STEP_M / POINT_M)
    grade = hills.grade[: len(hills.grade) // width * width].reshape(-1, width).mean(axis=1)
    pull = STANDARD_GRAVITY_MPS2 * np.sin(grade) + truck.rolling
    highest, start = 0.5 * (set_speed + over) ** 2, 0.5 * set_speed**2
    energy = highest - ENERGY_STEP * np.arange(round((highest - 0.5 * SLOWEST**2) / ENERGY_STEP), -1, -1)
    gears = [(Gear(truck, gear, energy, False), Gear(truck, gear, energy, True)) for gear in range(GEARS + rolls)]
    indicated = float(truck.engine["indicated_efficiency"]) * float(truck.engine["fuel_heat"]) * truck.efficiency

    def bound(price: float) -> float:
        later = np.tile(truck.inert[0] / indicated * (start - energy), (len(gears), 1))
        for slope in pull[::-1]:
            stay, shift = (np.array([gear[k].best(slope, later[row], price, 0.5 * (set_speed - under) ** 2)
                                     for row, gear in enumerate(gears)]) for k in (0, 1))  # fmt: skip
            later = np.minimum(stay, shift.min(axis=0))
        return float(np.interp(start, energy, later[0])) - price * time_s

    level = set_speed**2 * (2.0 * truck.air * set_speed + truck.crank[0] ** 2) / indicated
    logs = [np.log(level) + step for step in (-0.3, 0.0, 0.3)]
    bounds = [bound(np.exp(log)) for log in logs]
    for _ in range(2):
        a, b, _ = np.polyfit(logs[-3:], bounds[-3:], 2)
        logs.append(float(np.clip(-0.5 * b / a, np.log(level) - 1.0, np.log(level) + 1.5)) if a < 0.0 else logs[-1] + 0.3)
        bounds.append(bound(np.exp(logs[-1])))
    return max(bounds)
