"""Gap, follow law, curve speed, descent speed and stop of the plan with NumPy. Tables and limits are fields of PlanParameters.

`braking`: (m/s2 that the truck brakes with for certain, that a lead may brake with, share of the thresholds)."""

from __future__ import annotations

import numpy as np

from autonomy.axle_loads import driven_most
from autonomy.physics import AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.rollover_twin import rollover_threshold

STEP_M = 5.0
EARLY_FOR_STOP_S, STOP_LEAST_BRAKING = 0.28, 0.1  # as in _stop_behind.pxd
STOP_HALTING, STOP_ENDING = [0.9, 1.1], [0.1, 0.35]
STOP_LAG_S, STOP_LEAST, STOP_NEAREST_M = 0.55, 0.15, 2.5
CORNER_MPS, UNCOUNTED_MPS = 1.5, 3.0
LEAST_SHARE = 0.4  # of the lateral limit, see _curve.pxd
AHEAD_M = 10.0 * np.arange(1, 13)  # of a slope that steepens, see _descent.pxd
UNLIMITED = (np.inf, np.inf)
RETARDER, ENGINE = 1, 2  # FaultRow UNUSABLE_*


def believed_friction(parameters, truck) -> float:
    doubt = parameters["friction_doubt"] * (1.0 + (truck["friction_warning"] > 0))
    return float(max(truck["friction"] - doubt * truck["friction_sigma"], truck["friction_low"]))


def downhill(parameters, truck) -> float:
    """m/s2 that the slope pushes with at the most, negative uphill."""
    return float(-STANDARD_GRAVITY_MPS2 * np.sin(truck["grade"] - parameters["grade_doubt"] * truck["grade_sigma"]))


def stop_heat(parameters, truck, speed: float) -> float:
    """J of a comfortable stop with the foundation brakes alone."""
    deceleration = parameters["fallback_deceleration"]
    return float(truck["mass_high_kg"] * 0.5 * speed**2 * (1.0 + max(downhill(parameters, truck), 0.0) / deceleration))


def braking(parameters, vehicle, truck, speed: float, faults_of_brakes: int = 0) -> tuple[float, float, float]:
    """What the brakes give for certain, with so many faults told of them."""
    hottest = np.max(truck["brake_temperature_c"] + 2.0 * truck["brake_temperature_sigma_c"])
    fade = np.clip(1.0 - parameters["brake_fade_per_kelvin"] * (hottest - parameters["brake_fade_from_c"]), 0.4, 1.0)
    force = parameters["emergency_deceleration"] * vehicle["loaded_mass_kg"] / truck["mass_high_kg"] * fade
    force *= parameters["brake_faulty_share"] ** faults_of_brakes
    tyres = parameters["brake_friction_share"] * STANDARD_GRAVITY_MPS2 * believed_friction(parameters, truck)
    heat = stop_heat(parameters, truck, speed)
    cool = np.clip(truck["brake_heat_left_j"] / heat, 0.0, 1.0) if heat > 0.0 else 1.0
    own = max(min(force, tyres) * (0.5 + 0.5 * cool) - downhill(parameters, truck), 0.3)
    lead = STANDARD_GRAVITY_MPS2 * (truck["friction"] + parameters["friction_doubt"] * truck["friction_sigma"])
    lead = max(min(lead, parameters["fallback_lead_deceleration"]) + STANDARD_GRAVITY_MPS2 * np.sin(truck["grade"]), own)
    return float(own), float(lead), float(min(own / parameters["full_deceleration"], 1.0))


def lateral_limit(parameters, vehicle, truck) -> float:
    """m/s2 in bends: by load, distance to rolling over, friction."""
    p, trailer = parameters, float(vehicle["has_trailer"])
    empty = vehicle["tractor_mass_kg"] + trailer * vehicle["trailer_tare_mass_kg"]
    full = empty + p["loaded_share"] * (vehicle["loaded_mass_kg"] - empty)
    by_load = np.interp(truck["mass_high_kg"], [empty, full],
                        [p["lateral_acceleration_empty"], p["lateral_acceleration_maximum"]])  # fmt: skip
    threshold = p["rollover_compliance"] * rollover_threshold(vehicle, truck["mass_high_kg"])
    friction = p["curve_friction_share"] * STANDARD_GRAVITY_MPS2 * believed_friction(p, truck)
    return float(min(by_load, (1.0 - p["rollover_margin"]) * threshold, friction) - p["lateral_acceleration_reserve"])


