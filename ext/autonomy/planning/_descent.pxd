# The speed that heat allows on the descent here: what the slope feeds in against what engine brake and retarder take away, and
# what retarder and brakes still store. What lies ahead is the cruise plan's: autonomy/planning/descent.py. Twin: plan_twin.py.
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport (
    FaultState, PlanParameters, TruckState, VehicleParameters, FaultRow_UNUSABLE_ENGINE, FaultRow_UNUSABLE_RETARDER)
from autonomy.planning._braking cimport least_slope, stop_heat

cdef enum:
    HALVINGS = 14                # 25 m/s to 2 mm/s


cdef inline bint descends(const PlanParameters* parameters, const TruckState* truck) noexcept nogil:
    return truck.grade < -parameters.descent_grade


cdef inline bint retarder_usable(const VehicleParameters* vehicle, const FaultState* faults) noexcept nogil:
    return vehicle.retarder_torque_maximum_nm > 0.0 and not faults.unusable & FaultRow_UNUSABLE_RETARDER


cdef inline bint heat_fits(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                           const FaultState* faults, double speed) noexcept nogil:
    """Whether this speed can be held: force and heat of what brakes, with enough of the brakes left for stops."""
    cdef double pushing = -truck.mass_high_kg * (least_slope(parameters, truck)
                                                 + STANDARD_GRAVITY_MPS2 * vehicle.rolling_resistance)
    cdef double spare = truck.brake_heat_left_j - parameters.stop_heat_reserve * stop_heat(parameters, truck, speed)
    cdef double air = speed + truck.headwind_mps - parameters.headwind_doubt * truck.headwind_sigma_mps
    cdef double retarder = 0.0
    if spare < 0.0:
        return False
    if air > 0.0:
        pushing -= 0.5 * AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 * air * air
    if not faults.unusable & FaultRow_UNUSABLE_ENGINE:
        pushing -= parameters.engine_brake_power_w / speed
    pushing -= spare / (parameters.brake_heat_time_s * speed)
    if pushing <= 0.0:
        return True
    if retarder_usable(vehicle, faults):
        retarder = (truck.retarder_cooled_w + truck.retarder_heat_left_j / parameters.retarder_heat_time_s) / speed
        if retarder > vehicle.retarder_torque_maximum_nm * vehicle.driveline_ratio / vehicle.wheel_radius_m:
            retarder = vehicle.retarder_torque_maximum_nm * vehicle.driveline_ratio / vehicle.wheel_radius_m
    return pushing <= retarder


cdef inline double descent_speed(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                                 const FaultState* faults) noexcept nogil:
    """m/s, the highest that fits; speed_maximum where nothing limits it, descent_speed_minimum where none fits."""
    cdef double low = parameters.descent_speed_minimum, high = parameters.speed_maximum, middle
    cdef int i
    if not descends(parameters, truck) or heat_fits(parameters, vehicle, truck, faults, high):
        return high
    for i in range(HALVINGS):
        middle = 0.5 * (low + high)
        if heat_fits(parameters, vehicle, truck, faults, middle):
            low = middle
        else:
            high = middle
    return low


cdef inline bint must_stop(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                           const FaultState* faults, double speed) noexcept nogil:
    """Downhill without retarder: before the brakes could no longer stop the truck."""
    return descends(parameters, truck) and not retarder_usable(vehicle, faults) \
        and truck.brake_heat_left_j < parameters.stop_heat_reserve * stop_heat(parameters, truck, speed)
