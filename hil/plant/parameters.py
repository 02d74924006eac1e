"""A plant's TOML file as the struct of its kernel: what is derived (loads, inertias, limits in SI) is derived here, once."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from autonomy.config import Config
from autonomy.errors import UsageError
from autonomy.physics import STANDARD_GRAVITY_MPS2

AXLES, GEARS, CURVE, RING = 8, 16, 8, 1024

# key -> number of values: 1 = one number, "tractor"/"trailer"/"axles" = one an axle, "list" = any number, "index" = axle numbers
KEYS = {
    "plant": {"inner_step_s": 1, "linear": 1},
    "tractor": {
        "mass_kg": 1, "yaw_radius_m": 1, "roll_radius_m": 1, "sprung_mass_kg": 1, "sprung_height_m": 1, "cg_height_m": 1,
        "axle_x_m": "list", "steered": "index", "driven": "index", "fifth_wheel_m": 1, "fifth_wheel_height_m": 1,
        "fifth_wheel_roll_stiffness": 1, "fifth_wheel_roll_damping": 1, "front_m": 1, "rear_m": 1, "width_m": 1,
    },
    "trailer": {
        "mass_kg": 1, "yaw_radius_m": 1, "roll_radius_m": 1, "sprung_mass_kg": 1, "sprung_height_m": 1, "cg_height_m": 1,
        "axle_behind_m": "list", "cg_behind_m": 1, "front_m": 1, "rear_m": 1, "width_m": 1,
    },
    "tyres": {
        "cornering_stiffness": "axles", "nominal_load_n": "axles", "load_sensitivity": "axles", "relaxation_m": "axles",
        "track_m": "axles", "roll_stiffness": "axles", "roll_damping": "axles", "roll_steer": "axles",
        "rolling_resistance": 1, "slip_stiffness": 1, "grip_lateral": 1, "grip_longitudinal": 1, "grip_sliding": 1,
        "peak_reach": 1, "wheel_radius_m": 1, "wheel_inertia": 1,
    },
    "frame": {"surge_lag_s": 1, "pitch_per_acceleration": 1},
    "air": {
        "drag_area_m2": 1, "tractor_side_area_m2": 1, "tractor_side_height_m": 1, "tractor_side_x_m": 1,
        "trailer_side_area_m2": 1, "trailer_side_height_m": 1, "trailer_side_behind_m": 1,
    },
    "steering": {"delay_s": 1, "lag_s": 1, "maximum_rate": 1, "maximum_angle": 1, "play": 1, "offset": 1},
    "engine": {
        "curve_rpm": "list", "curve_torque_nm": "list", "inertia": 1, "idle_rpm": 1, "lag_s": 1, "turbo_rate": 1,
        "turbo_free_torque_nm": 1, "drag_torque_nm": 1, "drag_torque_per_speed": 1, "brake_torque_nm": 1, "brake_lag_s": 1,
        "brake_steps": 1, "indicated_efficiency": 1, "economic_rpm": 1, "efficiency_per_speed": 1, "efficiency_per_load": 1,
        "fuel_heat": 1,
    },
    "gearbox": {
        "ratios": "list", "start_gear": 1, "final_drive": 1, "efficiency": 1, "shift_up_rpm": 1, "shift_down_rpm": 1,
        "shift_target_rpm": 1, "shift_up_limit_rpm": 1, "shift_demand_s": 1, "shift_time_s": 1, "shift_pause_s": 1,
        "economy_rpm": 1, "economy_reserve": 1,
    },
    "retarder": {
        "torque_nm": 1, "power_w": 1, "full_from_rpm": 1, "lag_s": 1, "heat_capacity": 1, "cooling": 1, "fade_from_c": 1,
        "fade_to_c": 1, "fade_share": 1,
    },
    "brakes": {
        "maximum_mps2": 1, "tractor_delay_s": 1, "tractor_lag_s": 1, "tractor_release_lag_s": 1, "trailer_delay_s": 1,
        "trailer_lag_s": 1, "trailer_release_lag_s": 1, "heat_capacity": 1, "cooling": 1, "cooling_per_speed": 1,
        "fade_from_c": 1, "fade_per_kelvin": 1, "ambient_c": 1, "tractor_abs": 1, "trailer_abs": 1, "shares": "list",
    },
    "cab": {"pitch_hz": 1, "roll_hz": 1, "damping": 1, "pitch_per_acceleration": 1, "roll_per_acceleration": 1},
}  # fmt: skip
POSITIVE = {
    "inner_step_s", "mass_kg", "yaw_radius_m", "roll_radius_m", "sprung_mass_kg", "cornering_stiffness", "nominal_load_n",
    "relaxation_m", "track_m", "wheel_radius_m", "surge_lag_s", "maximum_rate", "maximum_angle", "lag_s", "turbo_rate",
    "brake_lag_s", "final_drive", "efficiency", "shift_time_s", "power_w", "full_from_rpm", "heat_capacity", "tractor_lag_s",
    "trailer_lag_s", "tractor_release_lag_s", "trailer_release_lag_s", "ratios", "slip_stiffness", "pitch_hz", "roll_hz",
    "axle_behind_m", "idle_rpm", "indicated_efficiency", "fuel_heat", "peak_reach", "grip_lateral",
}  # fmt: skip
NOT_NEGATIVE = {
    "play", "shift_pause_s", "shift_demand_s", "torque_nm", "maximum_mps2", "brake_torque_nm", "cooling", "cooling_per_speed",
    "fade_per_kelvin", "damping", "rolling_resistance", "drag_area_m2", "tractor_side_area_m2", "trailer_side_area_m2",
    "curve_torque_nm",
}  # fmt: skip
RADIANS_PER_S_PER_RPM = math.pi / 30.0


def tables(config: Config) -> dict[str, dict[str, np.ndarray]]:
    """Every section checked: all keys there, none unknown, finite numbers. Raises UsageError."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for section, keys in KEYS.items():
        given = dict(config.section(section))
        found[section] = {}
        for key, kind in keys.items():
            if key not in given:
                raise UsageError(f"{config.path}: [{section}] lacks '{key}'")
            found[section][key] = _numbers(given.pop(key), key, kind, f"{config.origin(section, key)}: [{section}] {key}")
        if given:
            raise UsageError(f"{config.path}: [{section}] has no key '{sorted(given)[0]}'; known: {', '.join(keys)}")
    return found


