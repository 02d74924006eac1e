"""The speed over the next kilometres that costs least fuel at a price of time: dynamic programming in kinetic energy.

Backwards over the steps of the horizon the least cost to its end is found for every kinetic energy and gear of a grid, linear
between the energies (which leaves the speed free of steps: the force of a step is no difference of grid points). Forwards from
where the truck is, the best step is taken again. In each step the engine gives all, nothing, or what makes one of a few
accelerations, or the truck is out of gear and the engine idles; brakes only keep to the ceiling. Fuel is a Willans line: torque
in the cylinders over a constant efficiency, nothing below zero. The gearbox is followed, not commanded. Twin:
autonomy/planning/cruise_twin.py.
"""
import numpy as np
from libc.math cimport exp, fmax, fmin, isfinite, sin, sqrt
from libc.stdint cimport uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from autonomy.inputs._face cimport pointer
from autonomy.msg.messages cimport (
    LAYOUT_HASH, CruiseHorizon, CruiseParameters, CruisePlan, LongitudinalParameters, VehicleParameters,
    CruisePlan_DRIVE_FULL, CruisePlan_DRIVE_OVERRUN, CruisePlan_DRIVE_PART, CruisePlan_DRIVE_ROLL, CruisePlan_STEP_M)
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    POINTS = 64
    GEARS = 4
    ROLLING = 4                  # out of gear, the place behind the gears
    STATES = 5
    ENERGIES = 112
    CONTROLS = 10
    ROLL = 9
    UNKNOWN_GEAR = 255
    NOT_AVAILABLE = 1

cdef extern from *:
    """
    /* m/s2, beside all and nothing: holding the speed, and gentle changes of it [D] */
    static const double WANTED[7] = {0.0, 0.012, -0.012, 0.035, -0.035, 0.09, -0.09};
    static const double GRAVITY = 9.80665;       /* m/s2, CGPM 1901 */
    static const double AIR = 1.2;               /* kg/m3, 20 degrees C at sea level */
    static const double RANGE = 0.3;             /* m/s above the highest ceiling that the grid reaches [D] */
    static const double REFERENCE_GAIN = 0.4;    /* 1/s of a plain cruise control [M] */
    """
    const double[7] WANTED
    const double GRAVITY, AIR, RANGE, REFERENCE_GAIN

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
    bint may_roll                # out of gear: downhill

ctypedef struct Step:
    double energy                # J/kg at its end
    double fuel                  # kg
    double time                  # s
    double cost                  # kg
    int gear
    uint8_t drive

ctypedef struct Work:
    double[64][5][112] value     # kg to the end of the horizon
    int[64] first                # the energies that can be reached, by point
    int[64] last
    double[64] ceiling           # J/kg
    double[64] pull              # m/s2 of grade and rolling


cdef void prepare(Model* model, const CruiseParameters* p, const VehicleParameters* vehicle,
                  const LongitudinalParameters* longitudinal, const CruiseHorizon* horizon) noexcept nogil:
    cdef int g
    cdef double v = horizon.set_speed, behind
    model.p = p
    model.mass = horizon.mass_kg
    model.inert = horizon.mass_kg + p.rotating_mass_kg
    model.per_inert = 1.0 / model.inert
    model.rolling = GRAVITY * vehicle.rolling_resistance
    model.air = AIR * vehicle.drag_area_m2 / horizon.mass_kg
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
    model.price = v * v * model.fuel_per_work * (AIR * vehicle.drag_area_m2 * v / p.driveline_efficiency
                                                 + model.drag_per_speed * model.crank[0] * model.crank[0])
    behind = fmax(-p.time_limit_s, fmin(p.time_limit_s, horizon.time_behind_s))
    model.price *= exp(p.time_gain * behind)


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
    place.may_roll = model.p.roll_grade < 0.0 and pull < model.rolling + GRAVITY * model.p.roll_grade


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


cdef inline double value_at(const Model* model, const Work* work, int k, int gear, double energy) noexcept nogil:
    """kg to the end from point k, linear between the energies; beyond what was found reachable, by the line at its edge."""
    cdef double place = (energy - model.energy_low) / model.energy_step, part
    cdef int i = <int>place
    if i > work.last[k] - 1:
        i = work.last[k] - 1
    if i < work.first[k]:
        i = work.first[k]
    part = place - i
    return work.value[k][gear][i] * (1.0 - part) + work.value[k][gear][i + 1] * part


cdef inline double best_step(const Model* model, const Work* work, int k, double energy, int gear, Step* best) noexcept nogil:
    """kg from point k on; the step that begins it in `best`."""
    cdef Place place
    cdef Step step
    cdef double lowest = 1e300, total
    cdef int control
    stand(model, energy, gear, work.pull[k], &place)
    for control in range(CONTROLS):
        if not advance(model, &place, control, work.ceiling[k + 1], &step):
            continue
        total = step.cost + value_at(model, work, k + 1, step.gear, step.energy)
        if total < lowest:
            lowest = total
            best[0] = step
    return lowest


