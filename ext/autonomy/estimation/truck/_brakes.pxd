# Temperatures of retarder and brakes: heat in, less what the air takes, C T' = P - k (T - T_air). No truck measures them.
#
# The retarder's power is the torque it tells times the shaft's speed. The foundation brake's force is what the balance of
# forces lacks while it is on, whoever brakes; axles take part as they are loaded, as EBS shares it. The error of the power is one
# for the whole time (a scale), so a sigma is warmed and cooled by the same equation. Twin: brakes_twin.py.
from libc.math cimport fabs, isfinite
from libc.stdint cimport int64_t
from autonomy._axle_loads cimport GROUPS, axle_shares
from autonomy._physics cimport AIR_DENSITY_KGPM3
from autonomy.msg.messages cimport *
from autonomy.estimation.truck._mass cimport Drive

cdef extern from *:
    """
    static const double START_SIGMA_C = 10.0;   /* air, and what is left of an earlier drive */
    """
    const double START_SIGMA_C

ctypedef struct BrakesMemory:
    double retarder              # degrees C
    double retarder_sigma
    double[3] brake
    double[3] brake_sigma
    double force                 # N of the foundation brake


cdef inline void brakes_start(BrakesMemory* memory, const TruckParameters* parameters) noexcept nogil:
    cdef int i
    memory.retarder = parameters.ambient_c
    memory.retarder_sigma = START_SIGMA_C
    for i in range(GROUPS):
        memory.brake[i] = parameters.ambient_c
        memory.brake_sigma[i] = START_SIGMA_C
    memory.force = 0.0


cdef inline double warmed(double temperature, double air, double power, double capacity, double cooling,
                          double dt) noexcept nogil:
    return temperature + dt / capacity * (power - cooling * (temperature - air))


cdef inline double brake_force(const TruckParameters* parameters, const VehicleParameters* vehicle, const Drive* drive,
                               double mass, double resistance, double wind) noexcept nogil:
    """N that the balance of forces lacks."""
    cdef double air = drive.speed + wind
    cdef double drag = 0.5 * AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 * air * fabs(air)
    cdef double lacks = (drive.force if isfinite(drive.force) else 0.0) - drag \
        - mass * (drive.specific_force + resistance) - drive.rotating_mass * drive.acceleration
    return lacks if lacks > 0.0 else 0.0


cdef inline void brakes_step(BrakesMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                             const Drive* drive, const TruckState* truck, bint braking, double retarder_power,
                             double air, double dt) noexcept nogil:
    """`braking`: the foundation brake is on, or was within its release. `retarder_power` W, >= 0."""
    cdef double[3] share
    cdef double cooling, power, error
    cdef int i
    if not isfinite(air):
        air = parameters.ambient_c
    memory.retarder = warmed(memory.retarder, air, retarder_power, parameters.retarder_heat_capacity_jpk,
                             parameters.retarder_cooling_wpk, dt)
    memory.retarder_sigma = warmed(memory.retarder_sigma, 0.0, parameters.retarder_power_share * retarder_power,
                                   parameters.retarder_heat_capacity_jpk, parameters.retarder_cooling_wpk, dt)
    memory.force = 0.0
    if not isfinite(drive.speed):
        return
    if braking and isfinite(drive.specific_force) and isfinite(drive.acceleration):
        memory.force = brake_force(parameters, vehicle, drive, truck.mass_kg, truck.resistance_mps2, truck.headwind_mps)
    axle_shares(vehicle, truck.mass_kg, share)
    cooling = parameters.brake_cooling_wpk + parameters.brake_cooling_wspmk * fabs(drive.speed)
    error = parameters.brake_power_share + truck.mass_sigma_kg / truck.mass_kg
    for i in range(GROUPS):
        power = share[i] * memory.force * fabs(drive.speed)
        memory.brake[i] = warmed(memory.brake[i], air, power, parameters.brake_heat_capacity_jpk, cooling, dt)
        memory.brake_sigma[i] = warmed(memory.brake_sigma[i], 0.0, error * power, parameters.brake_heat_capacity_jpk, cooling, dt)


cdef inline double room(double limit, double temperature, double sigma, double capacity) noexcept nogil:
    cdef double left = limit - temperature - 2.0 * sigma
    return capacity * left if left > 0.0 else 0.0


cdef inline void brakes_tell(const BrakesMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle,
                             double air, TruckState* truck) noexcept nogil:
    cdef double[3] share
    cdef double left, least = -1.0
    cdef int i
    if not isfinite(air):
        air = parameters.ambient_c
    truck.retarder_temperature_c = memory.retarder
    truck.retarder_temperature_sigma_c = memory.retarder_sigma
    truck.retarder_heat_left_j = room(parameters.retarder_limit_c, memory.retarder, memory.retarder_sigma,
                                      parameters.retarder_heat_capacity_jpk)
    truck.retarder_cooled_w = room(parameters.retarder_limit_c, air, memory.retarder_sigma, parameters.retarder_cooling_wpk)
    axle_shares(vehicle, truck.mass_kg, share)
    for i in range(GROUPS):
        truck.brake_temperature_c[i] = memory.brake[i]
        truck.brake_temperature_sigma_c[i] = memory.brake_sigma[i]
        if share[i] > 0.01:
            left = room(parameters.brake_limit_c, memory.brake[i], memory.brake_sigma[i],
                        parameters.brake_heat_capacity_jpk) / share[i]
            if least < 0.0 or left < least:
                least = left
    truck.brake_heat_left_j = least if least > 0.0 else 0.0
