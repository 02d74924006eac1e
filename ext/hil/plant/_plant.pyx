"""Tractor and semitrailer: one inner step after the other, deterministic, without Python.

An inner step: commands into their rings, steering, brakes, driveline (each exact for its own lag), then the equations of motion
by Runge-Kutta of fourth order with these forces held, then what the result heats. Twin: hil/plant/plant_twin.py.
"""
import numpy as np
from libc.math cimport NAN, cos, fabs, fmin, isfinite, sin
from libc.string cimport memcpy, memset
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.inputs._face cimport pointer
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.errors import UsageError
from autonomy.msg.layout import require
from hil.plant._body cimport derive
from hil.plant._brakes cimport brake, warm_brakes
from hil.plant._data cimport *
from hil.plant._driveline cimport carried_torque, drive, full_load, rotating_mass, wheel_force
from hil.plant._retarder cimport retarder_maximum
from hil.plant._steering cimport steer
from hil.plant._wheels cimport grip, sliding_grip, spin

require(__name__, LAYOUT_HASH)

cdef extern from *:
    """
    static const double MOVES = 0.2;            /* m/s from which it has moved off */
    static const double STANDSTILL = 0.02;      /* m/s below which brakes that hold more than pushes stop the truck */
    static const double ROLLED_OVER = 0.35;     /* rad of roll: no way back */
    static const double SLIDING = 4.0;          /* m/s2 of a truck on its side */
    """
    const double MOVES, STANDSTILL, ROLLED_OVER, SLIDING


cdef void integrate(const PlantParameters* p, const Acting* acting, double* x, double h, Found* found) noexcept nogil:
    """Runge-Kutta of fourth order; `found` is that of the step's beginning."""
    cdef double[26] k1
    cdef double[26] k2
    cdef double[26] k3
    cdef double[26] k4
    cdef double[26] at
    cdef Found other
    cdef int i, n = SLIP + p.axles
    derive(p, acting, 0.0, x, k1, found)
    for i in range(n):
        at[i] = x[i] + 0.5 * h * k1[i]
    derive(p, acting, 0.5 * h, at, k2, &other)
    for i in range(n):
        at[i] = x[i] + 0.5 * h * k2[i]
    derive(p, acting, 0.5 * h, at, k3, &other)
    for i in range(n):
        at[i] = x[i] + h * k3[i]
    derive(p, acting, h, at, k4, &other)
    for i in range(n):
        x[i] += h / 6.0 * (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i])


cdef void act(const PlantParameters* p, PlantMemory* memory, const PlantCommand* command, const Surroundings* road, double h,
              Acting* acting) noexcept nogil:
    """The actuators' part of an inner step."""
    memory.newest = (memory.newest + 1) & (RING - 1)
    memory.steering_ring[memory.newest] = command.road_wheel_angle
    memory.brake_ring[memory.newest] = command.brake_deceleration if command.brake_deceleration > 0.0 else 0.0
    steer(p, memory, h)
    brake(p, memory, h, acting.brake_force)
    acting.drive_force = drive(p, memory, command.engine_torque, command.retarder_torque, command.roll != 0, memory.state[U], h)
    acting.rotating_mass = rotating_mass(p, memory)
    acting.held_speed = command.held_speed
    acting.moving_off = memory.moving_off
    acting.angle = memory.road_wheel_angle
    acting.angle_rate = memory.road_wheel_rate
    acting.road = road[0]
    grip(p, memory, road.friction, acting)


cdef inline double pushes(const PlantParameters* p, const Acting* acting) noexcept nogil:
    """N, of grade and engine, forwards."""
    return -(p.mass[0] + p.mass[1]) * STANDARD_GRAVITY_MPS2 * sin(acting.road.grade) + acting.drive_force


cdef bint held_still(const PlantParameters* p, const PlantMemory* memory, const Acting* acting,
                     const Found* found) noexcept nogil:
    """Whether brakes, and with them the rolling resistance, hold more than grade and engine push."""
    cdef double holding = 0.0, resisting = 0.0
    cdef int k
    for k in range(p.axles):
        holding += fmin(acting.brake_force[k], p.grip_longitudinal * acting.road.friction * found.load[k])
        resisting += p.rolling_resistance * found.load[k]
    return fabs(memory.state[U]) < STANDSTILL and holding > 0.0 and holding + resisting > fabs(pushes(p, acting))


