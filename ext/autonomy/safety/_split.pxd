# One acceleration into engine, engine brake, retarder and foundation brake by the force balance of the whole combination.
#
# The slow ones are asked as early as their lag is long, the foundation brake fills what they do not give yet: what each
# gives is followed by a model of first order. The gear is known from engine and road speed where the bus tells both.
from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, sin
from libc.stdint cimport uint8_t, uint32_t
from autonomy._axle_loads cimport driven_most
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport (
    Actuation, InputFrame, LongitudinalParameters, TruckParameters, TruckState, VehicleParameters, FaultRow_UNUSABLE_ENGINE,
    FaultRow_UNUSABLE_RETARDER, SignalSample_ENGINE_SPEED)
from autonomy.linalg._scalar cimport behind_lag, clipped
from autonomy.safety._upshift cimport UpshiftMemory, before_upshift, upshift_begins, upshift_ended

cdef extern from *:
    """
    #define RATE_LAG_S 0.15          /* half of the quickest lag that is led */
    #define ROTATING_LAG_S 0.5       /* an engine that the clutch has just taken along is counted without a jolt [D] */
    #define GRADE_PER_M 0.01         /* rad/m: radius 100 m, as tight as crests and dips are outside of yards [M] */
    #define GRADE_RATE 0.002         /* rad/s, by which an estimate may change beside: below 1 m/s it is another one [D] */
    """
    const double RATE_LAG_S, ROTATING_LAG_S, GRADE_PER_M, GRADE_RATE

ctypedef struct SplitMemory:
    double engine                # N m at the crank, expected now; negative = engine brake
    double retarder              # N m as driveline_ratio sees it, expected now, not above 0
    double brake                 # m/s2, expected now, positive brakes
    double eased                 # m/s2, that the brakes follow
    double ratio                 # engine turns per wheel turn, 0 = never told
    double returned              # N m at the crank, that the engine may give again since it let its load off
    double grade                 # rad, as quickly as roads change theirs
    double held                  # m/s2, of the brakes in coming to a standstill
    double expected              # m/s2, by all of it now
    double rotating              # kg, what turns, as seen along the road
    UpshiftMemory upshift
    double rate                  # m/s3, of the acceleration to drive, low-passed
    double shift_s               # s the gearbox has been shifting for; 0 = a gear is engaged
    uint8_t returns              # the engine has not taken its load again yet
    uint8_t[7] padding


cdef inline void rest(SplitMemory* memory, const TruckState* truck) noexcept nogil:
    """The driver drives: what the actuators give is theirs."""
    memory.engine = memory.retarder = memory.brake = memory.eased = memory.rate = 0.0
    memory.returns = 0
    memory.grade = truck.grade
    memory.held = INFINITY


cdef inline bint shifting(const SplitMemory* memory) noexcept nogil:
    """Whether the engine is off the wheels; a gearbox that never tells the end is believed for 2 s [M]."""
    return 0.0 < memory.shift_s <= 2.0


cdef inline void learn_ratio(SplitMemory* memory, const LongitudinalParameters* parameters, const VehicleParameters* vehicle,
                             const InputFrame* frame, double speed) noexcept nogil:
    """From engine speed over wheel speed while both turn and a gear is engaged; between the highway gear and a crawler of 20
    times it. Standing, the gear driven last tells nothing: it is moved off in a low one."""
    cdef double ratio
    cdef uint32_t i
    if shifting(memory):
        upshift_begins(&memory.upshift, memory.ratio, memory.ratio * speed / vehicle.wheel_radius_m)
        return
    if speed < parameters.standstill_mps:
        memory.ratio = 0.0
    for i in range(frame.signal.count):
        if frame.signal.items[i].signal != SignalSample_ENGINE_SPEED or frame.signal.items[i].validity != 0 or speed < 0.5 \
                or not frame.signal.items[i].value > parameters.engine_coupled_radps:
            continue
        ratio = frame.signal.items[i].value * vehicle.wheel_radius_m / speed
        if isfinite(ratio) and ratio > 0.5 * vehicle.driveline_ratio and ratio < 20.0 * vehicle.driveline_ratio:
            memory.ratio = ratio
            upshift_ended(&memory.upshift, parameters, ratio)


