# Vertical axle loads and the roll moments that they can hold.
from hil.plant._data cimport PlantParameters


cdef inline void carry(const PlantParameters* parameters, double surge, const double* braking, double* load) noexcept nogil:
    """`load` (axles,) N: at rest, plus what braking and pulling shift through the fifth wheel.

    Each unit turns about the ground under its rear group; the trailer's own brakes relieve the fifth wheel.
    """
    cdef double trailer_length = parameters.trailer_group
    cdef double wheelbase = parameters.axle_x[0] - parameters.reference
    cdef double ahead = -parameters.hitch - parameters.reference      # fifth wheel before the rear group
    cdef double pull = parameters.mass[1] * surge
    cdef double kingpin, front, rest, total
    cdef int k
    for k in range(parameters.tractor_axles, parameters.axles):
        pull += braking[k]
    kingpin = (pull * parameters.hitch_height - parameters.mass[1] * surge * parameters.cg_height[1]) / trailer_length
    front = (kingpin * ahead - parameters.mass[0] * surge * parameters.cg_height[0] - pull * parameters.hitch_height) / wheelbase
    load[0] = parameters.axle_load[0] + front
    total = 0.0
    for k in range(1, parameters.tractor_axles):
        total += parameters.axle_load[k]
    rest = 1.0 + (kingpin - front) / total
    for k in range(1, parameters.tractor_axles):
        load[k] = parameters.axle_load[k] * rest
    total = 0.0
    for k in range(parameters.tractor_axles, parameters.axles):
        total += parameters.axle_load[k]
    rest = 1.0 - kingpin / total
    for k in range(parameters.tractor_axles, parameters.axles):
        load[k] = parameters.axle_load[k] * rest
    for k in range(parameters.axles):
        if load[k] < 0.0:
            load[k] = 0.0


cdef inline double roll_moment(const PlantParameters* parameters, int axle, double load, double roll, double rate) noexcept nogil:
    """N m with which an axle rights its unit; no more than one wheel on the ground can give."""
    cdef double moment = parameters.roll_stiffness[axle] * roll + parameters.roll_damping[axle] * rate
    cdef double most = 0.5 * load * parameters.track[axle]
    return most if moment > most else (-most if moment < -most else moment)
