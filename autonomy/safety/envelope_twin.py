"""The envelope's limits with `np.clip`: each a bound, applied in turn to what was asked, from what was sent last."""

from __future__ import annotations

import numpy as np

from autonomy.axle_loads import driven_most
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

LARGEST_TRIM_RAD, TRIM_LAG_S, TRIM_SPEED_MPS = 0.008, 0.5, 8.0  # see ext/autonomy/safety/_trim.pxd
RATE_LAG_S, ROTATING_LAG_S = 0.15, 0.5  # of the plan's jerk; of what the clutch takes along
GRADE_PER_M, GRADE_RATE = 0.01, 0.002  # rad/m that a road, rad/s that an estimate changes its grade by


class Trim:
    """rad of road wheel that does not turn the truck; `angle` is where it begins."""

    def __init__(self, vehicle, response_s: float, angle: float):
        self.vehicle, self.response_s = vehicle, response_s
        self.wheels = self.sent = self.turned = angle

    def follow(self, sent: float, yaw_rate: float, speed: float, dt: float) -> None:
        if speed <= TRIM_SPEED_MPS:
            return
        angle = yaw_rate / speed * (self.vehicle["wheelbase_m"] + self.vehicle["understeer_gradient"] * speed**2)
        self.wheels += (sent - self.wheels) * dt / (self.response_s + dt)
        self.sent += (self.wheels - self.sent) * dt / (TRIM_LAG_S + dt)
        self.turned += (angle - self.turned) * dt / (TRIM_LAG_S + dt)

    def now(self) -> float:
        return float(np.clip(self.sent - self.turned, -LARGEST_TRIM_RAD, LARGEST_TRIM_RAD))


def limited_angle(parameters, vehicle, command: float, last: float, speed: float, dt: float, trim: float = 0.0) -> float:
    """Road wheel angle in rad that may be sent."""
    per_acceleration = (vehicle["wheelbase_m"] + vehicle["understeer_gradient"] * speed**2) / max(speed, 1.0) ** 2
    angle = last if not np.isfinite(command) else command
    angle = np.clip(angle, -vehicle["maximum_road_wheel_angle"], vehicle["maximum_road_wheel_angle"])
    bound = parameters["lateral_acceleration_maximum"] * per_acceleration
    angle = np.clip(angle, min(trim, 0.0) - bound, max(trim, 0.0) + bound)
    rate = min(vehicle["maximum_road_wheel_rate"], parameters["lateral_jerk_maximum"] * per_acceleration)
    angle = np.clip(angle, last - rate * dt, last + rate * dt)
    return float(np.clip(angle, -vehicle["maximum_road_wheel_angle"], vehicle["maximum_road_wheel_angle"]))


def limited_acceleration(parameters, command: float, last: float, dt: float) -> float:
    """m/s2 that may be sent."""
    acceleration = min(last, 0.0) if not np.isfinite(command) else command
    acceleration = np.clip(acceleration, -parameters["deceleration_maximum"], parameters["acceleration_maximum"])
    return float(np.clip(acceleration, last - parameters["jerk_down"] * dt, last + parameters["jerk_up"] * dt))


class Upshift:
    """When the gearbox will shift up, and what may be driven with until then."""

    LOWEST, HIGHEST, PASSED, DUE, JERK, STEP = 0.75, 1.2, 0.02, 0.005, 0.1, 0.95

    def __init__(self, parameters, vehicle):
        self.p, self.vehicle = parameters, vehicle
        self.expected, self.begun, self.waited_s = float(parameters["engine_shift_up_radps"]), None, 0.0

    def shifts(self, ratio: float, engine_radps: float) -> None:
        self.begun, self.waited_s = self.begun or (ratio, engine_radps), 0.0

    def in_gear(self, ratio: float) -> None:
        if self.begun and ratio < self.STEP * self.begun[0]:
            usual = self.p["engine_shift_up_radps"]
            self.expected = np.clip(self.begun[1], self.LOWEST * usual, self.HIGHEST * usual)
        self.begun = None

    def most(self, ratio: float, speed: float, driven: float, dt: float) -> float:
        """m/s2: a constant jerk from there ends with what may be left, at the speed of the shift."""
        v, p = self.vehicle, self.p
        left = self.expected * v["wheel_radius_m"] / ratio - speed
        if not self.expected or ratio < v["driveline_ratio"] / self.STEP or left < -self.PASSED * speed:
            return np.inf
        self.waited_s = self.waited_s + dt if left < self.DUE * speed else 0.0
        least = p["shift_up_acceleration"] + self.JERK * self.waited_s
        return np.sqrt(least**2 + 2.0 * p["jerk_down"] * max(left - driven * p["engine_lag_s"], 0.0))