cdef inline void notice_shift(SplitMemory* memory, const InputFrame* frame, double dt) noexcept nogil:
    """As the gearbox tells."""
    cdef uint32_t i
    if memory.shift_s > 0.0:
        memory.shift_s += dt
    for i in range(frame.shaft.count):
        if frame.shaft.items[i].shift_in_progress == 1:
            if memory.shift_s == 0.0:
                memory.shift_s = dt
        else:
            memory.shift_s = 0.0


cdef inline double until_shift(const LongitudinalParameters* parameters, const VehicleParameters* vehicle, double ratio,
                               double speed, double acceleration) noexcept nogil:
    """s until the engine is so slow that the gearbox shifts down."""
    cdef double above = speed * ratio / vehicle.wheel_radius_m - parameters.engine_shift_down_radps
    cdef double falls = -acceleration * ratio / vehicle.wheel_radius_m
    return 1e3 if falls <= 1e-3 * above else (0.0 if above < 0.0 else above / falls)


cdef inline double likely_ratio(const VehicleParameters* vehicle, double speed) noexcept nogil:
    """Where no bus tells the engine's speed: a gearbox keeps it near 130 rad/s (1250 rpm), from a gear to move off on [M]."""
    cdef double lowest = 9.0 * vehicle.driveline_ratio
    cdef double ratio = 130.0 * vehicle.wheel_radius_m / speed if speed * lowest > 130.0 * vehicle.wheel_radius_m else lowest
    return ratio if ratio > vehicle.driveline_ratio else vehicle.driveline_ratio


cdef inline double road_grade(SplitMemory* memory, const TruckState* truck, double speed, double dt) noexcept nogil:
    """rad: the estimate, but no quicker than a road changes its grade. A truck that moves off would feel it jump."""
    cdef double step = (GRADE_PER_M * speed + GRADE_RATE) * dt
    memory.grade = clipped(truck.grade, memory.grade - step, memory.grade + step)
    return memory.grade


cdef inline double moved_mass(SplitMemory* memory, const TruckParameters* learned, const VehicleParameters* vehicle,
                              const TruckState* truck, double dt) noexcept nogil:
    """kg that an acceleration moves: the truck, its wheels, and the engine while a gear is engaged; in a low gear 8 t."""
    cdef double inertia = learned.wheel_inertia_kgm2 + learned.engine_inertia_kgm2 * memory.ratio * memory.ratio
    if not shifting(memory):
        memory.rotating = behind_lag(memory.rotating, inertia / (vehicle.wheel_radius_m * vehicle.wheel_radius_m),
                                     ROTATING_LAG_S, dt)
    return truck.mass_kg + memory.rotating


cdef inline double driven_here(const VehicleParameters* vehicle, const TruckState* truck) noexcept nogil:
    """N, as `driven_most` of a truck as light as it may be, but no lighter than it is without load."""
    cdef double empty = vehicle.tractor_mass_kg + (vehicle.trailer_tare_mass_kg if vehicle.has_trailer else 0.0)
    return driven_most(vehicle, truck, fmin(fmax(truck.mass_low_kg, empty), truck.mass_kg))