def _numbers(value, key: str, kind, where: str) -> np.ndarray:
    """float64, 0-d for one number."""
    if (kind == 1) == isinstance(value, list):
        raise UsageError(f"{where} = {value!r}: needs {'one number' if kind == 1 else 'a list of numbers'}")
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Real) or not math.isfinite(item):
            raise UsageError(f"{where} = {item!r}: needs a finite number")
        if key in POSITIVE and item <= 0.0:
            raise UsageError(f"{where} = {item!r}: must be above zero")
        if key in NOT_NEGATIVE and item < 0.0:
            raise UsageError(f"{where} = {item!r}: must not be below zero")
    return np.asarray(value, float)


def axle_loads(tractor: dict, trailer: dict) -> np.ndarray:
    """N on each axle at rest; the axles of a group share evenly."""
    axles, behind = tractor["axle_x_m"], trailer["axle_behind_m"]
    group, length = axles[1:].mean(), behind.mean()
    kingpin = trailer["mass_kg"] * (1.0 - trailer["cg_behind_m"] / length)
    steer = (-tractor["mass_kg"] * group + kingpin * (-tractor["fifth_wheel_m"] - group)) / (axles[0] - group)
    rear = tractor["mass_kg"] + kingpin - steer
    return STANDARD_GRAVITY_MPS2 * np.concatenate([
        [steer], np.full(len(axles) - 1, rear / (len(axles) - 1)),
        np.full(len(behind), (trailer["mass_kg"] - kingpin) / len(behind)),
    ])  # fmt: skip