cdef inline void move_off(const PlantParameters* p, PlantMemory* memory, const Acting* acting, double before) noexcept nogil:
    """What brakes held until now moves off slowly: they rub in full, and do not let go at once."""
    if before == 0.0 and memory.moving_off == 0.0 and acting.brake_force[0] > 0.0:
        memory.moving_off = 1.0 if pushes(p, acting) > 0.0 else -1.0
    elif memory.moving_off * memory.state[U] > MOVES or memory.moving_off * memory.state[U] < 0.0:
        memory.moving_off = 0.0


cdef inline bint fallen(const double* x) noexcept nogil:
    return fabs(x[ROLL]) > ROLLED_OVER or fabs(x[TRAILER_ROLL]) > ROLLED_OVER


cdef void slide(double* x, double h) noexcept nogil:
    """On its side the equations of motion hold no more: straight on, slower and slower, nothing turns."""
    cdef double less = SLIDING * h
    x[X] += h * x[U] * cos(x[YAW])
    x[Y] += h * x[U] * sin(x[YAW])
    x[U] = 0.0 if fabs(x[U]) < less else (x[U] - less if x[U] > 0.0 else x[U] + less)
    x[V] = x[R] = x[S] = x[ROLL_RATE] = x[TRAILER_ROLL_RATE] = 0.0


cdef void inner_step(const PlantParameters* p, PlantMemory* memory, const PlantCommand* command, const Surroundings* road,
                     double h) noexcept nogil:
    cdef Acting acting
    cdef Found found
    cdef double before = memory.state[U]
    cdef double[26] stood
    if fallen(memory.state):
        slide(memory.state, h)
        return
    act(p, memory, command, road, h, &acting)
    memcpy(stood, memory.state, sizeof(stood))
    integrate(p, &acting, memory.state, h, &found)
    memory.road_wheel_angle += h * memory.road_wheel_rate
    warm_brakes(p, memory, acting.braking, before, h)
    spin(p, memory, &acting, &found, h)
    if not isfinite(command.held_speed) and held_still(p, memory, &acting, &found):
        memory.state[U] = memory.state[V] = memory.state[R] = memory.state[S] = 0.0
        if before == 0.0:
            memory.state[X], memory.state[Y], memory.state[YAW] = stood[X], stood[Y], stood[YAW]
            memory.state[ARTICULATION], memory.state[HEIGHT] = stood[ARTICULATION], stood[HEIGHT]
        memory.moving_off = 0.0
    else:
        move_off(p, memory, &acting, before)


