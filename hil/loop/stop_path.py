"""The plan's stop path against the true road: whether the combination would stay in its lane, had it to stop along it now.

All corners and axles count: front face, reference point, trailer's axles and rear end. Tyres run aside of where they point: as
far as bends ask it, by the linear model at the speed along the stop; what more they do now (wind, bank) is kept to the end in
one reckoning and gone at once in another, and the worse of both counts.
"""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.control.yaw_plane_twin import YawPlane
from hil.world import Truth

STEP_M = 1.0
POINTS_M = float(msg.constants("Plan")["FALLBACK_STEP_M"]) * np.arange(msg.dtype("Plan")["fallback_curvature"].shape[0])
BUILD_UP_S = 0.5  # at the old speed, as the planner counts


def line_margin(truth: Truth, plan: np.void, vehicle, step_m: float = STEP_M) -> float:
    """m from the nearest side of the combination to its line over the stop, negative = beyond it; infinite at a standstill.

    The curvature of the path is driven from where the vehicle truly is, in the direction it truly travels, through the true
    lane. `plan`: a row of Plan; `vehicle`: a table of VehicleParameters.
    """
    ego, road = truth.ego, truth.road
    s = np.arange(0.0, float(plan["fallback_distance"]), step_m)
    if len(s) < 2 or ego.velocity < 1.0:
        return np.inf
    lane = np.interp(s, *np.array(road.preview).T)
    path = np.interp(s, POINTS_M, plan["fallback_curvature"])
    travel = road.heading_error + ego.lateral_velocity / ego.velocity + _sum(path - lane, step_m)
    offset = road.offset + _sum(travel, step_m)
    asked = ego.velocity**2 * path * np.clip((s[-1] - s) / max(s[-1] - BUILD_UP_S * ego.velocity, step_m), 0.0, 1.0)
    bends, now = slips_of_bends(vehicle, ego.mass, ego.velocity), slips(truth, vehicle)
    beyond = now - bends * ego.velocity**2 * lane[0]
    half = 0.5 * float(vehicle["width_m"])
    margins = []
    for kept in (0.0, 1.0):
        tractor, trailer = bends[:, None] * asked + kept * beyond[:, None]
        places = _places(truth, vehicle, path, lane, travel, offset, tractor, trailer, step_m)
        margins += [min(road.width_left - place.max(), road.width_right + place.min()) - half for place in places]
    return float(min(margins))


def _places(truth: Truth, vehicle, path, lane, travel, offset, slip, trailer_slip, step_m: float) -> list[np.ndarray]:
    """m left of the lane's middle along the stop: reference point, front face, trailer's axles, rear end.

    `slip` of the reference point, `trailer_slip` of the trailer's axles: rad that they run to the left of where they point.
    """
    pointing = travel - slip
    front_m, rear_m = float(vehicle["front_overhang_m"]), float(vehicle["rear_overhang_m"])
    front = offset + front_m * pointing - 0.5 * lane * front_m**2
    if not vehicle["has_trailer"]:
        return [offset, front, offset - rear_m * pointing - 0.5 * lane * rear_m**2]
    hitch_m, length = float(vehicle["hitch_offset_m"]), float(vehicle["trailer_wheelbase_m"])
    angle, trailer = truth.road.heading_error + truth.ego.articulation, np.empty_like(offset)
    for k in range(len(trailer)):
        trailer[k] = angle
        angle += step_m * ((travel[k] - hitch_m * path[k] - angle - trailer_slip[k]) / length - lane[k])
    behind = [offset - hitch_m * pointing - along * trailer - 0.5 * lane * (hitch_m + along) ** 2
              for along in (length, rear_m - hitch_m)]  # fmt: skip
    return [offset, front, *behind]


def slips(truth: Truth, vehicle) -> np.ndarray:
    """(2,) rad, of the reference point and the trailer's axles now, to the left of where they point."""
    ego = truth.ego
    own = ego.lateral_velocity / ego.velocity
    if not vehicle["has_trailer"]:
        return np.array([own, 0.0])
    at_hitch = ego.lateral_velocity - float(vehicle["hitch_offset_m"]) * ego.yaw_rate
    sideways = at_hitch * np.cos(ego.articulation) - ego.velocity * np.sin(ego.articulation) \
        - float(vehicle["trailer_wheelbase_m"]) * (ego.yaw_rate + ego.articulation_rate)  # fmt: skip
    return np.array([own, sideways / ego.velocity])


def slips_of_bends(vehicle, mass_kg: float, speed: float) -> np.ndarray:
    """(2,) rad per m/s2 of lateral acceleration in steady travel, of the linear model."""
    if not mass_kg > 0.0:
        return np.zeros(2)
    model = YawPlane(vehicle, mass_kg, speed)
    x, heading, articulation = model.steady(1.0 / speed**2, 0.0, 0.0)
    lateral = x[0] + model.reference_m * x[1]
    trailer = (lateral - (model.hitch_m + model.trailer_m) * x[1]) / speed - articulation
    return np.array([-heading, trailer if vehicle["has_trailer"] else 0.0])


def _sum(rate: np.ndarray, step_m: float) -> np.ndarray:
    """Integral from the first point on."""
    return np.concatenate(([0.0], np.cumsum(rate[:-1]) * step_m))
