# The plan of the predictive cruise control as the tick follows it: where on it the truck is, and what it asks for there.
from libc.math cimport fmax, fmin, isfinite, sqrt
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport (
    CruisePlan, InputFrame, Plan, PlanParameters, CruisePlan_DRIVE_FULL, CruisePlan_DRIVE_OVERRUN, CruisePlan_DRIVE_ROLL,
    CruisePlan_STEP_M)

cdef enum:
    CRUISE_POINTS = 64

ctypedef struct CruiseMemory:
    CruisePlan plan
    double travelled_m           # since its horizon


cdef inline bint cruise_sound(const CruisePlan* plan) noexcept nogil:
    """Whether every number of a plan can be one."""
    cdef int k
    if plan.validity != 0:
        return False
    for k in range(CRUISE_POINTS):
        if not (plan.speed[k] > 0.0 and plan.speed[k] < 60.0 and plan.ceiling[k] > 0.0 and plan.ceiling[k] < 1e3):
            return False
    return True


cdef inline void cruise_update(CruiseMemory* memory, const InputFrame* frame, double speed, double dt) noexcept nogil:
    """Moves on along the plan, and takes the newest one that came."""
    cdef const CruisePlan* plan
    cdef uint32_t i
    memory.travelled_m += speed * dt
    for i in range(frame.cruise.count):
        plan = &frame.cruise.items[i]
        if memory.plan.valid_time_ns < plan.valid_time_ns <= frame.tick_time_ns and cruise_sound(plan):
            memory.plan = plan[0]
            memory.travelled_m = speed * 1e-9 * <double>(frame.tick_time_ns - memory.plan.valid_time_ns)


cdef inline double at_place(const double* speeds, int k, double part, double* slope) noexcept nogil:
    """m/s between points k and k + 1, uniformly accelerated; that acceleration in `slope`."""
    cdef double before = speeds[k] * speeds[k], after = speeds[k + 1] * speeds[k + 1]
    slope[0] = 0.5 * (after - before) / CruisePlan_STEP_M
    return sqrt(before + part * (after - before))


cdef inline void cruise_followed(const CruiseMemory* memory, const PlanParameters* parameters, int64_t now_ns, double set_speed,
                                 double speed, double* wanted, double* rolling, Plan* plan) noexcept nogil:
    """Replaces what the plain speed law asks for by the plan's speed there, where a plan is fresh.

    `wanted` m/s2 is for the engine, `rolling` the most before brakes are used. Whatever the plan says, the speed asked for is
    within the band about the set speed, and never above the ceiling.
    """
    cdef double place = memory.travelled_m / CruisePlan_STEP_M, target, ceiling, slope, fall, ahead
    cdef double highest = set_speed if set_speed < parameters.speed_maximum else parameters.speed_maximum
    cdef int k
    if memory.plan.valid_time_ns == 0 or <double>(now_ns - memory.plan.valid_time_ns) > 1e9 * parameters.cruise_timeout_s \
            or not 0.0 <= place < CRUISE_POINTS - 1 or not set_speed > parameters.cruise_band_mps:
        return
    k = <int>place
    target = at_place(memory.plan.speed, k, place - k, &slope)
    ceiling = at_place(memory.plan.ceiling, k, place - k, &fall)
    if target < highest - parameters.cruise_band_mps:
        target = highest - parameters.cruise_band_mps
        slope = 0.0
    if target > highest + parameters.overspeed_mps:
        target = highest + parameters.overspeed_mps
        slope = 0.0
    if target > ceiling:
        target = ceiling
        slope = fall
    wanted[0] = slope + parameters.speed_gain * (target - speed)
    if memory.plan.drive[k] == CruisePlan_DRIVE_OVERRUN:
        wanted[0] -= parameters.cruise_bias
    elif memory.plan.drive[k] == CruisePlan_DRIVE_ROLL and wanted[0] < rolling[0]:
        plan.roll = 1
    elif memory.plan.drive[k] == CruisePlan_DRIVE_FULL:
        wanted[0] += parameters.cruise_bias
    place = fmax(fmin(place + speed * parameters.ceiling_response_s / CruisePlan_STEP_M, CRUISE_POINTS - 1.001), 0.0)
    k = <int>place
    ahead = at_place(memory.plan.ceiling, k, place - k, &fall)
    fall = (fall if fall < 0.0 else 0.0) + parameters.speed_gain * (fmin(ahead, ceiling) - speed)
    if fall < rolling[0]:
        rolling[0] = fall
    if ceiling < plan.ceiling_speed:
        plan.ceiling_speed = ceiling
    plan.cruise = 1
    if target < plan.target_speed or plan.target_speed >= highest:
        plan.target_speed = target
