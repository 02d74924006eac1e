"""The plan's stop path against the true road: whether the combination would stay in its lane, had it to stop along it now."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from hil.world import Truth

STEP_M = 1.0
POINTS_M = float(msg.constants("Plan")["FALLBACK_STEP_M"]) * np.arange(msg.dtype("Plan")["fallback_curvature"].shape[0])


def line_margin(truth: Truth, plan: np.void, vehicle, step_m: float = STEP_M) -> float:
    """m from the nearest side of the combination to its line over the stop, negative = beyond it; infinite at a standstill.

    The curvature of the path is driven from where the vehicle truly is, in the direction it truly travels, through the true
    lane; the trailer's axles follow the hitch without slip. `plan`: a row of Plan; `vehicle`: a table of VehicleParameters.
    """
    s = np.arange(0.0, float(plan["fallback_distance"]), step_m)
    if len(s) < 2 or truth.ego.velocity < 1.0:
        return np.inf
    ego, road = truth.ego, truth.road
    ahead, true_curvature = np.array(road.preview).T
    lane = np.interp(s, ahead, true_curvature)
    path = np.interp(s, POINTS_M, plan["fallback_curvature"])
    heading = road.heading_error + ego.lateral_velocity / ego.velocity + np.cumsum(path - lane) * step_m
    offset = road.offset + np.cumsum(heading) * step_m
    places = [offset]
    if vehicle["has_trailer"]:
        length, angle = float(vehicle["trailer_wheelbase_m"]), road.heading_error + ego.articulation
        trailer = np.empty_like(s)
        for k in range(len(s)):
            angle += step_m * ((heading[k] - angle) / length - lane[k])
            trailer[k] = offset[k] - length * angle - 0.5 * lane[k] * length**2
        places.append(trailer)
    half = 0.5 * float(vehicle["width_m"])
    return float(min(min(road.width_left - place.max(), road.width_right + place.min()) for place in places) - half)