def descent_fits(parameters, vehicle, truck, unusable: int, speed: float) -> bool:
    """Whether forces and heat hold a speed on the slope here."""
    p, spare = parameters, truck["brake_heat_left_j"] - parameters["stop_heat_reserve"] * stop_heat(parameters, truck, speed)
    if spare < 0.0:
        return False
    pushing = truck["mass_high_kg"] * (downhill(p, truck) - STANDARD_GRAVITY_MPS2 * vehicle["rolling_resistance"])
    air = max(speed + truck["headwind_mps"] - p["headwind_doubt"] * truck["headwind_sigma_mps"], 0.0)
    pushing -= 0.5 * AIR_DENSITY_KGPM3 * vehicle["drag_area_m2"] * air**2 + spare / (p["brake_heat_time_s"] * speed)
    engine = 0.0 if unusable & ENGINE else p["engine_brake_power_w"] / speed
    power = truck["retarder_cooled_w"] + truck["retarder_heat_left_j"] / p["retarder_heat_time_s"]
    most = vehicle["retarder_torque_maximum_nm"] * vehicle["driveline_ratio"] / vehicle["wheel_radius_m"]
    retarder = 0.0 if unusable & RETARDER else min(power / speed, most)
    return bool(pushing <= min(engine + retarder, driven_most(vehicle, truck, float(truck["mass_high_kg"]))))


def descent_speed(parameters, vehicle, truck, unusable: int = 0, rate: float = 0.0) -> float:
    """m/s that the slope allows here and, as it falls off by `rate` rad per m, ahead, with the way to slow down for it."""
    here, steepest = float(truck["grade"]), min(-float(parameters["descent_steepest"]), float(truck["grade"]))
    lowest = steady_speed(parameters, vehicle, truck, unusable)
    if rate >= 0.0 or here >= 0.0:
        return lowest
    for way in AHEAD_M:
        there = truck.copy()
        there["grade"] = max(here + way * rate, steepest)
        speed = steady_speed(parameters, vehicle, there, unusable)
        if speed < parameters["speed_maximum"]:
            lowest = min(lowest, float(np.sqrt(speed**2 + 2.0 * parameters["descent_deceleration"] * way)))
    return lowest


def steady_speed(parameters, vehicle, truck, unusable: int = 0) -> float:
    """m/s, the highest that fits on a fine grid."""
    highest, lowest = float(parameters["speed_maximum"]), float(parameters["descent_speed_minimum"])
    if truck["grade"] >= -parameters["descent_grade"]:
        return highest
    speeds = np.arange(highest, lowest, -0.01)
    return next((float(v) for v in speeds if descent_fits(parameters, vehicle, truck, unusable, v)), lowest)


def desired_gap(parameters, speed: float, braking=UNLIMITED) -> float:
    """m, for a speed in m/s."""
    time_gap = np.interp(speed, parameters["gap_speed_mps"], parameters["gap_time_s"])
    gap = max(time_gap * speed, float(parameters["gap_minimum_m"]))
    law = float(parameters["gap_law_speed_mps"])
    share = np.interp(speed, [law - float(parameters["gap_law_ramp_mps"]), law], [0.0, 1.0])
    reaction = float(parameters["reaction_s"]) * speed
    margin = min(float(parameters["standing_margin_m"]) + reaction, float(parameters["collision_margin_m"]))
    needed = reaction + margin + 0.5 * speed**2 * (1.0 / braking[0] - 1.0 / braking[1])
    return float(max(gap, gap + share * (float(parameters["gap_law_m"]) - gap), needed))


def gap_slope(parameters, speed: float, braking=UNLIMITED) -> float:
    """s: growth of the wanted gap over the speed, across 3 m/s."""
    ends = max(speed - CORNER_MPS, 0.0), speed + CORNER_MPS
    return float(np.diff([desired_gap(parameters, end, braking) for end in ends])[0] / np.diff(ends)[0])


