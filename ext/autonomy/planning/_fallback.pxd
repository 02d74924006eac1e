# The stop within the lane that is ready every tick: a curvature profile, a deceleration, a distance and a duration.
from libc.math cimport fabs
from autonomy.inputs._motion cimport velocity_known
from autonomy._single_track cimport angle_per_curvature
from autonomy.msg.messages cimport (
    EgoState, LaneState, Plan, PlanParameters, TrackList, VehicleParameters, VehicleState, LaneState_STATUS_NONE,
    Plan_FALLBACK_STEP_M)
from autonomy.planning._braking cimport Braking
from autonomy.planning._plan cimport PlanMemory
from autonomy.linalg._scalar cimport clipped

cdef enum:
    STOP_POINTS = 32


cdef inline void estimate_steering_bias(PlanMemory* memory, const PlanParameters* parameters,
                                        const VehicleParameters* vehicle_parameters, const VehicleState* vehicle,
                                        const EgoState* ego, double dt) noexcept nogil:
    """Low-passed road wheel angle in excess of r (L + K v2) / v: steering play, a crooked sensor, a side wind."""
    cdef double excess, share
    if not velocity_known(ego) or vehicle.steering_validity != 0 or ego.speed < parameters.steering_bias_minimum_speed_mps:
        return
    excess = vehicle.road_wheel_angle - ego.angular_rate[2] / ego.speed * angle_per_curvature(vehicle_parameters, ego.speed)
    if not fabs(excess) < 2.0 * parameters.steering_bias_maximum:
        return
    share = dt / (parameters.steering_bias_lag_s + dt)
    memory.steering_bias = clipped(memory.steering_bias + share * (excess - memory.steering_bias),
                                   -parameters.steering_bias_maximum, parameters.steering_bias_maximum)


cdef inline double stop_distance(const PlanParameters* parameters, double speed, double deceleration) noexcept nogil:
    """m: brakes fill at the old speed, then constant deceleration."""
    return speed * parameters.fallback_build_up_s + 0.5 * speed * speed / deceleration


cdef inline double hardest_stop(const PlanParameters* parameters, const Braking* braking) noexcept nogil:
    """m/s2 of a stop: what is allowed, as far as the brakes give it."""
    return braking.deceleration if braking.deceleration < parameters.fallback_deceleration_maximum \
        else parameters.fallback_deceleration_maximum


cdef inline double deceleration_within(const PlanParameters* parameters, double hardest, double speed,
                                       double distance) noexcept nogil:
    """m/s2 that stops within a distance; the hardest when none does."""
    cdef double room = distance - speed * parameters.fallback_build_up_s
    if room * 2.0 * hardest <= speed * speed:
        return hardest
    return 0.5 * speed * speed / room


cdef inline double return_curvature(double s, double length, double offset, double heading) noexcept nogil:
    """1/m added to the lane's curvature: second derivative of the quintic that takes offset and heading to 0 over `length`.

    e(u) with e(0) = offset, e'(0) = heading, e''(0) = 0 and e = e' = e'' = 0 at the end.
    """
    cdef double u = s / length
    cdef double slope = heading * length
    if u >= 1.0:
        return 0.0
    return ((-60.0 * offset - 36.0 * slope) * u + (180.0 * offset + 96.0 * slope) * u * u
            - (120.0 * offset + 60.0 * slope) * u * u * u) / (length * length)


cdef inline void lay_stop(PlanMemory* memory, const PlanParameters* parameters, const LaneState* lane,
                          double speed) noexcept nogil:
    """The path of the stop: along the lane, back to its path within a few seconds' drive."""
    cdef double length = speed * parameters.fallback_return_s
    cdef double s
    cdef int i
    if length < parameters.fallback_return_minimum_m:
        length = parameters.fallback_return_minimum_m
    for i in range(STOP_POINTS):
        s = i * Plan_FALLBACK_STEP_M
        memory.fallback_curvature[i] = lane.preview[i] + return_curvature(s, length, lane.offset, lane.heading_error)
    memory.fallback_travelled = 0.0
    memory.fallback_known = 1


cdef inline double stop_curvature(const PlanMemory* memory, double ahead) noexcept nogil:
    """1/m of the laid path `ahead` metres from here; its last value beyond its end."""
    cdef double position = (memory.fallback_travelled + ahead) / Plan_FALLBACK_STEP_M
    cdef int i
    if position >= STOP_POINTS - 1:
        return memory.fallback_curvature[STOP_POINTS - 1]
    i = <int>position
    return memory.fallback_curvature[i] + (position - i) * (memory.fallback_curvature[i + 1] - memory.fallback_curvature[i])


cdef inline double bend_deceleration(const PlanMemory* memory, const PlanParameters* parameters, double hardest,
                                     double lateral, double speed) noexcept nogil:
    """m/s2 that brings the speed down to what every bend of the laid path allows; the hardest when none does."""
    cdef double ahead, allowed, room, needed, most = 0.0
    cdef int i
    for i in range(STOP_POINTS):
        ahead = i * Plan_FALLBACK_STEP_M - memory.fallback_travelled
        if ahead < 0.0:
            continue
        allowed = lateral / (fabs(memory.fallback_curvature[i]) + 1e-9)
        if allowed >= speed * speed:
            continue
        room = ahead - speed * parameters.fallback_build_up_s
        needed = 0.5 * (speed * speed - allowed) / room if room > 0.0 else hardest
        if needed > most:
            most = needed
    return most if most < hardest else hardest


cdef inline void write_stop(PlanMemory* memory, const PlanParameters* parameters, const Braking* braking, double lateral,
                            const LaneState* lane, const TrackList* tracks, double front_overhang_m, double speed,
                            Plan* plan) noexcept nogil:
    """Deceleration, distance and duration for the speed now; the profile from where the vehicle is on it."""
    cdef double reach, needed, gap, hardest = hardest_stop(parameters, braking)
    cdef int i
    for i in range(STOP_POINTS):
        plan.fallback_curvature[i] = stop_curvature(memory, i * Plan_FALLBACK_STEP_M)
    plan.fallback_steering_bias = memory.steering_bias
    plan.fallback_deceleration = parameters.fallback_deceleration if parameters.fallback_deceleration < hardest else hardest
    reach = STOP_POINTS * Plan_FALLBACK_STEP_M - memory.fallback_travelled
    if lane.status != LaneState_STATUS_NONE and lane.valid_distance_m < reach:
        reach = lane.valid_distance_m
    needed = deceleration_within(parameters, hardest, speed, reach)
    if needed > plan.fallback_deceleration:
        plan.fallback_deceleration = needed
    needed = bend_deceleration(memory, parameters, hardest, lateral, speed)
    if needed > plan.fallback_deceleration:
        plan.fallback_deceleration = needed
    if tracks.lead_distance == tracks.lead_distance:
        gap = tracks.lead_distance - front_overhang_m - parameters.fallback_lead_margin_m \
            + 0.5 * tracks.lead_speed * fabs(tracks.lead_speed) / parameters.fallback_lead_deceleration
        needed = deceleration_within(parameters, hardest, speed, gap)
        if needed > plan.fallback_deceleration:
            plan.fallback_deceleration = needed
    plan.fallback_distance = stop_distance(parameters, speed, plan.fallback_deceleration)
    plan.fallback_duration = parameters.fallback_build_up_s + speed / plan.fallback_deceleration
    plan.fallback_valid = 1 if memory.fallback_known and plan.fallback_distance <= reach else 0
