"""The optimizer of the predictive cruise control with NumPy: all energies of a step at once."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

POINTS, GEARS, ROLLING, ENERGIES, RANGE = 64, 4, 4, 112, 0.3
PLAIN_GAIN, SLOWER, PARTS = 0.4, 0.5, 5
STEP_M = float(msg.constants("CruisePlan")["STEP_M"])
WANTED = (0.0, 0.012, -0.012, 0.035, -0.035, 0.09, -0.09)
PART, OVERRUN, FULL, ROLL = 0, 1, 2, 3


class Truck:
    """Forces in N at the wheels, fuel in kg; `speed` and `gear` may be arrays."""

    def __init__(self, cruise, vehicle, longitudinal, mass: float):
        c, v, lo = (dict(zip(table.dtype.names, table.item(), strict=True)) for table in (cruise, vehicle, longitudinal))
        self.c, self.mass, self.inert = c, mass, mass + c["rotating_mass_kg"]
        self.crank = np.array(c["gear_ratio"]) * v["driveline_ratio"] / v["wheel_radius_m"]
        self.rolling = STANDARD_GRAVITY_MPS2 * v["rolling_resistance"]
        self.drag_area, self.air = v["drag_area_m2"], AIR_DENSITY_KGPM3 * v["drag_area_m2"] / mass
        self.torque, self.power = v["engine_torque_maximum_nm"], lo["engine_power_maximum_w"]
        self.drag, self.drag_per_speed = lo["engine_drag_torque_nm"], lo["engine_drag_torque_per_speed"]
        self.efficiency = c["driveline_efficiency"]
        self.fuel_per_work = 1.0 / (c["indicated_efficiency"] * c["fuel_heat_j_per_kg"])

    def price(self, set_speed: float, late_s: float, exponent: float) -> float:
        """kg/s at which the set speed is the cheapest on the level, dearer the later the truck is, and by what lateness left."""
        slope = AIR_DENSITY_KGPM3 * self.drag_area * set_speed / self.efficiency + self.drag_per_speed * self.crank[0] ** 2
        most = self.c["price_exponent_limit"]
        dearer = np.exp(np.clip(exponent + self.c["time_gain"] * late_s, -most, most))
        return float(set_speed**2 * self.fuel_per_work * slope * dearer)

    def plain(self, speed: float, set_speed: float, ceiling: float, pull: float, distance: float) -> float:
        """m/s after so many metres with a plain cruise control."""
        gear = int(self.gear(speed, 0))
        lower = min(gear + 1, GEARS - 1)
        most = self.most(speed, gear)
        if speed * self.crank[lower] < self.c["shift_up_radps"]:
            most = max(most, self.most(speed, lower))
        resisting = self.mass * (pull + self.air * 0.5 * speed**2)
        force = resisting + self.inert * PLAIN_GAIN * (min(set_speed, ceiling) - speed)
        force = max(min(force, most), self.least(speed, gear))
        after = max(0.5 * speed**2 + (force - resisting) / self.inert * distance, 0.5 * self.c["slowest_mps"] ** 2)
        return min(np.sqrt(2.0 * after), max(ceiling, speed - SLOWER))

    def gear(self, speed, gear: int):
        """Where the engine's speed forces the gearbox to, from one gear."""
        found = np.full(np.shape(speed), 0 if gear == ROLLING else gear)
        for _ in range(GEARS):
            found = np.where((found < GEARS - 1) & (speed * self.crank[found] < self.c["shift_down_radps"]), found + 1, found)
        for _ in range(GEARS):
            found = np.where((found > 0) & (speed * self.crank[found] > self.c["shift_up_radps"]), found - 1, found)
        return found

    def most(self, speed, gear):
        return np.minimum(self.torque * self.crank[gear], self.power / speed) * self.efficiency

    def least(self, speed, gear):
        return -(self.drag + self.drag_per_speed * self.crank[gear] * speed) * self.crank[gear] / self.efficiency

    def fuel(self, force, speed, gear):
        """kg over a step."""
        torque = np.where(force > 0.0, force / self.efficiency, force * self.efficiency) / self.crank[gear]
        cylinders = torque + self.drag + self.drag_per_speed * speed * self.crank[gear]
        return np.maximum(cylinders * self.crank[gear], 0.0) * self.fuel_per_work * STEP_M

    def steps(self, energy, gear: int, pull: float, ceiling: float):
        """Every control from energies (n,): (allowed, energy, gear, fuel, time, acceleration), each (controls, n), and drives."""
        speed = np.sqrt(2.0 * energy)
        kept = self.gear(speed, gear)
        resisting = self.mass * (pull + self.air * energy)
        most, least = self.most(speed, kept), self.least(speed, kept)
        shift = np.minimum(speed * self.c["shift_time_s"] / STEP_M, 1.0)
        forced = np.where(kept != gear, shift, 0.0)
        higher = np.maximum(kept - 1, 0)
        reserve = self.c["economy_reserve"] * self.most(speed, higher)
        economic = (kept > 0) & (speed * self.crank[higher] > self.c["economy_radps"])
        may_roll = (self.c["roll_deceleration"] > 0.0) & (resisting < self.mass * self.c["roll_deceleration"])
        lower = np.minimum(kept + 1, GEARS - 1)
        kick = (kept < GEARS - 1) & (speed * self.crank[lower] < self.c["shift_up_radps"])
        kick &= self.most(speed, lower) > self.c["kickdown_gain"] * most
        rows, drives = [], []
        yes = np.ones_like(energy, bool)
        for drive, wanted in ((FULL, None), (OVERRUN, None), *((PART, w) for w in WANTED), (ROLL, None)):
            force = {FULL: most, OVERRUN: least, ROLL: np.zeros_like(energy)}.get(drive)
            chosen, lost, allowed = kept, forced, yes
            if drive == PART:
                force = resisting + self.inert * wanted
                allowed = (force < most) & (force > least)
                up = economic & (force > 0.0) & (force < reserve)
                chosen, lost = np.where(up, higher, kept), np.where(up, shift, forced)
            if drive == FULL:
                force, chosen = np.where(kick, self.most(speed, lower), most), np.where(kick, lower, kept)
                lost = np.where(kick, shift, forced)
            fuel = self.fuel(force, speed, chosen) * (1.0 - lost)
            if drive == OVERRUN:
                fuel = np.zeros_like(energy)
            if drive == ROLL:
                chosen, lost, allowed = np.full_like(kept, ROLLING), np.zeros_like(energy), yes & may_roll
                fuel = self.c["idle_fuel_kg_per_s"] * STEP_M / speed
            free = energy + (force * (1.0 - lost) - resisting) / self.inert * STEP_M
            acceleration = np.where(free > ceiling, 0.0, (force * (1.0 - lost) - resisting) / self.inert)
            after = np.maximum(np.minimum(free, ceiling), 0.5 * self.c["slowest_mps"] ** 2)
            time = 2.0 * STEP_M / (speed + np.sqrt(2.0 * after))
            rows.append((allowed, after, chosen, fuel, time, acceleration))
            drives.append(drive)
        return [np.array(column) for column in zip(*rows, strict=True)], np.array(drives)


