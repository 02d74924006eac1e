# Longitudinal control: the plan's acceleration with bounded jerk, less what acts on the truck without being asked for.
from libc.math cimport isfinite
from libc.stdint cimport uint8_t
from autonomy.msg.messages cimport Actuation, Control, LongitudinalParameters, Plan
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    static const double LED_FROM = 1.8;      /* m/s2, positive: where firm braking begins [D] */
    static const double LED_WHOLLY = 2.6;    /* before a hard brake [D] */
    """
    const double LED_FROM, LED_WHOLLY

cdef enum:
    ACTIVE = 1
    MINIMAL_RISK = 2
    FULL = 2

ctypedef struct LongitudinalMemory:
    double wanted                # m/s2, jerk-limited, last tick
    double asked                 # m/s2, wanted less the disturbance, last tick
    double sent                  # m/s2, what the envelope made of it
    double expected              # m/s2, what the actuators were expected to give
    double speed                 # m/s, predicted from it
    double disturbance           # m/s2
    uint8_t sent_mode
    uint8_t observes             # speed holds a prediction
    uint8_t[6] padding


cdef inline void longitudinal_remember(LongitudinalMemory* memory, const Actuation* actuation) noexcept nogil:
    memory.sent = actuation.acceleration_mps2 if isfinite(actuation.acceleration_mps2) else 0.0
    memory.expected = actuation.expected_acceleration_mps2 if isfinite(actuation.expected_acceleration_mps2) else 0.0
    memory.sent_mode = actuation.mode


cdef inline void observe(LongitudinalMemory* memory, const LongitudinalParameters* parameters, double speed,
                         double dt) noexcept nogil:
    """The acceleration beside the expected one: a second-order observer on the speed, both poles at disturbance_rate.

    It finds what grade, mass, wind and tyres are wrong by, however the truck is driven, and does not wind up: at the
    limit of the engine the expected acceleration is that limit's.
    """
    cdef double rate = parameters.disturbance_rate, innovation
    if speed < parameters.disturbance_speed_mps:
        memory.observes = 0
        return
    if not memory.observes:
        memory.speed = speed
        memory.observes = 1
        return
    memory.speed += (memory.expected + memory.disturbance) * dt
    innovation = speed - memory.speed
    memory.speed += 2.0 * rate * dt * innovation
    memory.disturbance = clipped(memory.disturbance + rate * rate * dt * innovation,
                                 -parameters.disturbance_maximum, parameters.disturbance_maximum)


cdef inline double led(double wanted, double expected, double most) noexcept nogil:
    """m/s2, asked for on top, not above 0: what the brakes do not give yet, so that they come in half of their lag.

    Only of firm braking: there what comes late must be made up harder. Never beyond `most`, m/s2, positive.
    """
    cdef double share = clipped((-wanted - LED_FROM) / (LED_WHOLLY - LED_FROM), 0.0, 1.0)
    cdef double room = -most - wanted if -most < wanted else 0.0
    return clipped(share * (wanted - expected), room if room > -1.0 else -1.0, 0.0)


cdef inline void drive(LongitudinalMemory* memory, const LongitudinalParameters* parameters, const Plan* plan, double speed,
                       double dt, Control* control) noexcept nogil:
    cdef bint active = memory.sent_mode == ACTIVE or memory.sent_mode == MINIMAL_RISK
    # What the envelope cut off was not driven: the limit on the jerk goes on from what was
    cdef double last = memory.wanted + memory.sent - memory.asked if active else memory.wanted
    cdef double wanted = plan.target_acceleration, up = parameters.jerk_up, down = parameters.jerk_down
    cdef double most = parameters.emergency_deceleration if plan.emergency == FULL else parameters.deceleration_maximum
    control.speed_error = plan.target_speed - speed
    if active:
        observe(memory, parameters, speed, dt)
    else:
        memory.disturbance = 0.0
        memory.observes = 0
    wanted = clipped(wanted, -most, parameters.acceleration_maximum)
    if plan.emergency == FULL:
        down = parameters.jerk_emergency
    else:
        down = (last - wanted) / parameters.ramp_time_s
        if down > plan.braking_jerk:
            down = plan.braking_jerk
        if down < parameters.jerk_down:
            down = parameters.jerk_down
    if last < -parameters.release_deceleration:
        up = clipped((wanted - last) / parameters.release_time_s, parameters.jerk_release, parameters.jerk_release_maximum)
    if speed < parameters.disturbance_speed_mps and last >= 0.0:
        up = parameters.jerk_start
    wanted = clipped(wanted, last - down * dt, last + up * dt)
    control.disturbance = memory.disturbance
    control.acceleration = wanted - memory.disturbance
    if active:
        control.acceleration += led(wanted, memory.expected + memory.disturbance, most)
    if plan.emergency and control.acceleration > wanted:
        control.acceleration = wanted
    control.jerk = (wanted - last) / dt if dt > 0.0 else 0.0
    control.coast_margin = plan.coast_margin if plan.emergency == 0 else 0.0
    control.roll = plan.roll if plan.emergency == 0 else 0
    control.longitudinal_active = 1
    memory.wanted = wanted
    memory.asked = control.acceleration
