# Engine, automated gearbox and retarder: the force at the driven axles.
#
# Without slip or twist: an engaged engine turns with the wheels. While a shift lasts nothing is carried and the engine runs to
# the next gear's speed. Below idle the clutch slips and carries the torque all the same.
from libc.math cimport ceil, exp
from hil.plant._data cimport CURVE, PlantMemory, PlantParameters
from hil.plant._retarder cimport retard

cdef extern from *:
    """
    static const double RESERVE = 0.1;          /* share of power between shifting up and down again */
    """
    const double RESERVE


cdef inline double full_load(const PlantParameters* parameters, double speed) noexcept nogil:
    """N m at this engine speed, linear between the points of the curve."""
    cdef int k
    cdef double part
    if speed <= parameters.curve_speed[0]:
        return parameters.curve_torque[0]
    for k in range(1, CURVE):
        if speed < parameters.curve_speed[k]:
            part = (speed - parameters.curve_speed[k - 1]) / (parameters.curve_speed[k] - parameters.curve_speed[k - 1])
            return parameters.curve_torque[k - 1] + part * (parameters.curve_torque[k] - parameters.curve_torque[k - 1])
    return 0.0  # beyond its governed speed


cdef inline void burn(const PlantParameters* parameters, PlantMemory* memory, double most, double h) noexcept nogil:
    """Fuel for the torque in the cylinders, which also turns the engine itself; with the clutch slipping it idles."""
    cdef double turning = memory.engine_speed if memory.engine_speed > parameters.engine_idle else parameters.engine_idle
    cdef double drag = parameters.drag_torque + parameters.drag_torque_per_speed * turning
    cdef double indicated = memory.engine_torque + drag
    cdef double away = turning - parameters.economic_speed
    cdef double load = indicated / (most + drag)
    cdef double efficiency = parameters.indicated_efficiency * (1.0 - parameters.efficiency_per_speed * away * away
                                                                - parameters.efficiency_per_load * load * load)
    memory.fuel_rate = indicated * turning / (efficiency * parameters.fuel_heat) if indicated > 1.0 else 0.0
    memory.fuel += memory.fuel_rate * h


cdef inline void make_torque(const PlantParameters* parameters, PlantMemory* memory, double demand, double h) noexcept nogil:
    """Net torque at the crank. Above zero: lag, charge that builds up; below: drag at once, the engine brake in steps."""
    cdef double most = full_load(parameters, memory.engine_speed)
    cdef double drag = parameters.drag_torque + parameters.drag_torque_per_speed * memory.engine_speed
    cdef double share = 1.0 - exp(-h / parameters.engine_lag_s)
    cdef double fuel = demand if demand > -drag else -drag
    cdef double extra = -demand - drag
    cdef double strongest, step, change
    if fuel > most:
        fuel = most
    change = share * (fuel - memory.engine_torque)
    if memory.engine_torque > parameters.turbo_free_torque and change > parameters.turbo_rate * h:
        change = parameters.turbo_rate * h
    memory.engine_torque += change
    strongest = parameters.engine_brake_torque * memory.engine_speed / parameters.curve_speed[CURVE - 1]
    if extra <= 0.0 or memory.engine_speed < 1.2 * parameters.engine_idle:
        extra = 0.0
    elif parameters.engine_brake_steps > 0.0 and strongest > 0.0:
        step = strongest / parameters.engine_brake_steps
        extra = step * ceil(extra / step - 1e-9)
        if extra > strongest:
            extra = strongest
    memory.engine_brake += (extra - memory.engine_brake) * (1.0 - exp(-h / parameters.engine_brake_lag_s))
    burn(parameters, memory, most, h)


cdef inline double power(const PlantParameters* parameters, double shaft, long gear) noexcept nogil:
    """W at full load in a gear."""
    cdef double speed = shaft * parameters.ratio[gear - 1]
    return full_load(parameters, speed) * speed


cdef inline long highest_gear(const PlantParameters* parameters, double shaft) noexcept nogil:
    """That still keeps the engine at the target speed."""
    cdef long found = parameters.start_gear
    cdef long k
    for k in range(parameters.start_gear, parameters.gears + 1):
        if shaft * parameters.ratio[k - 1] >= parameters.shift_target:
            found = k
    return found


cdef inline long upper_gear(const PlantParameters* parameters, const PlantMemory* memory, double demand,
                            double shaft) noexcept nogil:
    """The highest above this one that gives what is asked, and RESERVE more for what the shift costs; else this one."""
    cdef double now = shaft * parameters.ratio[memory.gear - 1]
    cdef double most = full_load(parameters, now)
    cdef double asked = (demand if demand < most else most) * now
    cdef long k = highest_gear(parameters, shaft)
    if k < memory.gear + 1:
        k = memory.gear + 1
    if k > parameters.gears:
        return memory.gear
    while k > memory.gear and power(parameters, shaft, k) < (1.0 + RESERVE) * asked:
        k -= 1
    if k == memory.gear and now > parameters.shift_up_limit:
        k += 1
    return k


