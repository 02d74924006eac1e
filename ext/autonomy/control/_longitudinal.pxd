# Longitudinal control: the plan's acceleration, an integral on the speed while nothing else limits it, bounded jerk.
from libc.math cimport fabs
from autonomy.msg.messages cimport Control, LongitudinalParameters, Plan
from autonomy.control._control cimport ControlMemory

cdef enum:
    ACTIVE = 1
    MINIMAL_RISK = 2
    KEEP_LANE = 1


cdef inline void drive(ControlMemory* memory, const LongitudinalParameters* parameters, const Plan* plan, double speed,
                       double dt, Control* control) noexcept nogil:
    cdef bint active = memory.sent_mode == ACTIVE or memory.sent_mode == MINIMAL_RISK
    cdef double last = memory.sent_acceleration if active else memory.acceleration
    cdef double wanted, jerk_down = parameters.jerk_down
    control.speed_error = plan.target_speed - speed
    # The integral learns grade and drag: only while the loop is closed, on speed alone, near the target, unlimited
    if not active:
        memory.integral = 0.0
    elif plan.behaviour == KEEP_LANE and fabs(control.speed_error) < parameters.integral_error_maximum \
            and fabs(memory.sent_acceleration - memory.acceleration) < 1e-3:
        memory.integral += parameters.integral_gain * control.speed_error * dt
        if memory.integral > parameters.integral_maximum:
            memory.integral = parameters.integral_maximum
        elif memory.integral < -parameters.integral_maximum:
            memory.integral = -parameters.integral_maximum
    wanted = plan.target_acceleration + (memory.integral if plan.behaviour == KEEP_LANE else 0.0)
    if wanted > parameters.acceleration_maximum:
        wanted = parameters.acceleration_maximum
    if wanted < -parameters.deceleration_maximum:
        wanted = -parameters.deceleration_maximum
    if wanted < -parameters.emergency_deceleration:
        jerk_down = parameters.jerk_emergency
    if wanted > last + parameters.jerk_up * dt:
        wanted = last + parameters.jerk_up * dt
    elif wanted < last - jerk_down * dt:
        wanted = last - jerk_down * dt
    control.acceleration = wanted
    control.jerk = (wanted - last) / dt if dt > 0.0 else 0.0
    control.longitudinal_active = 1
    memory.acceleration = wanted
