"""The driven wheels' force stated plainly: torque times ratio over radius, and nothing where engine or shaft are not heard."""

from __future__ import annotations

import math
from typing import NamedTuple

CLUTCH_CLOSES_S = 0.1  # behind the last sign of an open clutch or a shift the engine still turns by itself


class Traction(NamedTuple):
    force: float
    engine_force: float
    retarder_force: float
    per_torque: float
    rotating_mass: float
    ratio: float
    settled: bool


def traction(p, vehicle, engine_speed: float, torque: float, friction: float, gear_ratio: float, retarder: float,
             engine_brake: float, shaft: float, unsettled_for_s: float, shaft_scale: float) -> Traction:  # fmt: skip
    """Of what is heard now, NaN = not: rad/s, N m at crank and retarder; `unsettled_for_s`: since the clutch was open."""
    efficiency, final = float(p["driveline_efficiency"]), float(vehicle["driveline_ratio"])
    radius = float(vehicle["wheel_radius_m"]) / shaft_scale
    wheels = float(p["wheel_inertia_kgm2"]) / radius**2
    held = retarder * final / (efficiency * radius) if retarder < 0.0 else 0.0
    if math.isnan(engine_speed) or math.isnan(torque) or not shaft > 1.0:
        return Traction(math.nan, math.nan, held, 0.0, wheels, math.nan, False)
    turning, slip = engine_speed / shaft, 0.0
    if gear_ratio > 0.0:
        slip = abs(turning / gear_ratio - 1.0)
        turning = gear_ratio if slip < p["clutch_slip_maximum"] else turning
    if math.isnan(friction):
        friction = float(p["engine_friction_nm"] + p["engine_friction_per_radps"] * engine_speed)
    crank = torque - friction + (engine_brake if engine_brake < 0.0 else 0.0)
    crank = crank * efficiency if crank > 0.0 else crank / efficiency
    ratio = turning * final
    driven = 0.0 if unsettled_for_s < CLUTCH_CLOSES_S else crank * ratio / radius
    settled = unsettled_for_s > p["settle_s"] and slip < p["clutch_slip_maximum"]
    return Traction(driven + held, driven, held, efficiency * ratio / radius,
                    wheels + float(p["engine_inertia_kgm2"]) * (ratio / radius) ** 2, ratio, settled)  # fmt: skip
