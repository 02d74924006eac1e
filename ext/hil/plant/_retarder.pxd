# Hydraulic retarder on the propeller shaft: torque and power limits, filling, heat that the cooling cannot carry away.
from libc.math cimport exp
from hil.plant._data cimport PlantMemory, PlantParameters


cdef inline double retarder_maximum(const PlantParameters* parameters, const PlantMemory* memory, double shaft) noexcept nogil:
    """N m, what it can hold at this shaft speed (rad/s) and temperature."""
    cdef double most = parameters.retarder_torque
    cdef double hot
    if shaft <= 0.0:
        return 0.0
    if shaft < parameters.retarder_speed:
        most *= shaft / parameters.retarder_speed
    if most * shaft > parameters.retarder_power:
        most = parameters.retarder_power / shaft
    hot = (memory.retarder_temperature - parameters.retarder_fade_from) \
        / (parameters.retarder_fade_to - parameters.retarder_fade_from)
    if hot > 0.0:
        most *= 1.0 - (1.0 - parameters.retarder_fade_share) * (hot if hot < 1.0 else 1.0)
    return most


cdef inline void retard(const PlantParameters* parameters, PlantMemory* memory, double demand, double shaft,
                        double h) noexcept nogil:
    """`demand` N m <= 0 at the shaft. Leaves memory.retarder <= 0."""
    cdef double most = retarder_maximum(parameters, memory, shaft)
    cdef double wanted = demand if demand < 0.0 else 0.0
    if wanted < -most:
        wanted = -most
    memory.retarder += (wanted - memory.retarder) * (1.0 - exp(-h / parameters.retarder_lag_s))
    if memory.retarder < -most:
        memory.retarder = -most
    memory.retarder_temperature += h / parameters.retarder_heat_capacity * (
        -memory.retarder * shaft - parameters.retarder_cooling * (memory.retarder_temperature - parameters.ambient))
