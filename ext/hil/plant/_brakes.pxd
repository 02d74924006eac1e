# Air brakes: each axle its share of the demanded deceleration, dead time, build-up and release; discs warm up and fade.
from libc.math cimport exp, fabs
from hil.plant._data cimport AXLES, PlantMemory, PlantParameters
from hil.plant._steering cimport delayed


cdef inline double brake_fade(const PlantParameters* parameters, double temperature) noexcept nogil:
    cdef double left = 1.0 - parameters.brake_fade_per_kelvin * (temperature - parameters.brake_fade_from)
    return 1.0 if left > 1.0 else (0.4 if left < 0.4 else left)


cdef inline void brake(const PlantParameters* parameters, PlantMemory* memory, double h, double* capable) noexcept nogil:
    """`capable` (axles,) N: what each axle can brake with now."""
    cdef double mass = parameters.mass[0] + parameters.mass[1]
    cdef double demand, target, lag
    cdef int unit, k
    for k in range(parameters.axles):
        unit = 0 if k < parameters.tractor_axles else 1
        demand = delayed(memory.brake_ring, memory.newest, parameters.brake_delay_s[unit] / h)
        if demand > parameters.brake_maximum:
            demand = parameters.brake_maximum
        target = demand * mass * parameters.brake_share[k]
        lag = parameters.brake_lag_s[unit] if target > memory.brake[k] else parameters.brake_release_lag_s[unit]
        memory.brake[k] += (target - memory.brake[k]) * (1.0 - exp(-h / lag))
        if memory.brake[k] < 1.0 and target == 0.0:
            memory.brake[k] = 0.0
        capable[k] = memory.brake[k] * brake_fade(parameters, memory.brake_temperature[k])


cdef inline void warm_brakes(const PlantParameters* parameters, PlantMemory* memory, const double* force, double speed,
                             double h) noexcept nogil:
    """`force` (axles,) N: what braked really. A locked wheel's disc stays cool: its tyre has the heat."""
    cdef double cooling = parameters.brake_cooling + parameters.brake_cooling_per_speed * fabs(speed)
    cdef int k
    for k in range(parameters.axles):
        memory.brake_temperature[k] += h / parameters.brake_heat_capacity * (
            force[k] * (1.0 - memory.wheel_slip[k]) * fabs(speed) - cooling * (memory.brake_temperature[k] - parameters.ambient))
