# What the brakes give here and now for certain: load, heat, friction, slope and faults told, each at the worse end of what is
# known of it.
from libc.math cimport sin
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport (
    FaultState, PlanParameters, TruckState, VehicleParameters, FaultRow_FAULT_BRAKE_CIRCUIT_1, FaultRow_FAULT_BRAKE_CIRCUIT_2,
    FaultRow_FAULT_BRAKES_WEAK, FaultState_STATUS_TOLD)
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    static const double LEAST_DECELERATION = 0.3;       /* m/s2: beyond it distances are too long to plan with [D] */
    static const double WITHOUT_HEAT_LEFT = 0.5;        /* of the deceleration: brakes too hot for a stop still brake [D] */
    """
    const double LEAST_DECELERATION, WITHOUT_HEAT_LEFT

cdef enum:
    BRAKE_GROUPS = 3
    FAULT_ROWS = 24

ctypedef struct Braking:
    double deceleration          # m/s2, positive, of the truck on the road here
    double lead_deceleration     # m/s2, positive, the most that is expected of another on it
    double share                 # of the thresholds of the conflict law: 1 where full_deceleration is there


cdef inline double believed_friction(const PlanParameters* parameters, const TruckState* truck) noexcept nogil:
    """What was used lately was there; beyond it the estimate counts less its uncertainty, twice of it where something warns."""
    cdef double doubt = parameters.friction_doubt * (2.0 if truck.friction_warning else 1.0)
    cdef double friction = truck.friction - doubt * truck.friction_sigma
    return friction if friction > truck.friction_low else truck.friction_low


cdef inline double fade(const PlanParameters* parameters, const TruckState* truck) noexcept nogil:
    """Share that hot linings keep, of the hottest axle at two sigma."""
    cdef double hottest = 0.0, temperature, kept
    cdef int i
    for i in range(BRAKE_GROUPS):
        temperature = truck.brake_temperature_c[i] + 2.0 * truck.brake_temperature_sigma_c[i]
        if temperature > hottest:
            hottest = temperature
    kept = 1.0 - parameters.brake_fade_per_kelvin * (hottest - parameters.brake_fade_from_c)
    return clipped(kept, 0.4, 1.0)


cdef inline double force_left(const PlanParameters* parameters, const FaultState* faults) noexcept nogil:
    """Share of the brakes' force that the faults told of them leave."""
    cdef double left = 1.0
    cdef int i
    for i in range(FAULT_ROWS):
        if faults.status[i] >= FaultState_STATUS_TOLD and faults.fault[i] in (
                FaultRow_FAULT_BRAKE_CIRCUIT_1, FaultRow_FAULT_BRAKE_CIRCUIT_2, FaultRow_FAULT_BRAKES_WEAK):
            left *= parameters.brake_faulty_share
    return left


cdef inline double least_slope(const PlanParameters* parameters, const TruckState* truck) noexcept nogil:
    """m/s2 that the slope helps braking with, negative downhill, at its worse end."""
    return STANDARD_GRAVITY_MPS2 * sin(truck.grade - parameters.grade_doubt * truck.grade_sigma)


cdef inline double stop_heat(const PlanParameters* parameters, const TruckState* truck, double speed) noexcept nogil:
    """J that a comfortable stop with the foundation brakes alone puts into them, the slope's work included."""
    cdef double slope = least_slope(parameters, truck)
    cdef double way = 0.5 * speed * speed / parameters.fallback_deceleration
    return truck.mass_high_kg * (0.5 * speed * speed - (slope if slope < 0.0 else 0.0) * way)


cdef inline Braking brakes_now(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                               const FaultState* faults, double speed) noexcept nogil:
    """At most what the force of the brakes, as hot and as whole as they are, gives the heaviest it may be, and what its
    tyres find."""
    cdef Braking found
    cdef double by_force = parameters.emergency_deceleration * vehicle.loaded_mass_kg / truck.mass_high_kg \
        * fade(parameters, truck) * force_left(parameters, faults)
    cdef double by_tyres = parameters.brake_friction_share * STANDARD_GRAVITY_MPS2 * believed_friction(parameters, truck)
    cdef double heat = stop_heat(parameters, truck, speed), left
    cdef double most = by_force if by_force < by_tyres else by_tyres
    if truck.brake_heat_left_j < heat:
        left = truck.brake_heat_left_j / heat
        most *= WITHOUT_HEAT_LEFT + (1.0 - WITHOUT_HEAT_LEFT) * (left if left > 0.0 else 0.0)
    found.deceleration = most + least_slope(parameters, truck)
    if not found.deceleration > LEAST_DECELERATION:
        found.deceleration = LEAST_DECELERATION
    found.lead_deceleration = STANDARD_GRAVITY_MPS2 * (truck.friction + parameters.friction_doubt * truck.friction_sigma)
    if not found.lead_deceleration < parameters.fallback_lead_deceleration:
        found.lead_deceleration = parameters.fallback_lead_deceleration
    found.lead_deceleration += STANDARD_GRAVITY_MPS2 * sin(truck.grade)
    if not found.lead_deceleration > found.deceleration:
        found.lead_deceleration = found.deceleration
    found.share = found.deceleration / parameters.full_deceleration
    if found.share > 1.0:
        found.share = 1.0
    return found
