# The plain cruise control that the predictive one is compared with: it drives what was driven, and its time is the measure.
from libc.math cimport fmax, fmin, isfinite, sin, sqrt
from autonomy.msg.messages cimport CruiseHorizon, CruisePlan
from autonomy.planning._cruise_step cimport GEARS, GRAVITY, Model, full_force, kept_gear, overrun_force

cdef extern from *:
    """
    static const double REFERENCE_GAIN = 0.4;    /* 1/s of a plain cruise control [M] */
    """
    const double REFERENCE_GAIN


cdef inline void compare_time(const Model* model, const CruiseHorizon* horizon, CruisePlan* plan) noexcept nogil:
    """Lets a plain cruise control drive what was driven since, and counts by how much it was earlier."""
    cdef double speed = horizon.reference_speed, wanted, resisting, force, energy, before
    cdef int gear
    plan.time_behind_s = horizon.time_behind_s
    if horizon.paused or not speed > model.p.slowest_mps:
        plan.reference_speed = horizon.set_speed if not speed > model.p.slowest_mps and not horizon.paused else horizon.speed
        return
    before = speed
    gear = kept_gear(model, speed, 0)
    energy = 0.5 * speed * speed
    resisting = GRAVITY * sin(horizon.grade[0]) if isfinite(horizon.grade[0]) else 0.0
    resisting = model.mass * (resisting + model.rolling + model.air * energy)
    wanted = REFERENCE_GAIN * (horizon.set_speed - speed)
    # It shifts down on climbs as the truck would
    force = full_force(model, speed, model.crank[gear])
    if gear < GEARS - 1 and speed * model.crank[gear + 1] < model.p.shift_up_radps:
        force = fmax(force, full_force(model, speed, model.crank[gear + 1]))
    force = fmax(fmin(resisting + model.inert * wanted, force), overrun_force(model, speed, model.crank[gear]))
    energy += (force - resisting) / model.inert * horizon.travelled_m
    speed = sqrt(2.0 * fmax(energy, 0.5 * model.p.slowest_mps * model.p.slowest_mps))
    speed = fmin(speed, fmax(horizon.set_speed + model.p.overspeed_mps, before - 0.5))
    plan.reference_speed = speed
    plan.time_behind_s += horizon.elapsed_s - 2.0 * horizon.travelled_m / (before + speed)
