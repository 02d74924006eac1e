# The speed that heat allows on the descent here: what the slope feeds in against what engine brake and retarder take away, and
# what retarder and brakes still store. What lies ahead is the cruise plan's: autonomy/planning/descent.py; where no map tells it,
# a slope that steepens is taken to go on doing so. Twin: plan_twin.py.
from libc.math cimport fmin, sqrt
from libc.stdint cimport int64_t
from autonomy._axle_loads cimport driven_most
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport (
    FaultState, PlanParameters, TruckState, VehicleParameters, FaultRow_UNUSABLE_ENGINE, FaultRow_UNUSABLE_RETARDER)
from autonomy.planning._braking cimport least_slope, stop_heat

cdef enum:
    HALVINGS = 14                # 25 m/s to 2 mm/s
    STEPS_AHEAD = 12

cdef extern from *:
    """
    static const double STEP_AHEAD_M = 10.0;  /* 120 m: from 80 to 70 km/h gently [D] */
    static const double STEEPENING_M = 30.0;  /* over which a slope is compared with itself [D] */
    static const double SLOPE_NOISE = 0.001;  /* rad: 1.5 sigma of the grade less its mean over that way [C] */
    """
    const double STEP_AHEAD_M, STEEPENING_M, SLOPE_NOISE

# The slope on the way here
ctypedef struct SlopeMemory:
    double behind                # rad, low-passed over STEEPENING_M
    int64_t known


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
    cdef double driven = driven_most(vehicle, truck, truck.mass_high_kg), engine = 0.0, retarder = 0.0
    if spare < 0.0:
        return False
    if air > 0.0:
        pushing -= 0.5 * AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 * air * air
    if not faults.unusable & FaultRow_UNUSABLE_ENGINE:
        engine = fmin(parameters.engine_brake_power_w / speed, driven)
    pushing -= spare / (parameters.brake_heat_time_s * speed)
    if retarder_usable(vehicle, faults):
        retarder = (truck.retarder_cooled_w + truck.retarder_heat_left_j / parameters.retarder_heat_time_s) / speed
        retarder = fmin(retarder, vehicle.retarder_torque_maximum_nm * vehicle.driveline_ratio / vehicle.wheel_radius_m)
    return pushing <= fmin(engine + retarder, driven)


cdef inline double slope_here(SlopeMemory* memory, const TruckState* truck, double way, double* rate) noexcept nogil:
    """rad after another `way` m, of the last STEEPENING_M; where it falls off by more than noise, with `rate` in rad per m.

    The speed that heat allows on 6 % changes by 8 km/h with 0.1 % of slope: noise must not be driven.
    """
    cdef double share = way / (STEEPENING_M + way) if way > 0.0 else 0.0, steeper
    if not memory.known:
        memory.behind = truck.grade
        memory.known = 1
    memory.behind += share * (truck.grade - memory.behind)
    steeper = truck.grade - memory.behind + SLOPE_NOISE
    if steeper > 0.0:
        steeper = 0.0
    rate[0] = steeper / STEEPENING_M
    return memory.behind + steeper


cdef inline double steady_speed(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
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


cdef inline double descent_speed(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                                 const FaultState* faults, double rate, double* falling) noexcept nogil:
    """m/s that the slope here allows, and the one ahead should it go on changing by `rate` rad per m, with the way to slow down
    for it; `falling`: m/s2, positive, at which the speed allowed falls on that way."""
    cdef double lowest = steady_speed(parameters, vehicle, truck, faults), steepest, speed
    cdef TruckState there
    cdef int i
    falling[0] = 0.0
    if not rate < 0.0 or not truck.grade < 0.0:
        return lowest
    there = truck[0]
    steepest = -parameters.descent_steepest if truck.grade > -parameters.descent_steepest else truck.grade
    for i in range(1, STEPS_AHEAD + 1):
        there.grade = truck.grade + i * STEP_AHEAD_M * rate
        if there.grade < steepest:
            there.grade = steepest
        speed = steady_speed(parameters, vehicle, &there, faults)
        if speed < parameters.speed_maximum:
            speed = sqrt(speed * speed + 2.0 * parameters.descent_deceleration * i * STEP_AHEAD_M)
        if speed < lowest:
            lowest = speed
            falling[0] = parameters.descent_deceleration
        if there.grade == steepest:
            break
    return lowest


cdef inline bint must_stop(const PlanParameters* parameters, const VehicleParameters* vehicle, const TruckState* truck,
                           const FaultState* faults, double speed) noexcept nogil:
    """Downhill without retarder: before the brakes could no longer stop the truck."""
    return descends(parameters, truck) and not retarder_usable(vehicle, faults) \
        and truck.brake_heat_left_j < parameters.stop_heat_reserve * stop_heat(parameters, truck, speed)
