"""The envelope's limits with `np.clip`: each a bound, applied in turn to what was asked, from what was sent last."""

from __future__ import annotations

import numpy as np

from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2

RATE_LAG_S = 0.15  # of the plan's jerk


def limited_angle(parameters, vehicle, command: float, last: float, speed: float, dt: float) -> float:
    """Road wheel angle in rad that may be sent."""
    per_acceleration = (vehicle["wheelbase_m"] + vehicle["understeer_gradient"] * speed**2) / max(speed, 1.0) ** 2
    angle = last if not np.isfinite(command) else command
    angle = np.clip(angle, -vehicle["maximum_road_wheel_angle"], vehicle["maximum_road_wheel_angle"])
    bound = parameters["lateral_acceleration_maximum"] * per_acceleration
    angle = np.clip(angle, -bound, bound)
    rate = min(vehicle["maximum_road_wheel_rate"], parameters["lateral_jerk_maximum"] * per_acceleration)
    angle = np.clip(angle, last - rate * dt, last + rate * dt)
    return float(np.clip(angle, -vehicle["maximum_road_wheel_angle"], vehicle["maximum_road_wheel_angle"]))


def limited_acceleration(parameters, command: float, last: float, dt: float) -> float:
    """m/s2 that may be sent."""
    acceleration = min(last, 0.0) if not np.isfinite(command) else command
    acceleration = np.clip(acceleration, -parameters["deceleration_maximum"], parameters["acceleration_maximum"])
    return float(np.clip(acceleration, last - parameters["jerk_down"] * dt, last + parameters["jerk_up"] * dt))


class Split:
    """Engine, retarder and brakes that give an acceleration as far as they reach, with what each is expected to give now."""

    def __init__(self, parameters, vehicle):
        self.p, self.vehicle, self.engine, self.retarder, self.brake = parameters, vehicle, 0.0, 0.0, 0.0
        self.eased, self.rate = 0.0, 0.0  # m/s2, that the brakes follow; m/s3, of the acceleration to drive, low-passed
        self.returned = np.inf  # N m the engine may give since a shift

    def __call__(self, mass: float, grade: float, speed: float, acceleration: float, before: float, dt: float, ratio=None,
                 shifting: bool = False, margin: float = 0.0, retarder_power: float = np.inf):  # fmt: skip
        """(engine torque, retarder torque in N m, brake deceleration, expected acceleration in m/s2). `retarder_power` in W: the
        most that it takes before it is too hot."""
        p, v = self.p, self.vehicle
        likely = 130.0 * v["wheel_radius_m"] / max(speed, 1e-6)  # 1250 rpm, from a gear to move off on
        likely = max(min(likely, 9.0 * v["driveline_ratio"]), v["driveline_ratio"])
        crank = (ratio or likely) / v["wheel_radius_m"]
        shaft = v["driveline_ratio"] / v["wheel_radius_m"]
        slope = STANDARD_GRAVITY_MPS2 * np.sin(grade)
        resistance = mass * slope + 0.5 * AIR_DENSITY_KGPM3 * v["drag_area_m2"] * speed**2
        resistance += (speed > 0.1) * v["rolling_resistance"] * mass * STANDARD_GRAVITY_MPS2
        force = mass * acceleration + resistance
        held = speed < p["standstill_mps"] and acceleration <= 0.0
        self.rate += ((acceleration - before) / dt - self.rate) * dt / (RATE_LAG_S + dt)
        rate = self.rate
        lag = p["brake_handover_s"] * np.clip(2.25 + rate / p["jerk_down"], 0.0, 1.0) if speed >= p["standstill_mps"] else 0.0
        self.eased = acceleration + (self.eased - acceleration) * lag / (lag + dt)
        braked = mass * (self.eased + margin) + resistance
        turned = speed * crank if ratio is not None and speed * crank > p["engine_coupled_radps"] else None
        overrun = 0.0 if turned is None else p["engine_drag_torque_nm"] + p["engine_drag_torque_per_speed"] * turned
        engine = retarder = brake = 0.0
        if not held:
            power = p["engine_power_maximum_w"] / (speed * crank) if speed > 1e-6 else np.inf
            engine = max(min(min(force, braked) / crank, v["engine_torque_maximum_nm"], power), -overrun)

            def early(lag):
                return braked + mass * np.clip(rate * lag, -1.0, 0.0)

            share = np.clip(0.5 * (speed - v["retarder_minimum_speed_mps"]), 0.0, 1.0)
            if braked < 0.0 and share > 0.0:
                wanted = (early(p["retarder_lag_s"]) - engine * crank) / shaft
                most = min(v["retarder_torque_maximum_nm"], retarder_power / (max(speed, 1.0) * shaft))
                retarder = np.clip(wanted, -share * most, 0.0)
                rest = early(p["engine_brake_lag_s"]) - retarder * shaft - engine * crank
                if ratio is not None:
                    spare = self._until_shift(ratio, speed, acceleration) / p["engine_shift_foresight_s"] - 1.0
                    share *= np.clip(spare, 0.0, 1.0)
                engine += np.clip(rest / crank, -share * p["engine_brake_torque_maximum_nm"], 0.0)
            if shifting:
                engine = self.engine = self.returned = 0.0
            else:
                self.returned += max(abs(engine) / p["engine_return_s"], mass * p["jerk_up"] / crank) * dt
                if self.returned >= abs(engine):
                    self.returned = np.inf
                engine = np.clip(engine, -self.returned, self.returned)
        lag = p["engine_lag_s" if max(engine, self.engine) > 0.0 else "engine_brake_lag_s"]
        self.engine += (engine - self.engine) * dt / (lag + dt)
        self.retarder += (retarder - self.retarder) * dt / (p["retarder_lag_s"] + dt)
        given = self.engine * crank + self.retarder * shaft
        lacking = (given - max(force, braked)) / mass
        if held:
            brake = p["standstill_hold"] + abs(slope)
        elif braked < 0.0 and lacking > 0.0:
            brake = lacking
            if engine * crank + retarder * shaft <= braked + 0.001 * mass:  # they will do
                brake = np.clip(2.0 * (lacking - p["brake_fill_minimum"]), 0.0, lacking)
        elif speed < p["standstill_mps"] and slope > 0.0:
            brake = np.clip(-lacking, 0.0, slope)
        self.brake += (brake - self.brake) * dt / (p["brake_lag_s"] + dt)
        expected = (given - resistance) / mass - self.brake
        return engine, retarder, brake, max(expected, 0.0) if speed < p["standstill_mps"] else expected

    def _until_shift(self, ratio: float, speed: float, acceleration: float) -> float:
        """s until the engine is so slow that the gearbox shifts down."""
        turns = ratio / self.vehicle["wheel_radius_m"]
        above, falls = speed * turns - self.p["engine_shift_down_radps"], -acceleration * turns
        return np.inf if falls <= 1e-3 * above else max(above, 0.0) / falls