def driven_here(vehicle, truck) -> float:
    """N, as `driven_most` of the lightest truck it may be."""
    empty = float(vehicle["tractor_mass_kg"]) + float(vehicle["trailer_tare_mass_kg"]) * bool(vehicle["has_trailer"])
    return driven_most(vehicle, truck, min(max(float(truck["mass_low_kg"]), empty), float(truck["mass_kg"])))


class Split:
    """Engine, retarder and brakes that give an acceleration as far as they reach, with what each is expected to give now."""

    def __init__(self, parameters, learned, vehicle, driven: float):
        self.p, self.vehicle, self.driven = parameters, vehicle, driven  # N, that may brake the driven axles alone
        self.engine, self.retarder, self.brake = 0.0, 0.0, 0.0
        self.inertia = float(learned["wheel_inertia_kgm2"]), float(learned["engine_inertia_kgm2"])
        self.rotating = 0.0  # kg along the road
        self.eased, self.rate = 0.0, 0.0  # m/s2, that the brakes follow; m/s3, of the acceleration to drive, low-passed
        self.returned = np.inf  # N m the engine may give since a shift
        self.grade, self.held, self.expected = 0.0, np.inf, 0.0  # of a truck that a driver held on the level
        self.upshift = Upshift(parameters, vehicle)

    def __call__(self, mass: float, grade: float, speed: float, acceleration: float, before: float, dt: float, ratio=None,
                 shifting: bool = False, margin: float = 0.0, retarder_power: float = np.inf,
                 disturbance: float = 0.0):  # fmt: skip
        """(engine torque, retarder torque in N m, brake deceleration, expected acceleration in m/s2). `retarder_power` in W: the
        most that it takes before it is too hot."""
        p, v = self.p, self.vehicle
        likely = 130.0 * v["wheel_radius_m"] / max(speed, 1e-6)  # 1250 rpm, from a gear to move off on
        likely = max(min(likely, 9.0 * v["driveline_ratio"]), v["driveline_ratio"])
        crank = (ratio or likely) / v["wheel_radius_m"]
        shaft = v["driveline_ratio"] / v["wheel_radius_m"]
        step = (GRADE_PER_M * speed + GRADE_RATE) * dt
        self.grade = np.clip(grade, self.grade - step, self.grade + step)
        slope = STANDARD_GRAVITY_MPS2 * np.sin(self.grade)
        resistance = mass * slope + 0.5 * AIR_DENSITY_KGPM3 * v["drag_area_m2"] * speed**2
        resistance += (speed > 0.1) * v["rolling_resistance"] * mass * STANDARD_GRAVITY_MPS2
        if not shifting:
            turning = (self.inertia[0] + self.inertia[1] * (ratio or 0.0) ** 2) / v["wheel_radius_m"] ** 2
            self.rotating += (turning - self.rotating) * dt / (ROTATING_LAG_S + dt)
        moved = mass + self.rotating
        force = moved * acceleration + resistance
        held = speed < p["standstill_mps"] and acceleration <= 0.0
        self.rate += ((acceleration - before) / dt - self.rate) * dt / (RATE_LAG_S + dt)
        rate = self.rate
        lag = p["brake_handover_s"] * np.clip(2.25 + rate / p["jerk_down"], 0.0, 1.0) if speed >= p["standstill_mps"] else 0.0
        self.eased = acceleration + (self.eased - acceleration) * lag / (lag + dt)
        braked = moved * (self.eased + margin) + resistance
        turned = speed * crank if ratio is not None and speed * crank > p["engine_coupled_radps"] else None
        overrun = 0.0 if turned is None else p["engine_drag_torque_nm"] + p["engine_drag_torque_per_speed"] * turned
        engine = retarder = brake = 0.0
        if ratio is not None and shifting:
            self.upshift.shifts(ratio, ratio * speed / v["wheel_radius_m"])
        elif ratio is not None:
            self.upshift.in_gear(ratio)
        if held:
            self.held += p["jerk_down"] * dt
            if self.brake < slope and not shifting:
                engine = np.clip((force + mass * self.brake) / crank, 0.0, mass * slope / crank)
            elif self.held < slope:
                self.held = np.inf
            brake = min(p["standstill_hold"] + STANDARD_GRAVITY_MPS2 * np.abs(np.sin([grade, self.grade])).max(), self.held)
        else:
            power = p["engine_power_maximum_w"] / (speed * crank) if speed > 1e-6 else np.inf
            engine = max(min(min(force, braked) / crank, v["engine_torque_maximum_nm"], power), -overrun)

            def early(lag):
                return braked + moved * np.clip(rate * lag, -1.0, 0.0)

            share = np.clip(0.5 * (speed - v["retarder_minimum_speed_mps"]), 0.0, 1.0)
            if braked < 0.0 and share > 0.0:
                wanted = (early(p["retarder_lag_s"]) - engine * crank) / shaft
                most = min(v["retarder_torque_maximum_nm"], retarder_power / (max(speed, 1.0) * shaft))
                retarder = np.clip(wanted, -min(share * most, max(self.driven + engine * crank, 0.0) / shaft), 0.0)
                rest = early(p["engine_brake_lag_s"]) - retarder * shaft - engine * crank
                if ratio is not None:
                    spare = self._until_shift(ratio, speed, acceleration) / p["engine_shift_foresight_s"] - 1.0
                    share *= np.clip(spare, 0.0, 1.0)
                left = max(self.driven + engine * crank + retarder * shaft, 0.0) / crank
                engine += np.clip(rest / crank, -min(share * p["engine_brake_torque_maximum_nm"], left), 0.0)
            eased = np.inf
            if ratio is not None:
                eased = self.upshift.most(ratio, speed, self.expected + disturbance, dt) - disturbance
            if shifting:
                engine = self.engine = self.returned = 0.0
            else:
                self.returned += max(abs(engine) / p["engine_return_s"], moved * p["jerk_up"] / crank) * dt
                if self.returned >= abs(engine):
                    self.returned = np.inf
                engine = np.clip(engine, -self.returned, self.returned)
            if engine > max((moved * eased + resistance) / crank, 0.0):
                engine = self.returned = max((moved * eased + resistance) / crank, 0.0)
        lag = p["engine_lag_s" if max(engine, self.engine) > 0.0 else "engine_brake_lag_s"]
        self.engine += (engine - self.engine) * dt / (lag + dt)
        self.retarder += (retarder - self.retarder) * dt / (p["retarder_lag_s"] + dt)
        given = self.engine * crank + self.retarder * shaft
        lacking = (given - max(force, braked)) / mass
        if not held and braked < 0.0 and lacking > 0.0:
            brake = lacking
            if engine * crank + retarder * shaft <= braked + 0.001 * mass:  # they will do
                brake = np.clip(2.0 * (lacking - p["brake_fill_minimum"]), 0.0, lacking)
        elif not held and speed < p["standstill_mps"] and slope > 0.0:
            brake = np.clip(-lacking, 0.0, slope)
        self.held = self.held if held else brake
        self.brake += (brake - self.brake) * dt / (p["brake_lag_s"] + dt)
        self.expected = (given - resistance - mass * self.brake) / moved
        return engine, retarder, brake, max(self.expected, 0.0) if speed < p["standstill_mps"] else self.expected

    def _until_shift(self, ratio: float, speed: float, acceleration: float) -> float:
        """s until the engine is so slow that the gearbox shifts down."""
        turns = ratio / self.vehicle["wheel_radius_m"]
        above, falls = speed * turns - self.p["engine_shift_down_radps"], -acceleration * turns
        return np.inf if falls <= 1e-3 * above else max(above, 0.0) / falls