def believed_acceleration(parameters, acceleration: float) -> float:
    """m/s2 of another: 0 within the noise, linear up to twice that, all of it beyond."""
    noise = float(parameters["gap_acceleration_deadband"])
    return float(np.sign(acceleration) * np.interp(abs(acceleration), [noise, 2.0 * noise], [0.0, 2.0 * noise])
                 if abs(acceleration) < 2.0 * noise else acceleration)  # fmt: skip


def stop_behind(p, result, speed, gap, room, lead_speed, lead_braking) -> float:
    """m/s2: `result`, or less, to end `room` m ahead of where the lead is or, with lead_braking m/s2, will stand."""
    closing, brakes = speed - lead_speed, lead_braking > STOP_LEAST_BRAKING and lead_speed > 0.0
    if closing <= 0.0:
        return result
    room += (0.5 * lead_speed**2 / lead_braking if brakes else 0.0) - EARLY_FOR_STOP_S * closing
    needed = 0.5 * (speed if brakes else closing) ** 2 / room if room > 0.3 else p["deceleration_maximum"]
    will_stand = np.clip(1.0 - (lead_speed - p["gap_halting_s"] * lead_braking * brakes) / 3.0, 0.0, 1.0)
    share = max(will_stand, np.interp(needed, STOP_HALTING, [0.0, 1.0]) if brakes and room > 0.3 else 0.0)
    if room > -1.0 and -needed < result:
        result -= share * np.interp(needed, STOP_ENDING, [0.0, 1.0]) * (needed + result)
    softest = -max(np.sqrt(2.0 * p["stop_jerk"] * speed) - p["stop_jerk"] * STOP_LAG_S, STOP_LEAST)
    return result + share * (softest - result) if gap > STOP_NEAREST_M and result < softest else result


def follow_acceleration(parameters, speed, gap, lead_speed, lead_acceleration, lead_braking=0.0, braking=UNLIMITED) -> float:
    """m/s2 behind a lead: e = gap - G(speed) shall fall as e' = -f(e), with f the wanted closing speed."""
    p = {name: float(parameters[name]) for name in parameters.dtype.names if parameters[name].ndim == 0}
    slope = gap_slope(parameters, speed, braking)
    T = max(slope, p["gap_slope_minimum_s"])
    error = gap - desired_gap(parameters, speed, braking)
    rate = p["gap_excess_rate" if error > 0.0 else "gap_rate"]
    gentle_stop = p["approach_deceleration"] * np.clip(1.0 - lead_speed / 3.0, 0.0, 1.0)
    f, f_slope = rate * error, rate
    if error > 0.0:
        f = np.sqrt((rate * error) ** 2 + 2.0 * gentle_stop * error)
        f_slope = (rate**2 * error + gentle_stop) / max(f, 0.1)
    lead, closing = believed_acceleration(parameters, lead_acceleration), speed - lead_speed
    shortage = np.clip(-2.0 * error / (gap - error), 0.0, 1.0)
    recovery = (1.0 - shortage) * p["gap_recovery_deceleration"] + shortage * p["gap_recovery_short"]
    foreseen = shortage * p["gap_anticipation_s"] * min(lead, 0.0)
    credited = closing if closing > 0.0 else min(closing + shortage * UNCOUNTED_MPS, 0.0)
    first_order = max(f / T, -recovery) - (credited - foreseen) / T
    result = first_order + (1.0 - slope / T) * (lead - f_slope * closing)
    room, gentle = gap - desired_gap(parameters, max(lead_speed, 0.0), braking), -p["approach_deceleration"]
    if closing > 0.0 and room > 0.3 and result < gentle:
        result = max(result, min(-0.5 * closing**2 / room + min(lead, 0.0), gentle))
    room = gap - desired_gap(parameters, 0.0, braking)
    result = stop_behind(p, result, speed, gap, room, lead_speed, lead_braking)
    return float(np.clip(result, -p["deceleration_maximum"], p["acceleration_maximum"]))