cdef inline long lower_gear(const PlantParameters* parameters, const PlantMemory* memory, double shaft) noexcept nogil:
    """The next below this one, if it gives more and the engine is not near its limit there; else this one."""
    cdef long k = memory.gear - 1
    if k < parameters.start_gear or shaft * parameters.ratio[k - 1] > (1.0 - RESERVE) * parameters.shift_up_limit:
        return memory.gear
    return k if power(parameters, shaft, k) > (1.0 + 0.5 * RESERVE) * power(parameters, shaft, memory.gear) else memory.gear


cdef inline void choose_gear(const PlantParameters* parameters, PlantMemory* memory, double demand, double shaft,
                             double h) noexcept nogil:
    """Starts a shift when the engine leaves its range, or has lost speed for a while with all that it gives in this gear."""
    cdef double now = shaft * parameters.ratio[memory.gear - 1]
    cdef long wanted = memory.gear
    if memory.short_s == 0.0:
        memory.short_shaft = shaft
    memory.short_s = memory.short_s + h if demand > 0.97 * full_load(parameters, now) and shaft <= memory.short_shaft else 0.0
    if now < parameters.shift_down:
        wanted = highest_gear(parameters, shaft)
    elif now > parameters.shift_up:
        wanted = upper_gear(parameters, memory, demand, shaft)
    elif memory.short_s > parameters.shift_demand_s:
        wanted = lower_gear(parameters, memory, shaft)
    elif parameters.economy_speed > 0.0 and memory.gear < parameters.gears and memory.engine_torque > 0.0 \
            and shaft * parameters.ratio[memory.gear] > parameters.economy_speed \
            and memory.engine_torque * now < parameters.economy_reserve * power(parameters, shaft, memory.gear + 1):
        wanted = memory.gear + 1
    if wanted != memory.gear:
        memory.next_gear = wanted
        memory.shift_left_s = parameters.shift_time_s
        memory.short_s = 0.0


cdef inline double wheel_force(const PlantParameters* parameters, const PlantMemory* memory, double torque) noexcept nogil:
    """N at the driven axles of `torque` N m at the clutch and of the retarder."""
    torque *= parameters.ratio[memory.gear - 1]
    torque = torque * parameters.efficiency if torque > 0.0 else torque / parameters.efficiency
    return (torque + memory.retarder) * parameters.final_drive / parameters.wheel_radius


cdef inline double carried_torque(const PlantParameters* parameters, const PlantMemory* memory) noexcept nogil:
    """N m that the clutch carries."""
    cdef double torque = memory.engine_torque - memory.engine_brake
    if memory.shift_left_s > 0.0 or memory.rolls or (memory.engine_speed <= parameters.engine_idle and torque < 0.0):
        return 0.0                 # in a shift, in neutral; or the clutch opens before the engine stalls
    return torque


cdef inline double drive(const PlantParameters* parameters, PlantMemory* memory, double engine_demand, double retarder_demand,
                         bint roll, double speed, double h) noexcept nogil:
    """N at the driven axles; leaves gear, engine speed, torques and the retarder's temperature."""
    cdef double wheel = speed / parameters.wheel_radius
    cdef double shaft = wheel * parameters.final_drive
    cdef double along, torque = 0.0
    if roll and memory.shift_left_s <= 0.0:
        memory.rolls = 1
        memory.engine_speed += (parameters.engine_idle - memory.engine_speed) * (1.0 - exp(-h / (0.3 * parameters.shift_time_s)))
        make_torque(parameters, memory, 0.0, h)
    elif memory.rolls and not roll:
        memory.rolls = 0
        memory.next_gear = memory.gear
        memory.shift_left_s = parameters.shift_time_s
    elif memory.shift_left_s > 0.0:
        memory.shift_left_s -= h
        along = shaft * parameters.ratio[memory.next_gear - 1]
        memory.engine_speed += (along - memory.engine_speed) * (1.0 - exp(-h / (0.3 * parameters.shift_time_s)))
        make_torque(parameters, memory, 0.0, h)
        if memory.shift_left_s <= 0.0:
            memory.gear = memory.next_gear
            memory.shift_pause_s = parameters.shift_pause_s
    else:
        memory.engine_speed = shaft * parameters.ratio[memory.gear - 1]
        make_torque(parameters, memory, engine_demand, h)
        torque = carried_torque(parameters, memory)
        if memory.shift_pause_s > 0.0:
            memory.shift_pause_s -= h
        else:
            choose_gear(parameters, memory, engine_demand, shaft, h)
    if memory.engine_speed < parameters.engine_idle:
        memory.engine_speed = parameters.engine_idle
    retard(parameters, memory, retarder_demand, shaft, h)
    return wheel_force(parameters, memory, torque)


cdef inline double rotating_mass(const PlantParameters* parameters, const PlantMemory* memory) noexcept nogil:
    """kg along the road: wheels always, the engine while it is engaged and the clutch does not slip."""
    cdef double inertia = parameters.wheel_inertia
    cdef double total = parameters.ratio[memory.gear - 1] * parameters.final_drive
    if memory.shift_left_s <= 0.0 and not memory.rolls and memory.engine_speed > parameters.engine_idle:
        inertia += parameters.engine_inertia * total * total
    return inertia / (parameters.wheel_radius * parameters.wheel_radius)