cdef void show(const PlantParameters* p, const PlantMemory* memory, const PlantCommand* command, const Surroundings* road,
               PlantState* state) noexcept nogil:
    """What the memory means, at the reference point."""
    cdef Acting acting
    cdef Found found
    cdef double[26] dx
    cdef const double* x = memory.state
    cdef double slip, total, force
    cdef int k
    memset(&acting, 0, sizeof(Acting))
    memset(&found, 0, sizeof(Found))
    acting.angle = memory.road_wheel_angle
    acting.drive_force = wheel_force(p, memory, carried_torque(p, memory))
    acting.rotating_mass = rotating_mass(p, memory)
    acting.held_speed = command.held_speed
    acting.moving_off = memory.moving_off
    acting.road = road[0]
    force = 0.0
    for k in range(p.axles):
        acting.brake_force[k] = memory.brake[k]
        force += memory.brake[k]
    grip(p, memory, road.friction, &acting)
    derive(p, &acting, 0.0, x, dx, &found)
    total = p.mass[0] + p.mass[1]
    state.time_ns = memory.time_ns
    state.x = x[X] + p.reference * cos(x[YAW])
    state.y = x[Y] + p.reference * sin(x[YAW])
    state.z = x[HEIGHT]
    state.yaw = x[YAW]
    state.roll = x[ROLL] + road.bank
    state.pitch = -road.grade - p.pitch_per_acceleration * x[SURGE]
    state.speed = x[U]
    state.vy = x[V] + p.reference * x[R]
    state.yaw_rate = x[R]
    state.ax = dx[U] - x[V] * x[R] - p.reference * x[R] * x[R]
    state.ay = dx[V] + x[U] * x[R] + p.reference * dx[R]
    if x[U] == 0.0 and held_still(p, memory, &acting, &found):
        state.ax = state.ay = 0.0
    state.articulation = x[ARTICULATION]
    state.articulation_rate = x[S] - x[R]
    state.trailer_yaw_rate = x[S]
    state.trailer_ay = found.lateral[1] \
        - STANDARD_GRAVITY_MPS2 * (sin(road.bank) * cos(x[ARTICULATION]) - sin(road.grade) * sin(x[ARTICULATION]))
    state.trailer_roll = x[TRAILER_ROLL] + road.bank
    state.roll_rate = x[ROLL_RATE]
    state.road_wheel_angle = memory.road_wheel_angle
    state.engine_speed_radps = memory.engine_speed
    state.engine_torque_nm = memory.engine_torque - memory.engine_brake
    state.engine_torque_maximum_nm = full_load(p, memory.engine_speed)
    state.fuel_kg = memory.fuel
    state.fuel_rate = memory.fuel_rate
    slip = 0.0
    for k in range(p.tractor_axles):
        if p.driven[k] and found.load[k] > 1.0:
            slip = found.longitudinal_force[k] / (p.slip_stiffness * found.load[k])
    state.shaft_speed = x[U] / p.wheel_radius * p.final_drive * (1.0 + slip)
    state.retarder_torque_nm = memory.retarder
    state.retarder_torque_maximum_nm = retarder_maximum(p, memory, x[U] / p.wheel_radius * p.final_drive)
    state.retarder_temperature = memory.retarder_temperature
    memcpy(state.brake_temperature, memory.brake_temperature, sizeof(state.brake_temperature))
    state.brake_deceleration_mps2 = force / total
    memcpy(state.axle_load, found.load, sizeof(state.axle_load))
    memcpy(state.wheel_slip, memory.wheel_slip, sizeof(state.wheel_slip))
    state.ltr = found.load_transfer[0]
    state.trailer_ltr = found.load_transfer[1]
    state.cab_pitch = x[CAB_PITCH]
    state.cab_pitch_rate = x[CAB_PITCH_RATE]
    state.cab_roll = x[CAB_ROLL]
    state.cab_roll_rate = x[CAB_ROLL_RATE]
    state.mass = total
    state.shift_in_progress = memory.shift_left_s > 0.0
    state.driveline_engaged = not state.shift_in_progress and not memory.rolls and memory.engine_speed > p.engine_idle
    state.gear = 0 if state.shift_in_progress or memory.rolls else memory.gear
    state.gear_ratio = p.ratio[memory.gear - 1]
    state.rolled_over = fallen(x)


cdef object dtypes():
    """NumPy's view of the structs: parameters, memory, state, command, surroundings."""
    cdef PlantParameters parameters
    cdef PlantMemory memory
    cdef PlantState state
    cdef PlantCommand command
    cdef Surroundings road
    return (np.asarray(<PlantParameters[:1]> &parameters).dtype, np.asarray(<PlantMemory[:1]> &memory).dtype,
            np.asarray(<PlantState[:1]> &state).dtype, np.asarray(<PlantCommand[:1]> &command).dtype,
            np.asarray(<Surroundings[:1]> &road).dtype)


