# Steering actuator, once an inner step: dead time, lag, rate limit, stop, then play and offset between it and the wheels.
from libc.math cimport exp
from autonomy.linalg._scalar cimport behind_play, clipped
from hil.plant._data cimport PlantMemory, PlantParameters, RING


cdef inline double delayed(const double* ring, long newest, double steps) noexcept nogil:
    """The command of `steps` inner steps ago, linear between two."""
    cdef long whole = <long>steps
    cdef double part = steps - whole
    cdef double later = ring[(newest - whole) & (RING - 1)]
    return later + part * (ring[(newest - whole - 1) & (RING - 1)] - later)


cdef inline void steer(const PlantParameters* parameters, PlantMemory* memory, double h) noexcept nogil:
    """Leaves the wheels' rate over the coming inner step; the angle is advanced by it."""
    cdef double wanted = delayed(memory.steering_ring, memory.newest, parameters.steering_delay_s / h)
    cdef double share = 1.0 - exp(-h / parameters.steering_lag_s) if parameters.steering_lag_s > 0.0 else 1.0
    cdef double wheels
    wanted = clipped(wanted, -parameters.steering_limit, parameters.steering_limit)
    memory.actuator_angle += clipped(share * (wanted - memory.actuator_angle), -parameters.steering_rate * h,
                                     parameters.steering_rate * h)
    wheels = behind_play(memory.road_wheel_angle - parameters.steering_offset, memory.actuator_angle,
                         0.5 * parameters.steering_play)
    memory.road_wheel_rate = (wheels + parameters.steering_offset - memory.road_wheel_angle) / h
