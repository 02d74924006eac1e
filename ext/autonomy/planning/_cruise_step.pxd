# What the truck can do over one step of the road, by engine, gears, slope and air, and what that costs.
from libc.math cimport fmax, fmin, sqrt
from libc.stdint cimport uint8_t
from autonomy._physics cimport AIR_DENSITY_KGPM3, STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport (
    CruiseHorizon, CruiseParameters, LongitudinalParameters, VehicleParameters,
    CruisePlan_DRIVE_FULL, CruisePlan_DRIVE_OVERRUN, CruisePlan_DRIVE_PART, CruisePlan_DRIVE_ROLL, CruisePlan_STEP_M)

cdef enum:
    GEARS = 4
    ROLLING = 4                  # out of gear, the place behind the gears
    CONTROLS = 10
    ROLL = 9

cdef extern from *:
    """
    /* m/s2, beside all and nothing: holding the speed, and gentle changes of it [D] */
    static const double WANTED[7] = {0.0, 0.012, -0.012, 0.035, -0.035, 0.09, -0.09};
    """
    const double[7] WANTED

ctypedef struct Model:
    double mass                  # kg
    double inert                 # kg, with what turns
    double per_inert
    double rolling               # m/s2
    double air                   # 1/m: m/s2 per J/kg
    double torque                # N m
    double power                 # W
    double drag
    double drag_per_speed
    double efficiency            # of the driveline
    double fuel_per_work         # kg/J in the cylinders
    double price                 # kg/s
    double lowest_speed          # m/s, of the band
    double[4] crank              # engine rad/s per m/s, which is N per N m as well
    double energy_low            # J/kg
    double energy_step
    const CruiseParameters* p

ctypedef struct Place:
    double energy                # J/kg
    double speed
    double resisting             # N
    double most                  # N at the wheels that the engine can give, and the least: without fuel
    double least
    double crank
    double next_most             # N that the next gear carries with a reserve
    double forced                # share of the step without traction, for a shift that the engine's speed forces
    double full_most             # N that the engine gives when all is asked, after the shift for it
    double full_lost
    int gear
    int full_gear
    int next_gear                # the same where the engine would be too slow in it
    int came_in
    bint may_roll                # out of gear: that costs little speed

ctypedef struct Step:
    double energy                # J/kg at its end
    double fuel                  # kg
    double time                  # s
    double cost                  # kg
    int gear
    uint8_t drive


cdef inline void prepare(Model* model, const CruiseParameters* p, const VehicleParameters* vehicle,
                  const LongitudinalParameters* longitudinal, const CruiseHorizon* horizon) noexcept nogil:
    cdef int g
    cdef double v = horizon.set_speed
    model.p = p
    model.mass = horizon.mass_kg
    model.inert = horizon.mass_kg + p.rotating_mass_kg
    model.per_inert = 1.0 / model.inert
    model.rolling = STANDARD_GRAVITY_MPS2 * vehicle.rolling_resistance
    model.air = AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 / horizon.mass_kg
    model.torque = vehicle.engine_torque_maximum_nm
    model.power = longitudinal.engine_power_maximum_w
    model.drag = longitudinal.engine_drag_torque_nm
    model.drag_per_speed = longitudinal.engine_drag_torque_per_speed
    model.efficiency = p.driveline_efficiency
    model.fuel_per_work = 1.0 / (p.indicated_efficiency * p.fuel_heat_j_per_kg)
    for g in range(GEARS):
        model.crank[g] = p.gear_ratio[g] * vehicle.driveline_ratio / vehicle.wheel_radius_m
    model.lowest_speed = v - p.band_below_mps
    # On the level the set speed is the cheapest at this price: the derivative of the fuel per metre times the speed squared
    model.price = v * v * model.fuel_per_work * (AIR_DENSITY_KGPM3 * vehicle.drag_area_m2 * v / p.driveline_efficiency
                                                 + model.drag_per_speed * model.crank[0] * model.crank[0])


cdef inline double full_force(const Model* model, double speed, double crank) noexcept nogil:
    """N at the wheels."""
    return fmin(model.torque * crank, model.power / speed) * model.efficiency


cdef inline double overrun_force(const Model* model, double speed, double crank) noexcept nogil:
    """N at the wheels, negative."""
    return -(model.drag + model.drag_per_speed * crank * speed) * crank / model.efficiency


cdef inline int kept_gear(const Model* model, double speed, int gear) noexcept nogil:
    """The gear after the shifts that the engine's speed forces."""
    while gear < GEARS - 1 and speed * model.crank[gear] < model.p.shift_down_radps:
        gear += 1
    while gear > 0 and speed * model.crank[gear] > model.p.shift_up_radps:
        gear -= 1
    return gear