cdef class Kernel:
    """Parameters, memory and state of one plant, each a 0-d structured array that owns its memory."""

    cdef PlantParameters* _parameters
    cdef PlantMemory* _memory
    cdef PlantState* _state
    cdef PlantCommand* _command
    cdef Surroundings* _road
    cdef readonly object parameters
    cdef readonly object memory
    cdef readonly object state
    cdef readonly object command
    cdef readonly object surroundings

    def __cinit__(self):
        self.parameters, self.memory, self.state, self.command, self.surroundings = (np.zeros((), kind) for kind in dtypes())
        self._parameters = <PlantParameters*>pointer(self.parameters)
        self._memory = <PlantMemory*>pointer(self.memory)
        self._state = <PlantState*>pointer(self.state)
        self._command = <PlantCommand*>pointer(self.command)
        self._road = <Surroundings*>pointer(self.surroundings)

    def reset(self, double x, double y, double yaw, double speed):
        """Straight ahead at `speed` in the gear that suits it, everything cold and at rest. x, y are the reference point's."""
        cdef PlantParameters* p = self._parameters
        cdef PlantMemory* memory = self._memory
        cdef double shaft = speed / p.wheel_radius * p.final_drive
        cdef int k
        memset(memory, 0, sizeof(PlantMemory))
        memset(self._command, 0, sizeof(PlantCommand))
        memset(self._road, 0, sizeof(Surroundings))
        self._command.held_speed = NAN
        self._road.friction = 0.8
        memory.state[YAW] = yaw
        memory.state[X] = x - p.reference * cos(yaw)
        memory.state[Y] = y - p.reference * sin(yaw)
        memory.state[U] = speed
        memory.road_wheel_angle = p.steering_offset
        memory.gear = p.start_gear
        for k in range(p.start_gear, p.gears + 1):
            if shaft * p.ratio[k - 1] >= p.shift_target:
                memory.gear = k
        memory.engine_speed = shaft * p.ratio[memory.gear - 1]
        if memory.engine_speed < p.engine_idle:
            memory.engine_speed = p.engine_idle
        memory.retarder_temperature = p.ambient
        for k in range(AXLES):
            memory.brake_temperature[k] = p.ambient
            memory.load[k] = p.axle_load[k]
        show(p, memory, self._command, self._road, self._state)

    def step(self, long duration_ns, double road_wheel_angle, double engine_torque, double retarder_torque,
             double brake_deceleration, double held_speed, double grade, double bank, double friction, double wind_x,
             double wind_y, bint roll=False):
        """As many inner steps as `duration_ns` and what was owed hold; the rest is owed to the next call. Raises UsageError."""
        for name, value in (("road_wheel_angle_rad", road_wheel_angle), ("engine_torque_nm", engine_torque),
                            ("retarder_torque_nm", retarder_torque), ("brake_deceleration_mps2", brake_deceleration),
                            ("grade", grade), ("bank", bank), ("friction", friction), ("wind", wind_x + wind_y)):
            if not isfinite(value):
                raise UsageError(f"plant.step: {name} = {value}: needs a finite number")
        if duration_ns < 0:
            raise UsageError(f"plant.step: dt_s = {duration_ns * 1e-9}: time runs forward only")
        cdef long inner = <long>(self._parameters.inner_step_s * 1e9 + 0.5)
        cdef double h = inner * 1e-9
        self._command.road_wheel_angle = road_wheel_angle
        self._command.engine_torque = engine_torque
        self._command.retarder_torque = retarder_torque
        self._command.brake_deceleration = brake_deceleration
        self._command.held_speed = held_speed
        self._command.roll = roll
        self._road.grade = grade
        self._road.bank = bank
        self._road.friction = friction
        self._road.wind_x = wind_x
        self._road.wind_y = wind_y
        with nogil:
            self._memory.owed_ns += duration_ns
            while self._memory.owed_ns >= inner:
                inner_step(self._parameters, self._memory, self._command, self._road, h)
                self._memory.owed_ns -= inner
                self._memory.time_ns += inner
            show(self._parameters, self._memory, self._command, self._road, self._state)

    def derivative(self, double[::1] x, double road_wheel_angle, double drive_force=0.0, double held_speed=NAN,
                   wheel_slip=None):
        """(dx, forces' power in W) of the equations of motion at the integrated state x (26,), road as told last.

        Brakes are open; `wheel_slip` (axles,) is the share of the rolling speed that each axle has lost, 0 = it rolls.
        """
        cdef Acting acting
        cdef Found found
        dx = np.zeros(STATES)
        cdef double[::1] out = dx
        if x.shape[0] != STATES:
            raise ValueError(f"the integrated state has {STATES} numbers, not {x.shape[0]}")
        memset(&acting, 0, sizeof(Acting))
        acting.angle = road_wheel_angle
        acting.drive_force = drive_force
        acting.held_speed = held_speed
        acting.road = self._road[0]
        for k in range(0 if wheel_slip is None else self._parameters.axles):
            acting.wheel_slip[k] = wheel_slip[k]
            acting.sliding_grip[k] = sliding_grip(self._parameters, self._road.friction, wheel_slip[k])
        derive(self._parameters, &acting, 0.0, &x[0], &out[0], &found)
        return dx, found.power

    def snapshot(self) -> bytes:
        return (<char*>self._memory)[:sizeof(PlantMemory)]

    def restore(self, bytes blob):
        if len(blob) != sizeof(PlantMemory):
            raise ValueError(f"a snapshot of this plant has {sizeof(PlantMemory)} bytes, not {len(blob)}")
        memcpy(self._memory, <char*>blob, sizeof(PlantMemory))
        show(self._parameters, self._memory, self._command, self._road, self._state)