def fill(parameters: np.ndarray, config: Config) -> dict[str, dict[str, np.ndarray]]:
    """Writes the kernel's struct `parameters` (0-d) and returns the checked tables. Raises UsageError."""
    table = tables(config)
    tractor, trailer, tyres = table["tractor"], table["trailer"], table["tyres"]
    axle_x = np.concatenate([tractor["axle_x_m"], -trailer["axle_behind_m"]])
    count = len(axle_x)
    if not len(tractor["axle_x_m"]) >= 2 or count > AXLES or len(trailer["axle_behind_m"]) < 1:
        raise UsageError(f"{config.path}: needs two or more tractor axles, one or more of the trailer, at most {AXLES}")
    for key, kind in KEYS["tyres"].items():
        if kind == "axles" and len(tyres[key]) != count:
            raise UsageError(f"{config.path}: [tyres] {key} has {len(tyres[key])} values for {count} axles")
    loads = axle_loads(tractor, trailer)
    if (loads <= 0.0).any():
        raise UsageError(f"{config.path}: axle loads at rest of {np.round(loads).tolist()} N: check masses and lengths")
    shares = table["brakes"]["shares"] if table["brakes"]["shares"].size else loads
    if len(shares) != count or (shares < 0.0).any() or not shares.sum() > 0.0:
        raise UsageError(f"{config.origin('brakes', 'shares')}: [brakes] shares = {shares.tolist()}: needs none or {count} "
                         "numbers, one an axle, none below zero and not all zero")  # fmt: skip
    rpm, torque = table["engine"]["curve_rpm"], table["engine"]["curve_torque_nm"]
    if not 2 <= len(rpm) <= CURVE or len(rpm) != len(torque) or (np.diff(rpm) <= 0.0).any():
        where = config.origin("engine", "curve_rpm")
        raise UsageError(f"{where}: [engine] curve_rpm = {rpm.tolist()}: needs 2 to {CURVE} numbers, rising, and as many "
                         f"as curve_torque_nm, which has {len(torque)}")  # fmt: skip
    values = _values(table)
    values |= {
        "axle_x": axle_x, "axle_load": loads, "tractor_axles": len(tractor["axle_x_m"]), "axles": count,
        "steered": np.isin(np.arange(count), tractor["steered"]), "driven": np.isin(np.arange(count), tractor["driven"]),
        "brake_share": shares / shares.sum(), "slip_shift": tyres["roll_steer"],
    }  # fmt: skip
    for name in ("roll_stiffness", "roll_damping", "cornering_stiffness", "load_sensitivity"):
        values[name] = tyres[name]
    for name, key in (("track", "track_m"), ("nominal_load", "nominal_load_n"), ("relaxation", "relaxation_m")):
        values[name] = tyres[key]
    _limits(values, config)
    for name, value in values.items():
        field = parameters[name]
        if field.ndim:
            parameters[name][: len(value)] = value
        else:
            parameters[name] = value
    return table


