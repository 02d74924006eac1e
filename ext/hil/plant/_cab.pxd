# The cab on its springs against the frame: one mode in pitch, one in roll, driven by the frame's specific force.
from hil.plant._data cimport PlantParameters


cdef inline double cab_acceleration(double frequency, double damping, double angle, double rate, double rest) noexcept nogil:
    """rad/s2 towards the angle `rest` that the specific force holds in the long run."""
    return frequency * frequency * (rest - angle) - 2.0 * damping * frequency * rate