def road(cruise, horizon, rolling: float) -> tuple[np.ndarray, np.ndarray]:
    """(pull in m/s2, ceiling in J/kg), (POINTS,) each."""
    known = np.isfinite(horizon["grade"]) & (horizon["grade_sigma"] <= cruise["grade_sigma_maximum"])
    pull = STANDARD_GRAVITY_MPS2 * np.sin(np.where(known, horizon["grade"], 0.0)) + rolling
    limit = np.minimum(horizon["limit"], horizon["set_speed"] + cruise["overspeed_mps"])
    if np.isfinite(horizon["lead_speed"]):
        closing = max(float(horizon["lead_gap_error"]), 0.0) / float(cruise["lead_closing_s"])
        limit = np.minimum(limit, max(float(horizon["lead_speed"]) + closing, 0.0))
    ceiling = 0.5 * np.maximum(limit, cruise["slowest_mps"] + RANGE) ** 2
    for k in range(POINTS - 2, -1, -1):
        ceiling[k] = min(ceiling[k], ceiling[k + 1] + float(cruise["ceiling_deceleration"]) * STEP_M)
    return pull, ceiling


def compare(truck: Truck, horizon, ceiling: float) -> tuple[float, float, float]:
    """(speed of the plain cruise control, s it is ahead, exponent of the price) after what was driven since."""
    before, behind, exponent = (float(horizon[name]) for name in ("reference_speed", "time_behind_s", "late_exponent"))
    if horizon["paused"] or not before > truck.c["slowest_mps"]:
        start = horizon["speed"] if horizon["paused"] or before > truck.c["slowest_mps"] else horizon["set_speed"]
        return float(start), behind, exponent
    grade, way = np.nan_to_num(float(horizon["grade"][0])), float(horizon["travelled_m"])
    after = truck.plain(before, float(horizon["set_speed"]), ceiling, truck.rolling + STANDARD_GRAVITY_MPS2 * np.sin(grade), way)
    behind += float(horizon["elapsed_s"]) - 2.0 * way / (before + after)
    exponent += truck.c["time_integral_gain"] * (behind + float(horizon["planned_later_s"])) * float(horizon["elapsed_s"])
    return after, behind, float(np.clip(exponent, -truck.c["price_exponent_limit"], truck.c["price_exponent_limit"]))