def _values(table: dict) -> dict[str, object]:
    tractor, trailer, tyres, air = table["tractor"], table["trailer"], table["tyres"], table["air"]
    steering, engine, gearbox = table["steering"], table["engine"], table["gearbox"]
    retarder, brakes, cab = table["retarder"], table["brakes"], table["cab"]
    units = (tractor, trailer)

    def both(key):
        return [float(unit[key]) for unit in units]

    unused = CURVE - len(engine["curve_rpm"])
    curve = np.pad(engine["curve_rpm"], (0, unused), mode="edge")  # the kernel passes over points at the same speed
    return {
        "inner_step_s": table["plant"]["inner_step_s"], "linear": bool(table["plant"]["linear"]),
        "mass": both("mass_kg"), "sprung_mass": both("sprung_mass_kg"), "sprung_height": both("sprung_height_m"),
        "cg_height": both("cg_height_m"),
        "yaw_inertia": [float(unit["mass_kg"] * unit["yaw_radius_m"] ** 2) for unit in units],
        "roll_inertia": [float(unit["sprung_mass_kg"] * unit["roll_radius_m"] ** 2) for unit in units],
        "hitch": tractor["fifth_wheel_m"], "hitch_height": tractor["fifth_wheel_height_m"],
        "hitch_roll_stiffness": tractor["fifth_wheel_roll_stiffness"],
        "hitch_roll_damping": tractor["fifth_wheel_roll_damping"], "trailer_cg": trailer["cg_behind_m"],
        "reference": tractor["axle_x_m"][1:].mean(), "trailer_group": trailer["axle_behind_m"].mean(),
        "rolling_resistance": tyres["rolling_resistance"], "slip_stiffness": tyres["slip_stiffness"],
        "grip_lateral": tyres["grip_lateral"], "peak_reach": tyres["peak_reach"],
        "grip_longitudinal": tyres["grip_longitudinal"], "grip_sliding": tyres["grip_sliding"],
        "wheel_radius": tyres["wheel_radius_m"], "wheel_inertia": tyres["wheel_inertia"],
        "surge_lag_s": table["frame"]["surge_lag_s"],
        "pitch_per_acceleration": table["frame"]["pitch_per_acceleration"],
        "drag_area": air["drag_area_m2"], "side_area": [float(air[f"{unit}_side_area_m2"]) for unit in ("tractor", "trailer")],
        "side_height": [float(air[f"{unit}_side_height_m"]) for unit in ("tractor", "trailer")],
        "side_x": [float(air["tractor_side_x_m"]), -float(air["trailer_side_behind_m"])],
        "steering_delay_s": steering["delay_s"], "steering_lag_s": steering["lag_s"], "steering_rate": steering["maximum_rate"],
        "steering_limit": steering["maximum_angle"], "steering_play": steering["play"], "steering_offset": steering["offset"],
        "curve_speed": curve * RADIANS_PER_S_PER_RPM,
        "curve_torque": np.pad(engine["curve_torque_nm"], (0, unused), mode="edge"),
        "engine_inertia": engine["inertia"], "engine_idle": engine["idle_rpm"] * RADIANS_PER_S_PER_RPM,
        "engine_lag_s": engine["lag_s"], "turbo_rate": engine["turbo_rate"], "turbo_free_torque": engine["turbo_free_torque_nm"],
        "drag_torque": engine["drag_torque_nm"], "drag_torque_per_speed": engine["drag_torque_per_speed"],
        "engine_brake_torque": engine["brake_torque_nm"], "engine_brake_lag_s": engine["brake_lag_s"],
        "engine_brake_steps": engine["brake_steps"], "ratio": gearbox["ratios"], "gears": len(gearbox["ratios"]),
        "start_gear": int(gearbox["start_gear"]), "final_drive": gearbox["final_drive"], "efficiency": gearbox["efficiency"],
        "indicated_efficiency": engine["indicated_efficiency"], "fuel_heat": engine["fuel_heat"],
        "economic_speed": engine["economic_rpm"] * RADIANS_PER_S_PER_RPM,
        "efficiency_per_speed": engine["efficiency_per_speed"] / (1000.0 * RADIANS_PER_S_PER_RPM) ** 2,
        "efficiency_per_load": engine["efficiency_per_load"],
        "shift_up": gearbox["shift_up_rpm"] * RADIANS_PER_S_PER_RPM,
        "economy_speed": gearbox["economy_rpm"] * RADIANS_PER_S_PER_RPM, "economy_reserve": gearbox["economy_reserve"],
        "shift_down": gearbox["shift_down_rpm"] * RADIANS_PER_S_PER_RPM,
        "shift_target": gearbox["shift_target_rpm"] * RADIANS_PER_S_PER_RPM, "shift_time_s": gearbox["shift_time_s"],
        "shift_up_limit": gearbox["shift_up_limit_rpm"] * RADIANS_PER_S_PER_RPM, "shift_demand_s": gearbox["shift_demand_s"],
        "shift_pause_s": gearbox["shift_pause_s"], "retarder_torque": retarder["torque_nm"],
        "retarder_power": retarder["power_w"], "retarder_speed": retarder["full_from_rpm"] * RADIANS_PER_S_PER_RPM,
        "retarder_lag_s": retarder["lag_s"], "retarder_heat_capacity": retarder["heat_capacity"],
        "retarder_cooling": retarder["cooling"], "retarder_fade_from": retarder["fade_from_c"],
        "retarder_fade_to": retarder["fade_to_c"], "retarder_fade_share": retarder["fade_share"],
        **{f"brake_{key}": [float(brakes[f"tractor_{key}"]), float(brakes[f"trailer_{key}"])]
           for key in ("delay_s", "lag_s", "release_lag_s")},
        "antilock": [bool(brakes["tractor_abs"]), bool(brakes["trailer_abs"])],
        "brake_maximum": brakes["maximum_mps2"], "brake_heat_capacity": brakes["heat_capacity"],
        "brake_cooling": brakes["cooling"], "brake_cooling_per_speed": brakes["cooling_per_speed"],
        "brake_fade_from": brakes["fade_from_c"],
        "brake_fade_per_kelvin": brakes["fade_per_kelvin"], "ambient": brakes["ambient_c"],
        "cab_pitch_frequency": 2.0 * math.pi * cab["pitch_hz"], "cab_roll_frequency": 2.0 * math.pi * cab["roll_hz"],
        "cab_damping": cab["damping"], "cab_pitch_per_acceleration": cab["pitch_per_acceleration"],
        "cab_roll_per_acceleration": cab["roll_per_acceleration"],
    }  # fmt: skip


def _limits(values: dict, config: Config) -> None:
    """What the kernel cannot do with. Raises UsageError."""
    longest = (RING - 2) * float(values["inner_step_s"])
    for section, key, delay in (("steering", "delay_s", values["steering_delay_s"]),
                                ("brakes", "tractor_delay_s", values["brake_delay_s"][0]),
                                ("brakes", "trailer_delay_s", values["brake_delay_s"][1])):  # fmt: skip
        if not 0.0 <= delay <= longest:
            raise UsageError(f"{config.origin(section, key)}: [{section}] {key} = {float(delay)}: must lie in 0..{longest:.2f} s")
    if not 1 <= values["gears"] <= GEARS or not 1 <= values["start_gear"] <= values["gears"]:
        raise UsageError(f"{config.path}: [gearbox] needs 1 to {GEARS} ratios and a start_gear among them")
    if not 1e-5 <= values["inner_step_s"] <= 0.02:
        raise UsageError(f"{config.origin('plant', 'inner_step_s')}: [plant] inner_step_s = {float(values['inner_step_s'])}: "
                         "must lie in 1e-5..0.02 s")  # fmt: skip
