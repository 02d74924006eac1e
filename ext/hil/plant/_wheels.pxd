# Whether wheels roll or slide under their brakes, once an inner step: with ABS they stay at the peak of the grip, without it
# brakes beyond the peak stop them, and they stand until the brakes ask for less than the sliding tyre gives.
#
# Below the peak a wheel's slip follows its brake torque at once. Beyond it the curve falls and the wheel is a mass that speeds
# down (or up again): the one slow motion, integrated here as the share of the rolling speed that is lost. One slip an axle.
from libc.math cimport cos, fabs, fmax, fmin, sin
from hil.plant._data cimport *

cdef extern from *:
    """
    static const double PEAK_REACH = 3.0;       /* slip of the peak over that of a straight line to it, brush model */
    static const double LONGEST_RISE = 0.5;     /* of the slip */
    static const double SLOWEST_ROLL = 0.5;     /* m/s under which a wheel's slip is that of this speed */
    static const double LIGHTEST = 1.0;         /* kg at the tread: wheels told to weigh nothing turn at once all the same */
    """
    const double PEAK_REACH, LONGEST_RISE, SLOWEST_ROLL, LIGHTEST


cdef inline double peak_slip(const PlantParameters* parameters, double friction) noexcept nogil:
    return fmin(PEAK_REACH * parameters.grip_longitudinal * friction / parameters.slip_stiffness, LONGEST_RISE)


cdef inline double sliding_grip(const PlantParameters* parameters, double friction, double slip) noexcept nogil:
    """Share of the load that a tyre has beyond its peak, falling evenly to that of a locked wheel."""
    cdef double peak = peak_slip(parameters, friction)
    cdef double beyond = (slip - peak) / (1.0 - peak)
    return friction * (parameters.grip_longitudinal + beyond * (parameters.grip_sliding - parameters.grip_longitudinal))


cdef inline void grip(const PlantParameters* parameters, const PlantMemory* memory, double friction,
                      Acting* acting) noexcept nogil:
    """What the road gives to each axle's brakes."""
    cdef int k
    for k in range(parameters.axles):
        acting.wheel_slip[k] = memory.wheel_slip[k]
        if memory.wheel_slip[k] > 0.0:
            acting.sliding_grip[k] = sliding_grip(parameters, friction, memory.wheel_slip[k])
            acting.braking[k] = acting.sliding_grip[k] * memory.load[k]
        else:
            acting.braking[k] = fmin(acting.brake_force[k], parameters.grip_longitudinal * friction * memory.load[k])


cdef inline void spin(const PlantParameters* parameters, PlantMemory* memory, const Acting* acting, const Found* found,
                      double h) noexcept nogil:
    """Advances the slips. Torques about the hub are taken as forces at the tread."""
    cdef double friction = acting.road.friction
    cdef double peak = peak_slip(parameters, friction)
    cdef double wheel_mass = parameters.wheel_inertia / (parameters.axles * parameters.wheel_radius * parameters.wheel_radius)
    cdef const double* x = memory.state
    cdef double speed, slip
    cdef int k
    if wheel_mass < LIGHTEST:
        wheel_mass = LIGHTEST
    for k in range(parameters.axles):
        memory.load[k] = found.load[k]
        slip = memory.wheel_slip[k]
        if parameters.linear or parameters.antilock[0 if k < parameters.tractor_axles else 1]:
            continue
        if slip > 0.0:
            speed = x[U] if k < parameters.tractor_axles else \
                x[U] * cos(x[ARTICULATION]) + (x[V] - parameters.hitch * x[R]) * sin(x[ARTICULATION])
            speed = fmax(fabs(speed), SLOWEST_ROLL)
            slip += h * (acting.brake_force[k] - fabs(found.longitudinal_force[k])) / (wheel_mass * speed)
            memory.wheel_slip[k] = 0.0 if slip < peak else fmin(slip, 1.0)
        elif acting.brake_force[k] > parameters.grip_longitudinal * friction * found.load[k]:
            memory.wheel_slip[k] = peak
