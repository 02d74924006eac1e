"""The envelope's limits with `np.clip`: each a bound, applied in turn to what was asked, from what was sent last."""

from __future__ import annotations

import numpy as np


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


def split(vehicle, mass_kg: float, grade: float, speed: float, acceleration: float) -> tuple[float, float, float]:
    """(engine torque, retarder torque in N m, brake deceleration in m/s2) that give the acceleration as far as they reach."""
    resistance = 0.5 * 1.2 * vehicle["drag_area_m2"] * speed**2
    resistance += (speed > 0.1) * vehicle["rolling_resistance"] * mass_kg * 9.80665
    force = mass_kg * (acceleration + 9.80665 * np.sin(grade)) + resistance
    torque = force * vehicle["wheel_radius_m"] / vehicle["driveline_ratio"]
    engine = min(max(torque, 0.0), vehicle["engine_torque_maximum_nm"])
    works = speed > vehicle["retarder_minimum_speed_mps"]
    retarder = max(min(torque, 0.0), -vehicle["retarder_torque_maximum_nm"]) if works else 0.0
    rest = min(torque, 0.0) - retarder
    return float(engine), float(retarder), float(-rest * vehicle["driveline_ratio"] / vehicle["wheel_radius_m"] / mass_kg)