def plain_time(truck: Truck, speed: float, set_speed: float, ceiling: np.ndarray, pull: np.ndarray) -> float:
    """s over the horizon."""
    total = 0.0
    for k in range((POINTS - 1) * PARTS):
        before, speed = speed, truck.plain(speed, set_speed, ceiling[k // PARTS + 1], pull[k // PARTS], STEP_M / PARTS)
        total += 2.0 * STEP_M / PARTS / (before + speed)
    return total


def plan(cruise, vehicle, longitudinal, horizon) -> dict[str, np.ndarray | float]:
    """{speed (POINTS,), ceiling, drive, fuel_kg, duration_s, cost}: what `Kernel.plan` finds, on a grid without gaps."""
    truck = Truck(cruise, vehicle, longitudinal, float(horizon["mass_kg"]))
    pull, ceiling = road(cruise, horizon, truck.rolling)
    reference, behind, exponent = compare(truck, horizon, np.sqrt(2.0 * ceiling[0]))
    price = truck.price(float(horizon["set_speed"]), behind + float(horizon["planned_later_s"]), exponent)
    start = 0.5 * float(horizon["speed"]) ** 2
    top = max(np.sqrt(2.0 * ceiling.max()) + RANGE, np.sqrt(2.0 * start))
    grid = np.linspace(0.5 * float(cruise["slowest_mps"]) ** 2, 0.5 * top**2, ENERGIES)
    lowest = float(horizon["set_speed"]) - float(cruise["band_below_mps"])

    def best(k, energy, gear, value):
        (allowed, after, chosen, fuel, time, acceleration), drives = truck.steps(energy, gear, pull[k], ceiling[k + 1])
        cost = fuel + price * time + cruise["acceleration_price"] * acceleration**2 * STEP_M
        cost += cruise["low_speed_price"] * np.maximum(lowest - np.sqrt(2.0 * after), 0.0) * STEP_M
        cost += cruise["shift_price"] * (chosen != gear)
        left = np.clip(np.searchsorted(grid, after, "right") - 1, 0, ENERGIES - 2)
        share = (after - grid[left]) / (grid[1] - grid[0])
        later = value[chosen, left] * (1.0 - share) + value[chosen, left + 1] * share
        total = np.where(allowed, cost + later, np.inf)
        row = np.argmin(total, axis=0)
        pick = np.arange(len(energy))
        return total[row, pick], after[row, pick], chosen[row, pick], fuel[row, pick], time[row, pick], drives[row]

    worth = truck.inert * truck.fuel_per_work / truck.efficiency
    values = {POINTS - 1: np.tile(-worth * grid, (GEARS + 1, 1))}
    for k in range(POINTS - 2, 0, -1):
        values[k] = np.array([best(k, grid, gear, values[k + 1])[0] for gear in range(GEARS + 1)])
        for gear in range(1, GEARS):  # too fast for it: it is left at once
            fast = np.sqrt(2.0 * grid) * truck.crank[gear] > cruise["shift_up_radps"]
            values[k][gear][fast] = values[k][gear - 1][fast]
    energy, gear = np.array([start]), int(horizon["gear"])
    gear = gear if gear == ROLLING else int(truck.gear(np.sqrt(2.0 * start), gear if gear < GEARS else 0))
    speeds, drives, fuel_kg, duration_s, cost = [], [], 0.0, 0.0, None
    for k in range(POINTS - 1):
        speeds.append(float(np.sqrt(2.0 * energy[0])))
        total, energy, chosen, fuel, time, drive = best(k, energy, gear, values[k + 1])
        cost = float(total[0]) if cost is None else cost
        gear, fuel_kg, duration_s = int(chosen[0]), fuel_kg + float(fuel[0]), duration_s + float(time[0])
        drives.append(int(drive[0]))
    speeds.append(float(np.sqrt(2.0 * energy[0])))
    return {"speed": np.array(speeds), "ceiling": np.sqrt(2.0 * ceiling), "drive": np.array([*drives, drives[-1]]),
            "fuel_kg": fuel_kg, "duration_s": duration_s, "cost": cost, "price": price, "reference_speed": reference,
            "time_behind_s": behind, "late_exponent": exponent,
            "plain_s": plain_time(truck, reference, float(horizon["set_speed"]), np.sqrt(2.0 * ceiling), pull)}  # fmt: skip