cdef void lay_road(Model* model, const CruiseHorizon* horizon, double energy, Work* work, CruisePlan* plan) noexcept nogil:
    """Pull and ceiling at every point, the grid, and which part of it can be reached from where the truck is."""
    cdef const CruiseParameters* p = model.p
    cdef double limit, highest = 0.0, low = energy, high = energy, grade, lead
    cdef Place place
    cdef Step step
    cdef int k
    for k in range(POINTS):
        grade = horizon.grade[k] if isfinite(horizon.grade[k]) and horizon.grade_sigma[k] <= p.grade_sigma_maximum else 0.0
        work.pull[k] = GRAVITY * sin(grade) + model.rolling
        limit = fmin(horizon.limit[k], horizon.set_speed + p.overspeed_mps)
        if isfinite(horizon.lead_speed):
            lead = horizon.lead_speed + fmax(horizon.lead_gap_error, 0.0) / p.lead_closing_s
            limit = fmin(limit, fmax(lead, 0.0))
        limit = fmax(limit, p.slowest_mps + RANGE)
        work.ceiling[k] = 0.5 * limit * limit
    for k in range(POINTS - 2, -1, -1):
        work.ceiling[k] = fmin(work.ceiling[k], work.ceiling[k + 1] + p.ceiling_deceleration * CruisePlan_STEP_M)
    for k in range(POINTS):
        plan.ceiling[k] = sqrt(2.0 * work.ceiling[k])
        highest = fmax(highest, plan.ceiling[k])
    highest = fmax(highest + RANGE, sqrt(2.0 * energy))
    model.energy_low = 0.5 * p.slowest_mps * p.slowest_mps
    model.energy_step = (0.5 * highest * highest - model.energy_low) / (ENERGIES - 1)
    for k in range(POINTS):
        work.first[k] = <int>((low - model.energy_low) / model.energy_step) - 1
        work.last[k] = <int>((high - model.energy_low) / model.energy_step) + 2
        work.first[k] = 0 if work.first[k] < 0 else (ENERGIES - 3 if work.first[k] > ENERGIES - 3 else work.first[k])
        if work.last[k] <= work.first[k]:
            work.last[k] = work.first[k] + 1
        if work.last[k] > ENERGIES - 1:
            work.last[k] = ENERGIES - 1
        if k < POINTS - 1:
            stand(model, low, kept_gear(model, sqrt(2.0 * low), GEARS - 1), work.pull[k], &place)
            advance(model, &place, 1, work.ceiling[k + 1], &step)
            low = step.energy
            stand(model, high, kept_gear(model, sqrt(2.0 * high), GEARS - 1), work.pull[k], &place)
            advance(model, &place, 0, work.ceiling[k + 1], &step)
            high = step.energy


cdef void solve(const Model* model, Work* work) noexcept nogil:
    """The values, from the last point to the second: what the energy at the end saves is traction later."""
    cdef double energy, worth = model.inert * model.fuel_per_work / model.efficiency
    cdef Step step
    cdef int k, g, i
    for g in range(STATES):
        for i in range(work.first[POINTS - 1], work.last[POINTS - 1] + 1):
            work.value[POINTS - 1][g][i] = -worth * (model.energy_low + i * model.energy_step)
    for k in range(POINTS - 2, 0, -1):
        for i in range(work.first[k], work.last[k] + 1):
            energy = model.energy_low + i * model.energy_step
            for g in range(STATES):
                # Too fast for this gear: it is left at once, and what that costs is nothing here
                if 0 < g < GEARS and sqrt(2.0 * energy) * model.crank[g] > model.p.shift_up_radps:
                    work.value[k][g][i] = work.value[k][g - 1][i]
                else:
                    work.value[k][g][i] = best_step(model, work, k, energy, g, &step)


