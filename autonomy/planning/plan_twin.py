"""Gap, follow law, curve speed and stop of the plan with NumPy. Tables and limits are fields of PlanParameters."""

from __future__ import annotations

import numpy as np

STEP_M = 5.0


def desired_gap(parameters, speed: float) -> float:
    """m, for a speed in m/s."""
    time_gap = np.interp(speed, parameters["gap_speed_mps"], parameters["gap_time_s"])
    gap = max(time_gap * speed, float(parameters["gap_minimum_m"]))
    law = float(parameters["gap_law_speed_mps"])
    share = np.interp(speed, [law - float(parameters["gap_law_ramp_mps"]), law], [0.0, 1.0])
    return float(max(gap, gap + share * (float(parameters["gap_law_m"]) - gap)))


def follow_acceleration(parameters, speed, gap, wanted_gap, lead_speed, lead_acceleration) -> float:
    """m/s2 behind a lead."""
    p = {name: float(parameters[name]) for name in parameters.dtype.names if parameters[name].ndim == 0}
    closing = speed - lead_speed
    linear = (max(p["gap_gain"] * (gap - wanted_gap), -p["gap_recovery_deceleration"]) - p["gap_speed_gain"] * closing
              + p["gap_acceleration_gain"] * lead_acceleration)  # fmt: skip
    needed = 0.5 * closing**2 / max(gap - 0.5 * wanted_gap, 1.0) + max(-lead_acceleration, 0.0) if closing > 0.0 else 0.0
    if needed > p["deceleration_comfort"]:
        linear = min(linear, -needed)
    return float(np.clip(linear, -p["deceleration_maximum"], p["acceleration_maximum"]))


def curve_speed(parameters, preview, valid_distance_m: float) -> float:
    """m/s now for the curvature ahead, 1/m every STEP_M."""
    distance = STEP_M * np.arange(len(preview))
    seen = (distance <= valid_distance_m) | (distance == 0.0)
    there = parameters["lateral_acceleration_maximum"] / (np.abs(preview) + 1e-9)
    square = there + 2.0 * parameters["curve_deceleration"] * distance
    return float(np.sqrt(square[seen].min()))


def return_path(length: float, offset: float, heading: float) -> np.polynomial.Polynomial:
    """Offset from the lane path over the distance along it: the quintic from (offset, heading, 0) to (0, 0, 0)."""
    powers = np.arange(6)
    rows = []
    for s in (0.0, length):
        for order in range(3):
            factor = np.prod([powers - k for k in range(order)], axis=0) if order else np.ones(6)
            rows.append(factor * np.where(powers >= order, s ** np.maximum(powers - order, 0.0), 0.0))
    return np.polynomial.Polynomial(np.linalg.solve(np.array(rows), [offset, heading, 0.0, 0.0, 0.0, 0.0]))


def stop(parameters, speed: float, reach: float) -> tuple[float, float, float]:
    """(deceleration, distance, duration) of the stop from `speed` within `reach` metres where the limits allow it."""
    build_up, highest = float(parameters["fallback_build_up_s"]), float(parameters["fallback_deceleration_maximum"])
    room = reach - speed * build_up
    needed = min(0.5 * speed**2 / room, highest) if room > 0.0 else highest
    deceleration = max(needed, float(parameters["fallback_deceleration"]))
    return deceleration, speed * build_up + 0.5 * speed**2 / deceleration, build_up + speed / deceleration