def smallest_gap(gap, speed, acceleration, other_speed, other_acceleration, deceleration, reaction_s) -> float:
    """m: both go on for the reaction time, then the truck brakes. Smallest where one of them stands or both are equally fast."""

    def stands_after(speed, acceleration):
        return -speed / acceleration if acceleration < 0.0 else np.inf

    def way(speed, acceleration, t):
        stands = stands_after(speed, acceleration)
        return (speed + 0.5 * acceleration * t) * t if t < stands else 0.5 * speed * stands

    def gap_at(t):
        own = way(speed, coasting, min(t, reaction_s)) + way(braked_from, -deceleration, max(t - reaction_s, 0.0))
        return gap + way(other_speed, other_acceleration, t) - own

    coasting = min(acceleration, 0.0)
    braked_from = max(speed + coasting * reaction_s, 0.0)
    if deceleration <= 0.0 and braked_from > (0.0 if other_acceleration < 0.0 else other_speed):
        return -np.inf
    times = [0.0, reaction_s, reaction_s + stands_after(braked_from, -deceleration)]
    times.append(stands_after(other_speed, other_acceleration))
    for start, own, own_acceleration in ((0.0, speed, coasting), (reaction_s, braked_from, -deceleration)):
        if other_acceleration > own_acceleration:
            times.append(start + (own - other_speed - other_acceleration * start) / (other_acceleration - own_acceleration))
    return min(gap_at(t) for t in times if 0.0 <= t < np.inf)


def bend_square(parameters, lateral: float, curvature):
    """m2/s2 of speed in bends, 1/m: in tight ones keeping the lane takes more of the lateral limit."""
    left = lateral - parameters["curve_tight_reserve"] * np.maximum(curvature - parameters["curve_tight"], 0.0)
    return np.maximum(left, LEAST_SHARE * lateral) / curvature


def braking_in_bends(parameters, sideways: float) -> float:
    """m/s2 of gentle braking beside a share of the lateral limit."""
    return float(parameters["curve_deceleration"]) * np.sqrt(max(1.0 - sideways**2, 0.0))


def curve_speed(parameters, preview, valid_distance_m, speed, lateral, curvature_sigma=0.0, rate_sigma=0.0) -> float:
    """m/s now for the curvature ahead, 1/m every STEP_M, averaged and less its uncertainty, at `lateral` m/s2."""
    seen = np.asarray(preview)[: max(int(valid_distance_m / STEP_M), 0) + 1]
    distance, half = STEP_M * np.arange(len(seen)), int(0.5 * float(parameters["curve_mean_m"]) / STEP_M)
    mean = np.array([abs(seen[max(i - half, 0) : i + half + 1].mean()) for i in range(len(seen))])
    doubt = parameters["curve_doubt"] * np.hypot(curvature_sigma, distance * rate_sigma)
    believed = mean - np.minimum(doubt, parameters["curve_doubt_maximum"] * mean) + 1e-9
    slowed = np.clip(distance - parameters["reaction_s"] * speed, 0.0, STEP_M)  # m of braking on the way to each point
    own = bend_square(parameters, lateral, believed)
    square = own[-1]
    for i in range(len(seen) - 1, 0, -1):
        square += 2.0 * braking_in_bends(parameters, square / own[i]) * slowed[i]
        square = min(square, own[i - 1])
    return float(np.sqrt(square))


def return_path(length: float, offset: float, heading: float) -> np.polynomial.Polynomial:
    """Offset from the lane path over the distance along it: the quintic from (offset, heading, 0) to (0, 0, 0)."""
    powers = np.arange(6)
    rows = []
    for s in (0.0, length):
        for order in range(3):
            factor = np.prod([powers - k for k in range(order)], axis=0) if order else np.ones(6)
            rows.append(factor * np.where(powers >= order, s ** np.maximum(powers - order, 0.0), 0.0))
    return np.polynomial.Polynomial(np.linalg.solve(np.array(rows), [offset, heading, 0.0, 0.0, 0.0, 0.0]))


def centred_place(vehicle, curvature: float, pointing: float = 0.0, articulation: float = 0.0) -> float:
    """m left of the lane's middle where front and rear face are equally far from it; rad to the left of the way travelled."""
    front_m, rear_m = float(vehicle["front_overhang_m"]), float(vehicle["rear_overhang_m"])
    hitch = float(vehicle["hitch_offset_m"]) if vehicle["has_trailer"] else 0.0
    angles = np.array([[pointing, 0.0], [pointing, pointing + articulation]])
    along = np.array([[front_m, 0.0], [-hitch, hitch - rear_m]])
    return float(-0.5 * ((along * angles).sum() - 0.5 * curvature * (front_m**2 + rear_m**2)))