cdef void compare_time(const Model* model, const CruiseHorizon* horizon, CruisePlan* plan) noexcept nogil:
    """Lets a plain cruise control drive what was driven since, and counts by how much it was earlier."""
    cdef double speed = horizon.reference_speed, wanted, resisting, force, energy, before
    cdef int gear
    plan.time_behind_s = horizon.time_behind_s
    if horizon.paused or not speed > model.p.slowest_mps:
        plan.reference_speed = horizon.set_speed if not speed > model.p.slowest_mps and not horizon.paused else horizon.speed
        return
    before = speed
    gear = kept_gear(model, speed, 0)
    energy = 0.5 * speed * speed
    resisting = GRAVITY * sin(horizon.grade[0]) if isfinite(horizon.grade[0]) else 0.0
    resisting = model.mass * (resisting + model.rolling + model.air * energy)
    wanted = REFERENCE_GAIN * (horizon.set_speed - speed)
    # It shifts down on climbs as the truck would
    force = full_force(model, speed, model.crank[gear])
    if gear < GEARS - 1 and speed * model.crank[gear + 1] < model.p.shift_up_radps:
        force = fmax(force, full_force(model, speed, model.crank[gear + 1]))
    force = fmax(fmin(resisting + model.inert * wanted, force), overrun_force(model, speed, model.crank[gear]))
    energy += (force - resisting) / model.inert * horizon.travelled_m
    speed = sqrt(2.0 * fmax(energy, 0.5 * model.p.slowest_mps * model.p.slowest_mps))
    speed = fmin(speed, fmax(horizon.set_speed + model.p.overspeed_mps, before - 0.5))
    plan.reference_speed = speed
    plan.time_behind_s += horizon.elapsed_s - 2.0 * horizon.travelled_m / (before + speed)


cdef bint answerable(const CruiseHorizon* horizon, const CruiseParameters* p) noexcept nogil:
    cdef int k
    for k in range(POINTS):
        if not horizon.limit[k] > 0.0:
            return False
    return horizon.speed > p.slowest_mps and horizon.speed < 45.0 and horizon.set_speed > p.slowest_mps + p.band_below_mps \
        and horizon.set_speed < 45.0 and horizon.mass_kg > 3000.0 and horizon.mass_kg < 200e3 \
        and isfinite(horizon.time_behind_s) and isfinite(horizon.reference_speed) \
        and horizon.travelled_m >= 0.0 and horizon.travelled_m < 100.0 and horizon.elapsed_s >= 0.0 and horizon.elapsed_s < 10.0


cdef void cruise_plan(const CruiseParameters* p, const VehicleParameters* vehicle, const LongitudinalParameters* longitudinal,
                      const CruiseHorizon* horizon, Work* work, CruisePlan* plan) noexcept nogil:
    cdef Model model
    cdef Step step
    cdef double energy
    cdef int k, gear
    memset(plan, 0, sizeof(CruisePlan))
    plan.valid_time_ns = plan.received_time_ns = horizon.time_ns
    if not answerable(horizon, p):
        plan.validity = NOT_AVAILABLE
        plan.time_behind_s = horizon.time_behind_s if isfinite(horizon.time_behind_s) else 0.0
        return
    prepare(&model, p, vehicle, longitudinal, horizon)
    compare_time(&model, horizon, plan)
    energy = 0.5 * horizon.speed * horizon.speed
    gear = ROLLING if horizon.gear == ROLLING else kept_gear(&model, horizon.speed, 0 if horizon.gear >= GEARS else horizon.gear)
    lay_road(&model, horizon, energy, work, plan)
    solve(&model, work)
    plan.time_price = model.price
    plan.gear = gear
    for k in range(POINTS - 1):
        best_step(&model, work, k, energy, gear, &step)
        plan.speed[k] = sqrt(2.0 * energy)
        plan.drive[k] = step.drive
        plan.fuel_kg += step.fuel
        plan.duration_s += step.time
        energy = step.energy
        gear = step.gear
    plan.speed[POINTS - 1] = sqrt(2.0 * energy)
    plan.drive[POINTS - 1] = plan.drive[POINTS - 2]


cdef class Kernel:
    """`plan(horizon)` with parameters that are kept; all messages 0-d arrays of their dtypes."""
    cdef CruiseParameters parameters
    cdef VehicleParameters vehicle
    cdef LongitudinalParameters longitudinal
    cdef Work* work

    def __cinit__(self, parameters, vehicle, longitudinal):
        self.work = <Work*>calloc(1, sizeof(Work))
        if self.work == NULL:
            raise MemoryError()
        self.parameters = (<CruiseParameters*>pointer(parameters))[0]
        self.vehicle = (<VehicleParameters*>pointer(vehicle))[0]
        self.longitudinal = (<LongitudinalParameters*>pointer(longitudinal))[0]

    def __dealloc__(self):
        free(self.work)

    def plan(self, horizon):
        """CruisePlan for a CruiseHorizon; validity 1 where the question has no answer. Gives up the GIL while it searches."""
        result = np.zeros((), dtype("CruisePlan"))
        cdef const CruiseHorizon* question = <const CruiseHorizon*>pointer(horizon)
        cdef CruisePlan* answer = <CruisePlan*>pointer(result)
        with nogil:
            cruise_plan(&self.parameters, &self.vehicle, &self.longitudinal, question, self.work, answer)
        return result
