# The plain cruise control that the predictive one is compared with: it drives what was driven and the road ahead, and its time
# is the measure. What the truck is late by, and will be by its plan, makes time dearer; what stays, dearer for good.
from libc.math cimport exp, fmax, fmin, isfinite, sin, sqrt
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport CruiseHorizon, CruisePlan, CruisePlan_STEP_M
from autonomy.planning._cruise_step cimport GEARS, Model, full_force, kept_gear, overrun_force

cdef enum:
    PARTS = 5                    # of a step of the horizon: it holds its speed too firmly for a whole one

cdef extern from *:
    """
    static const double REFERENCE_GAIN = 0.4;    /* 1/s of a plain cruise control [M] */
    static const double SLOWER = 0.5;            /* m/s from one plan to the next, where a limit falls at once [D] */
    """
    const double REFERENCE_GAIN, SLOWER


cdef inline double plain_speed(const Model* model, double speed, double set_speed, double ceiling, double pull,
                               double distance) noexcept nogil:
    """m/s after so many metres. It shifts down on climbs as the truck would, and never leaves its gears."""
    cdef double energy = 0.5 * speed * speed, resisting = model.mass * (pull + model.air * energy), force
    cdef int gear = kept_gear(model, speed, 0)
    force = full_force(model, speed, model.crank[gear])
    if gear < GEARS - 1 and speed * model.crank[gear + 1] < model.p.shift_up_radps:
        force = fmax(force, full_force(model, speed, model.crank[gear + 1]))
    force = fmin(resisting + model.inert * REFERENCE_GAIN * (fmin(set_speed, ceiling) - speed), force)
    force = fmax(force, overrun_force(model, speed, model.crank[gear]))
    energy += (force - resisting) * model.per_inert * distance
    energy = fmax(energy, 0.5 * model.p.slowest_mps * model.p.slowest_mps)
    return fmin(sqrt(2.0 * energy), fmax(ceiling, speed - SLOWER))


cdef inline void compare_time(const Model* model, const CruiseHorizon* horizon, CruisePlan* plan) noexcept nogil:
    """Lets a plain cruise control drive what was driven since, and counts by how much it was earlier."""
    cdef double before = horizon.reference_speed, late
    plan.time_behind_s = horizon.time_behind_s
    plan.late_exponent = horizon.late_exponent
    if horizon.paused or not before > model.p.slowest_mps:
        plan.reference_speed = horizon.set_speed if not before > model.p.slowest_mps and not horizon.paused else horizon.speed
        return
    plan.reference_speed = plain_speed(model, before, horizon.set_speed, plan.ceiling[0], model.rolling
                                       + (STANDARD_GRAVITY_MPS2 * sin(horizon.grade[0]) if isfinite(horizon.grade[0]) else 0.0),
                                       horizon.travelled_m)
    plan.time_behind_s += horizon.elapsed_s - 2.0 * horizon.travelled_m / (before + plan.reference_speed)
    late = plan.time_behind_s + horizon.planned_later_s
    plan.late_exponent += model.p.time_integral_gain * late * horizon.elapsed_s
    plan.late_exponent = fmax(-model.p.price_exponent_limit, fmin(model.p.price_exponent_limit, plan.late_exponent))


cdef inline double dearer(const Model* model, const CruiseHorizon* horizon, const CruisePlan* plan) noexcept nogil:
    """By what factor the price of time is above that of the level."""
    cdef double exponent = plan.late_exponent + model.p.time_gain * (plan.time_behind_s + horizon.planned_later_s)
    return exp(fmax(-model.p.price_exponent_limit, fmin(model.p.price_exponent_limit, exponent)))


cdef inline double plain_time(const Model* model, const CruisePlan* plan, double set_speed, const double* pull,
                              int steps) noexcept nogil:
    """s that the plain cruise control takes over the horizon."""
    cdef double speed = plan.reference_speed, before, total = 0.0, distance = CruisePlan_STEP_M / PARTS
    cdef int k, part
    for k in range(steps):
        for part in range(PARTS):
            before = speed
            speed = plain_speed(model, before, set_speed, plan.ceiling[k + 1], pull[k], distance)
            total += 2.0 * distance / (before + speed)
    return total