cdef inline void split(SplitMemory* memory, const LongitudinalParameters* parameters, const TruckParameters* learned,
                       const VehicleParameters* vehicle, const TruckState* truck, uint8_t unusable, double speed,
                       double acceleration, double before, double margin, bint roll, double disturbance, double dt,
                       Actuation* actuation) noexcept nogil:
    """`acceleration` is to be driven now, `before` was the tick before; brakes are used beyond acceleration + margin only.

    `disturbance`, m/s2, acts beside what is expected of the actuators: what is driven is more by that.
    """
    cdef double drag = 0.5 * AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 * speed * speed
    cdef double rolling = vehicle.rolling_resistance * truck.mass_kg * STANDARD_GRAVITY_MPS2 if speed > 0.1 else 0.0
    cdef double slope = STANDARD_GRAVITY_MPS2 * sin(road_grade(memory, truck, speed, dt))
    cdef double resistance = truck.mass_kg * slope + drag + rolling
    cdef double ratio = memory.ratio if memory.ratio > 0.0 else likely_ratio(vehicle, speed)
    cdef double per_crank = ratio / vehicle.wheel_radius_m                          # N per N m of the engine
    cdef double per_retarder = vehicle.driveline_ratio / vehicle.wheel_radius_m    # its shaft does not see the gear
    cdef double moved = moved_mass(memory, learned, vehicle, truck, dt)
    cdef double force = moved * acceleration + resistance
    cdef double engine = 0.0, rate, retarder = 0.0, brake = 0.0, overrun = 0.0, most, early, share, lacking, step, braked, eased
    cdef double driven = driven_here(vehicle, truck)
    cdef double retarder_most = 0.0 if unusable & FaultRow_UNUSABLE_RETARDER else vehicle.retarder_torque_maximum_nm
    # No more than it takes before it is cut back by itself: the engine brake comes first, then the brakes
    cdef double cooled = (truck.retarder_cooled_w + truck.retarder_heat_left_j / parameters.retarder_reserve_s) \
        / (speed * per_retarder if speed > 1.0 else per_retarder)
    cdef bint has_engine = not unusable & FaultRow_UNUSABLE_ENGINE
    cdef bint held = speed < parameters.standstill_mps and acceleration <= 0.0
    # A plan that trembles by a tenth of its jerk would make the retarder tremble by thousands of N m
    memory.rate = behind_lag(memory.rate, (acceleration - before) / dt if dt > 0.0 else 0.0, RATE_LAG_S, dt)
    rate = memory.rate
    # One begins where the other's lag has ended: without that both change at once, with twice the jerk. Not where it is urgent
    share = parameters.brake_handover_s * clipped(2.25 + rate / parameters.jerk_down, 0.0, 1.0)
    memory.eased = acceleration if speed < parameters.standstill_mps else behind_lag(memory.eased, acceleration, share, dt)
    braked = moved * (memory.eased + margin) + resistance
    # Out of gear nothing but the retarder and the brakes acts; into gear again as after a shift
    actuation.roll = roll and not held and braked >= 0.0
    if cooled < retarder_most:
        retarder_most = cooled
    if held:
        # They come in before it stands, too gently to be felt; on an ascent the engine carries it until they do
        brake = parameters.standstill_hold + fmax(fabs(slope), STANDARD_GRAVITY_MPS2 * fabs(sin(truck.grade)))
        memory.held += parameters.jerk_down * dt
        if memory.brake < slope and not shifting(memory) and has_engine:
            engine = clipped((force + truck.mass_kg * memory.brake) / per_crank, 0.0, truck.mass_kg * slope / per_crank)
        elif memory.held < slope:
            memory.held = INFINITY
        brake = brake if brake < memory.held else memory.held
    else:
        most = vehicle.engine_torque_maximum_nm if has_engine else 0.0
        if most * speed * per_crank > parameters.engine_power_maximum_w:
            most = parameters.engine_power_maximum_w / (speed * per_crank)
        # Turned by the wheels it takes no fuel: that comes before any brake
        if memory.ratio > 0.0 and speed * per_crank > parameters.engine_coupled_radps:
            overrun = parameters.engine_drag_torque_nm + parameters.engine_drag_torque_per_speed * speed * per_crank
        engine = clipped((force if force < braked else braked) / per_crank, -overrun, most)
        if braked < 0.0:
            # As far ahead as its lag is long, towards more braking only. The retarder first: no gear shift interrupts it.
            # Over the last 2 m/s [D] both are faded out, so that the foundation brake takes over without a jolt
            share = clipped(0.5 * (speed - vehicle.retarder_minimum_speed_mps), 0.0, 1.0)
            if share > 0.0:
                early = braked + clipped(moved * rate * parameters.retarder_lag_s, -moved, 0.0)
                most = fmin(share * retarder_most, fmax(driven + engine * per_crank, 0.0) / per_retarder)
                retarder = clipped((early - engine * per_crank) / per_retarder, -most, 0.0)
                early = braked + clipped(moved * rate * parameters.engine_brake_lag_s, -moved, 0.0)
                # Handed over before a gear shift would interrupt it
                if memory.ratio > 0.0:
                    share *= clipped(until_shift(parameters, vehicle, ratio, speed, acceleration)
                                    / parameters.engine_shift_foresight_s - 1.0, 0.0, 1.0)
                most = share * parameters.engine_brake_torque_maximum_nm if has_engine else 0.0
                most = fmin(most, fmax(driven + engine * per_crank + retarder * per_retarder, 0.0) / per_crank)
                engine += clipped((early - retarder * per_retarder) / per_crank - engine, -most, 0.0)
        eased = (moved * (before_upshift(&memory.upshift, parameters, vehicle, memory.ratio, speed, memory.expected + disturbance,
                                         dt) - disturbance) + resistance) / per_crank
        if shifting(memory) or actuation.roll:
            engine = memory.engine = memory.returned = 0.0
            memory.returns = 1
        elif memory.returns:
            # Into its load again without a jolt
            step = fabs(engine) / parameters.engine_return_s
            if step < moved * parameters.jerk_up / per_crank:
                step = moved * parameters.jerk_up / per_crank
            memory.returned += step * dt
            if memory.returned >= fabs(engine):
                memory.returns = 0
            engine = clipped(engine, -memory.returned, memory.returned)
        if engine > 0.0 and engine > eased:
            engine = memory.returned = eased if eased > 0.0 else 0.0
            memory.returns = 1
    memory.engine = behind_lag(memory.engine, engine, parameters.engine_lag_s if engine > 0.0 or memory.engine > 0.0
                            else parameters.engine_brake_lag_s, dt)
    memory.retarder = behind_lag(memory.retarder, retarder, parameters.retarder_lag_s, dt)
    if not held:
        # The foundation brake is let off at once: it is the slowest to go
        lacking = (memory.engine * per_crank + memory.retarder * per_retarder
                   - (braked if braked > force else force)) / truck.mass_kg
        if braked < 0.0 and lacking > 0.0:
            brake = lacking
            if lacking < 2.0 * parameters.brake_fill_minimum \
                    and engine * per_crank + retarder * per_retarder <= braked + 0.001 * truck.mass_kg:
                brake = clipped(2.0 * (lacking - parameters.brake_fill_minimum), 0.0, lacking)
        elif speed < parameters.standstill_mps and lacking < 0.0 and slope > 0.0:
            # Moving off uphill: held until the engine carries the truck
            brake = clipped(-lacking, 0.0, slope)
    if not held:
        memory.held = brake
    memory.brake = behind_lag(memory.brake, brake, parameters.brake_lag_s, dt)
    actuation.engine_torque_nm = engine
    actuation.retarder_torque_nm = retarder
    actuation.brake_deceleration_mps2 = brake
    memory.expected = (memory.engine * per_crank + memory.retarder * per_retarder - resistance
                       - truck.mass_kg * memory.brake) / moved
    actuation.expected_acceleration_mps2 = memory.expected
    if speed < parameters.standstill_mps and actuation.expected_acceleration_mps2 < 0.0:
        actuation.expected_acceleration_mps2 = 0.0