def lane_doubt(parameters, lane, speed: float, s, known_most: float = np.inf):
    """m that the lane may lie beside where it is expected `s` metres ahead."""
    beyond = np.maximum(np.asarray(s, float) - float(lane["valid_distance_m"]), 0.0)
    rate = float(parameters["fallback_lateral_jerk"]) / max(speed, float(parameters["sight_speed_minimum"])) ** 3
    doubt = float(parameters["fallback_doubt"])
    known = np.minimum(doubt * np.hypot(lane["sigma"][0], lane["sigma"][1] * s), known_most)
    return np.hypot(known, doubt * parameters["fallback_end_heading_sigma"] * beyond) + rate * beyond**3 / 6.0


def swept_beside(vehicle, truck, lane) -> float:
    """m that the combination sweeps beside its width in the tightest bend ahead."""
    known = truck["trailer_wheelbase_m"] + 2.0 * truck["trailer_wheelbase_sigma_m"]
    trailer = known if truck["trailer_wheelbase_known"] else vehicle["trailer_wheelbase_m"]
    squares = vehicle["wheelbase_m"] ** 2 + (trailer**2 if vehicle["has_trailer"] else 0.0)
    return float(0.25 * np.abs(lane["preview"]).max() * squares)


def stop_reach(parameters, vehicle, truck, lane, speed: float, known_share: float = np.inf) -> float:
    """m on which the combination surely stays in its lane."""
    beside = float(min(lane["width_left"], lane["width_right"]) - 0.5 * vehicle["width_m"])
    room = max(beside - float(parameters["fallback_lane_reserve_m"]) - swept_beside(vehicle, truck, lane), 0.5 * beside)
    s = np.arange(0.0, 160.0, 0.01)
    out = lane_doubt(parameters, lane, speed, s, known_share * room) > room
    return float(s[np.argmax(out)]) if out.any() else 160.0


def sight_speed(parameters, reach: float, braking=UNLIMITED) -> float:
    """m/s, highest on a fine grid from which the hardest stop that is allowed ends within the reach, less the reserve."""
    speeds = np.arange(0.0, 60.0, 1e-3)
    hardest = min(float(parameters["fallback_deceleration_maximum"]), braking[0])
    distance = speeds * float(parameters["fallback_build_up_s"]) + 0.5 * speeds**2 / hardest
    fits = distance <= reach - float(parameters["sight_reserve_m"])
    return max(float(speeds[fits].max(initial=0.0)), float(parameters["sight_speed_minimum"]))


def stop(parameters, speed: float, reach: float, seen: float, braking=UNLIMITED) -> tuple[float, float, float]:
    """(deceleration, distance, duration) of the stop from `speed` that sees no more of its lane than `seen` metres, surely stays
    in it for `reach`, and ends within both where limits and brakes allow it."""
    build_up = float(parameters["fallback_build_up_s"])
    highest = min(float(parameters["fallback_deceleration_maximum"]), braking[0])
    room = min(reach, seen) - speed * build_up
    needed = min(0.5 * speed**2 / room, highest) if room > 0.0 else highest
    deceleration = max(needed, min(float(parameters["fallback_deceleration"]), highest))
    return deceleration, speed * build_up + 0.5 * speed**2 / deceleration, build_up + speed / deceleration


def firm_deceleration(parameters, required: float) -> float:
    """m/s2 demanded: a tenth more than required, but no hard brake for that tenth's sake."""
    limit, reserve = float(parameters["firm_limit"]), float(parameters["emergency_reserve"]) * required
    if required + reserve <= limit:
        return required + reserve
    return required + min(reserve, max(limit - required, 1.5 * (required - limit)))


def ramp_jerk(parameters, after_ramp: float) -> float:
    """m/s3 for the deceleration that a gentle ramp would lead to."""
    ends = [float(parameters[name]) for name in ("ramp_unhurried", "ramp_hurried")]
    return float(np.interp(after_ramp, ends, [float(parameters["ramp_jerk"]), float(parameters["ramp_jerk_steep"])]))


def early_deceleration(parameters, required: float, share: float = 1.0) -> float:
    """m/s2 braked with in comfort for what is required, of `share` of the threshold on."""
    return required * float(np.interp(required / (share * float(parameters["early_deceleration"])), [1.0, 1.4], [0.0, 1.0]))