cdef inline void stand(const Model* model, double energy, int gear, double pull, Place* place) noexcept nogil:
    """What the truck can do at this energy in this gear, or the one it must shift to."""
    cdef double work
    place.energy = energy
    place.speed = sqrt(2.0 * energy)
    place.gear = kept_gear(model, place.speed, 0 if gear == ROLLING else gear)
    place.crank = model.crank[place.gear]
    place.resisting = model.mass * (pull + model.air * energy)
    place.most = full_force(model, place.speed, place.crank)
    place.least = overrun_force(model, place.speed, place.crank)
    place.next_gear = place.gear - 1 if place.gear > 0 and place.speed * model.crank[place.gear - 1] > model.p.economy_radps \
        else place.gear
    place.next_most = model.p.economy_reserve * full_force(model, place.speed, model.crank[place.next_gear])
    place.forced = 0.0
    if place.gear != gear:
        place.forced = fmin(place.speed * model.p.shift_time_s / CruisePlan_STEP_M, 1.0)
    # An engine that gives all it has is given a lower gear, if that gives more
    place.full_gear = place.gear
    place.full_lost = 0.0
    if place.gear < GEARS - 1 and place.speed * model.crank[place.gear + 1] < model.p.shift_up_radps:
        work = full_force(model, place.speed, model.crank[place.gear + 1])
        if work > model.p.kickdown_gain * place.most:
            place.full_gear = place.gear + 1
            place.full_lost = fmin(place.speed * model.p.shift_time_s / CruisePlan_STEP_M, 1.0)
            place.full_most = work
    if place.full_gear == place.gear:
        place.full_most = place.most
        place.full_lost = place.forced
    place.came_in = gear
    place.may_roll = model.p.roll_deceleration > 0.0 and place.resisting < model.mass * model.p.roll_deceleration


cdef inline bint advance(const Model* model, const Place* place, int control, double ceiling, Step* step) noexcept nogil:
    """One step of the road; False when the control is none beside all and nothing."""
    cdef double force, acceleration, wanted, crank = place.crank, lost = place.forced, after, torque, speed
    step.gear = place.gear
    step.drive = CruisePlan_DRIVE_PART
    if control == 0:
        force = place.full_most
        step.gear = place.full_gear
        crank = model.crank[place.full_gear]
        lost = place.full_lost
        step.drive = CruisePlan_DRIVE_FULL
    elif control == 1:
        force = place.least
        step.drive = CruisePlan_DRIVE_OVERRUN
    elif control == ROLL:
        if not place.may_roll:
            return False
        force = 0.0
        step.gear = ROLLING
        step.drive = CruisePlan_DRIVE_ROLL
        lost = 0.0
    else:
        wanted = WANTED[control - 2]
        force = place.resisting + model.inert * wanted
        if force >= place.most or force <= place.least:
            return False
        if place.next_gear != place.gear and 0.0 < force < place.next_most:
            step.gear = place.next_gear
            crank = model.crank[place.next_gear]
            lost = fmin(place.speed * model.p.shift_time_s / CruisePlan_STEP_M, 1.0)
    step.fuel = 0.0
    if control == ROLL:
        step.fuel = model.p.idle_fuel_kg_per_s * CruisePlan_STEP_M / place.speed
    elif control != 1:
        torque = force / model.efficiency if force > 0.0 else force * model.efficiency
        step.fuel = (torque + (model.drag + model.drag_per_speed * place.speed * crank) * crank) * model.fuel_per_work \
            * CruisePlan_STEP_M * (1.0 - lost)
        if step.fuel < 0.0:
            step.fuel = 0.0
    acceleration = (force * (1.0 - lost) - place.resisting) * model.per_inert
    after = place.energy + acceleration * CruisePlan_STEP_M
    if after > ceiling:
        after = ceiling
        acceleration = 0.0
    if after < model.energy_low:
        after = model.energy_low
    step.energy = after
    speed = sqrt(2.0 * after)
    step.time = 2.0 * CruisePlan_STEP_M / (place.speed + speed)
    step.cost = step.fuel + model.price * step.time + model.p.acceleration_price * acceleration * acceleration * CruisePlan_STEP_M
    if step.gear != place.came_in:
        step.cost += model.p.shift_price
    if speed < model.lowest_speed:
        step.cost += model.p.low_speed_price * (model.lowest_speed - speed) * CruisePlan_STEP_M
    return True
