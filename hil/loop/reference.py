"""The truth as a log keeps it: the reference pose, what the truck step estimates, and the road's middle as lane path."""

from __future__ import annotations

import math

import numpy as np

from autonomy import msg
from autonomy.geodesy import enu_to_geodetic, geodetic_to_ecef
from autonomy.inputs import lane_path
from hil.sensors import ORIGIN
from hil.world import Truth

POSE_TICKS = 5  # the reference at 20 Hz


def centre_line(world) -> np.ndarray:
    """A world's lane path as the stack keeps it: (n, 5), see autonomy/inputs/lane_path.py."""
    ecef = geodetic_to_ecef(*enu_to_geodetic(world.lane_path(), ORIGIN))
    return lane_path.resample(ecef, np.full((len(ecef), 2), lane_path.DEFAULT_WIDTH_M))


def pose_of(truth: Truth) -> np.ndarray:
    """The truth as one row of ReferencePose."""
    ego, row = truth.ego, np.zeros(1, msg.dtype("ReferencePose"))
    row["time_ns"] = truth.time_ns
    row["latitude_deg"], row["longitude_deg"], row["altitude_m"] = enu_to_geodetic(np.array([ego.x, ego.y, ego.z]), ORIGIN)
    row["velocity_east"], row["velocity_north"], row["velocity_up"] = truth.velocity_enu()
    row["orientation"] = _quaternion(ego.yaw, ego.pitch, ego.roll)
    return row


def truck_of(truth: Truth, world, sensors) -> np.ndarray:
    """The truth as one row of ReferenceTruck; NaN where the world has no such thing."""
    ego, road, row = truth.ego, truth.road, np.zeros(1, msg.dtype("ReferenceTruck"))
    for name in row.dtype.names[1:]:
        row[name] = math.nan
    row["time_ns"], row["mass_kg"], row["grade"], row["speed"] = truth.time_ns, ego.mass, math.atan(road.grade), ego.velocity
    row["articulation_angle"], row["articulation_rate"] = ego.articulation, ego.articulation_rate
    row["friction"] = road.friction
    row["headwind_mps"] = 0.0 + road.wind_speed * math.cos(road.wind_from - ego.yaw)
    row["crosswind_mps"] = 0.0 - road.wind_speed * math.sin(road.wind_from - ego.yaw)  # 0.0: of no wind no minus zero
    if ego.mass <= 0.0:
        row["mass_kg"] = math.nan
    if hasattr(sensors, "steering_offset"):
        row["steering_offset_rad"] = sensors.steering_offset / sensors.steering_ratio
    body, parameters = getattr(world, "body", None), getattr(getattr(world, "plant", None), "parameters", None)
    names = parameters.dtype.names if parameters is not None else ()
    for name in ("steering_delay_s", "steering_lag_s"):
        if name in (names or ()):
            row[name] = parameters[name]
    if body is not None:
        row["trailer_wheelbase_m"] = body.geometry().get("trailer_wheelbase_m", math.nan)
    if ego.plant is not None and "brake_temperature" in (ego.plant.dtype.names or ()):
        heat = ego.plant["brake_temperature"]
        row["retarder_temperature_c"] = ego.plant["retarder_temperature"]
        row["brake_temperature_c"] = heat[0], heat[1], heat[ego.tractor_axles]
    return row


def _quaternion(yaw: float, pitch: float, roll: float) -> tuple[float, float, float, float]:
    """w, x, y, z of the turns about z, then y, then x."""
    cy, sy, cp, sp = math.cos(0.5 * yaw), math.sin(0.5 * yaw), math.cos(0.5 * pitch), math.sin(0.5 * pitch)
    cr, sr = math.cos(0.5 * roll), math.sin(0.5 * roll)
    return (cr * cp * cy + sr * sp * sy, sr * cp * cy - cr * sp * sy, cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy)
