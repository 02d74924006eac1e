"""The speed over the next kilometres that costs least fuel at a price of time: dynamic programming in kinetic energy.

Backwards over the steps of the horizon the least cost to its end is found for every kinetic energy and gear of a grid, linear
between the energies (which leaves the speed free of steps: the force of a step is no difference of grid points). Forwards from
where the truck is, the best step is taken again. In each step the engine gives all, nothing, or what makes one of a few
accelerations, or the truck is out of gear and the engine idles; brakes only keep to the ceiling. Fuel is a Willans line: torque
in the cylinders over a constant efficiency, nothing below zero. The gearbox is followed, not commanded. Twin:
autonomy/planning/cruise_twin.py.
"""
import numpy as np
from libc.math cimport fmax, fmin, isfinite, sin, sqrt
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.inputs._face cimport pointer
from autonomy.msg.messages cimport (
    LAYOUT_HASH, CruiseHorizon, CruiseParameters, CruisePlan, LongitudinalParameters, VehicleParameters, CruisePlan_STEP_M)
from autonomy.planning._cruise_reference cimport compare_time, dearer, plain_time
from autonomy.planning._cruise_step cimport (
    CONTROLS, GEARS, ROLLING, Model, Place, Step, advance, kept_gear, prepare, stand)
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    POINTS = 64
    STATES = 5
    ENERGIES = 112
    NOT_AVAILABLE = 1

cdef extern from *:
    """
    static const double RANGE = 0.3;             /* m/s above the highest ceiling that the grid reaches [D] */
    """
    const double RANGE

ctypedef struct Work:
    double[64][5][112] value     # kg to the end of the horizon
    int[64] first                # the energies that can be reached, by point
    int[64] last
    double[64] ceiling           # J/kg
    double[64] pull              # m/s2 of grade and rolling


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
        work.pull[k] = STANDARD_GRAVITY_MPS2 * sin(grade) + model.rolling
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


cdef bint answerable(const CruiseHorizon* horizon, const CruiseParameters* p) noexcept nogil:
    cdef int k
    for k in range(POINTS):
        if not horizon.limit[k] > 0.0:
            return False
    return horizon.speed > p.slowest_mps and horizon.speed < 45.0 and horizon.set_speed > p.slowest_mps + p.band_below_mps \
        and horizon.set_speed < 45.0 and horizon.mass_kg > 3000.0 and horizon.mass_kg < 200e3 \
        and isfinite(horizon.time_behind_s) and isfinite(horizon.reference_speed) \
        and isfinite(horizon.late_exponent) and isfinite(horizon.planned_later_s) \
        and horizon.travelled_m >= 0.0 and horizon.travelled_m < 100.0 and horizon.elapsed_s >= 0.0 and horizon.elapsed_s < 10.0


cdef void cruise_plan(const CruiseParameters* p, const VehicleParameters* vehicle, const LongitudinalParameters* longitudinal,
                      const CruiseHorizon* horizon, Work* work, CruisePlan* plan) noexcept nogil:
    cdef Model model
    cdef Step step
    cdef double energy
    cdef int k, gear
    memset(plan, 0, sizeof(CruisePlan))
    memset(&step, 0, sizeof(Step))
    plan.valid_time_ns = plan.received_time_ns = horizon.time_ns
    if not answerable(horizon, p):
        plan.validity = NOT_AVAILABLE
        plan.time_behind_s = horizon.time_behind_s if isfinite(horizon.time_behind_s) else 0.0
        plan.late_exponent = horizon.late_exponent if isfinite(horizon.late_exponent) else 0.0
        return
    prepare(&model, p, vehicle, longitudinal, horizon)
    energy = 0.5 * horizon.speed * horizon.speed
    gear = ROLLING if horizon.gear == ROLLING else kept_gear(&model, horizon.speed, 0 if horizon.gear >= GEARS else horizon.gear)
    lay_road(&model, horizon, energy, work, plan)
    compare_time(&model, horizon, plan)
    model.price *= dearer(&model, horizon, plan)
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
    if not horizon.paused:
        plan.planned_later_s = plan.duration_s - plain_time(&model, plan, horizon.set_speed, work.pull, POINTS - 1)


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
