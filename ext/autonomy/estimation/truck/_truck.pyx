"""The combination as it is learned while it drives: one file a sub-estimator, called in the order data flows.

observed (what the buses tell) -> traction -> speed -> mass -> brakes -> friction -> articulation with all that the yaw plane
tells -> trailer -> steering response. Each has its own struct in TruckMemory and its twin in autonomy/estimation/truck. What is
not learned yet is the configured value with its sigma.
"""
import numpy as np
from libc.math cimport NAN, fabs, isfinite, sin
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset
from autonomy._physics cimport STANDARD_GRAVITY_MPS2
from autonomy.msg.messages cimport *
from autonomy.estimation.truck._articulation cimport (
    articulation_forget, articulation_start, articulation_step, articulation_tell)
from autonomy.estimation.truck._brakes cimport brakes_start, brakes_step, brakes_tell
from autonomy.estimation.truck._combination cimport Combination, combination_rates, combine
from autonomy.estimation.truck._friction cimport friction_step, friction_tell
from autonomy.estimation.truck._grade cimport grade_start, grade_step
from autonomy.estimation.truck._mass cimport (
    Drive, MassMemory, mass_forget, mass_predict, mass_start, mass_step, mass_tell, mass_update)
from autonomy.estimation.truck._observed cimport *
from autonomy.estimation.truck._shaft_speed cimport speed_start, speed_step, speed_tell
from autonomy.estimation.truck._steering cimport steering_remember, steering_start, steering_step, steering_tell
from autonomy.estimation.truck._traction cimport Traction, find_traction
from autonomy.estimation.truck._trailer cimport trailer_forget, trailer_step
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed, known_yaw_rate, velocity_known
from drivers._clocks cimport monotonic_ns
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef double BRAKE_RELEASE_S = 1.5    # [V] trailers: 1.0 to 1.2 s to 5 psi
cdef double TRAILER_TOLD_S = 10.0
cdef int TRAILER_SAMPLES = 3         # in a row, of another state: one by itself is a disturbed message [D]


cdef void truck_reset(TruckMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle) noexcept nogil:
    memset(memory, 0, sizeof(TruckMemory))
    speed_start(&memory.speed, parameters)
    mass_start(&memory.mass, parameters, vehicle)
    brakes_start(&memory.brakes, parameters)
    articulation_start(&memory.articulation, parameters)
    grade_start(&memory.grade)
    steering_start(&memory.steering, parameters, vehicle)
    memory.trailer_connected = NAN


cdef void truck_forget(TruckMemory* memory, const TruckParameters* parameters) noexcept nogil:
    """Another trailer: everything that came with the old one is learned anew."""
    mass_forget(&memory.mass, parameters)
    forget_trailer(memory, parameters)


cdef inline void forget_trailer(TruckMemory* memory, const TruckParameters* parameters) noexcept nogil:
    articulation_forget(&memory.articulation, parameters)
    trailer_forget(&memory.trailer)


cdef void truck_remember(TruckMemory* memory, const Actuation* actuation) noexcept nogil:
    """Keeps what was really sent, limits and all; called after the envelope."""
    remember_sent(&memory.observed, actuation)
    steering_remember(&memory.steering, actuation)


cdef inline void notice_trailer(TruckMemory* memory, const TruckParameters* parameters, int64_t tick_ns) noexcept nogil:
    cdef double told = heard(&memory.observed, SignalSample_TRAILER_CONNECTED, tick_ns, TRAILER_TOLD_S)
    cdef int64_t told_ns = memory.observed.signal[<int>SignalSample_TRAILER_CONNECTED].time_ns
    if not isfinite(told) or told_ns == memory.trailer_told_ns:
        return
    told = 1.0 if told > 0.5 else 0.0
    memory.trailer_told_ns = told_ns
    memory.trailer_otherwise = memory.trailer_otherwise + 1 if told != memory.trailer_connected else 0
    if not isfinite(memory.trailer_connected):
        memory.trailer_connected, memory.trailer_otherwise = told, 0
    elif memory.trailer_otherwise >= TRAILER_SAMPLES:
        memory.trailer_connected, memory.trailer_otherwise = told, 0
        truck_forget(memory, parameters)


cdef inline double along_road(const TruckParameters* parameters, const EgoState* ego) noexcept nogil:
    """m/s2, acceleration and the road's slope; free of the IMU's offset and of how it is mounted.

    The frame pitches with the specific force itself, and to the ego filter, whose wheels keep to the road, that is slope.
    """
    return (ego.acceleration[0] + STANDARD_GRAVITY_MPS2 * sin(ego.grade)) / (
        1.0 + STANDARD_GRAVITY_MPS2 * parameters.frame_pitch_rad_per_mps2)


cdef void truck_step(TruckMemory* memory, const TruckParameters* parameters, const VehicleParameters* vehicle_parameters,
                     const InputFrame* frame, const VehicleState* vehicle, const EgoState* ego, TruckState* truck) noexcept nogil:
    cdef int64_t tick_ns = vehicle.time_ns
    cdef double dt = elapsed_s(tick_ns, memory.last_tick_ns)
    cdef bint known = velocity_known(ego)
    cdef bint settled
    cdef Traction traction
    cdef Drive drive
    cdef double lateral = known_speed(vehicle, ego) * known_yaw_rate(vehicle, ego)
    cdef double shaft, excess, air
    cdef int64_t resets = memory.mass.resets
    memset(truck, 0, sizeof(TruckState))
    truck.time_ns = tick_ns
    truck.has_trailer = vehicle_parameters.has_trailer

    # What is told, and the forces
    observe(&memory.observed, parameters, frame)
    notice_trailer(memory, parameters, tick_ns)
    find_traction(&memory.observed, parameters, vehicle_parameters, memory.speed.x[1], tick_ns, &traction)
    settled = traction.settled and not foundation_braking(&memory.observed, tick_ns)

    # Speed and grade
    speed_step(&memory.speed, parameters, vehicle_parameters, frame, vehicle.speed_source, ego, traction.force, settled, dt)
    speed_tell(&memory.speed, ego.speed_scale_sigma if known else 0.02, traction.force, truck)
    truck.traction_n = traction.force
    grade_step(&memory.grade, parameters, ego, known, along_road(parameters, ego) if known else NAN,
               known_speed(vehicle, ego), dt, truck)

    # Mass
    drive.force, drive.per_torque = traction.force, traction.per_torque
    drive.rotating_mass = traction.rotating_mass
    drive.speed = truck.speed if isfinite(truck.speed) else known_speed(vehicle, ego)
    drive.acceleration = ego.acceleration[0] if known else NAN
    drive.specific_force = along_road(parameters, ego) if known else NAN
    drive.usable = traction.settled and known and isfinite(traction.force) and isfinite(drive.specific_force) \
        and since_s(memory.observed.braked_ns, tick_ns) > parameters.settle_s \
        and drive.speed > parameters.mass_speed_minimum_mps and fabs(lateral) < parameters.mass_lateral_maximum_mps2 \
        and not heard(&memory.observed, SignalSample_TRACTION_CONTROL_ACTIVE, tick_ns, 0.5) > 0.5
    mass_step(&memory.mass, parameters, vehicle_parameters, &drive, dt)
    truck.mass_learning = 1 if drive.usable else 0
    mass_tell(&memory.mass, parameters, vehicle_parameters, truck)

    # Heat
    shaft = memory.observed.shaft.value if since_s(memory.observed.shaft.time_ns, tick_ns) < 0.5 else 0.0
    air = heard(&memory.observed, SignalSample_AIR_TEMPERATURE, tick_ns, 30.0)
    brakes_step(&memory.brakes, parameters, vehicle_parameters, &drive, truck,
                since_s(memory.observed.foundation_ns, tick_ns) < BRAKE_RELEASE_S,
                retarder_power(&memory.observed, vehicle_parameters, tick_ns), air, dt)
    brakes_tell(&memory.brakes, parameters, vehicle_parameters, air, truck)

    # Friction
    excess = 0.0
    if isfinite(truck.speed) and truck.speed > 3.0 and shaft > 0.0:
        excess = shaft * vehicle_parameters.wheel_radius_m / (
            vehicle_parameters.driveline_ratio * memory.speed.x[1] * truck.speed) - 1.0 - truck.driven_slip
    friction_step(&memory.friction, parameters, vehicle_parameters, &memory.observed, truck,
                  traction.force if traction.settled else NAN,
                  memory.brakes.force, lateral, excess, tick_ns)
    friction_tell(&memory.friction, parameters, &memory.observed, tick_ns, truck)

    # Lateral. Where the mass was found to be another, the trailer may be
    if memory.mass.resets != resets:
        forget_trailer(memory, parameters)
    articulation_step(&memory.articulation, parameters, vehicle_parameters, frame, vehicle, ego, truck, dt)
    trailer_step(&memory.trailer, parameters, vehicle_parameters, &memory.articulation)
    articulation_tell(&memory.articulation, parameters, vehicle_parameters, tick_ns, truck)
    truck.trailer_restored = <uint8_t>memory.trailer.restored
    steering_step(&memory.steering, parameters, vehicle_parameters, vehicle, dt)
    steering_tell(&memory.steering, parameters, vehicle_parameters, dt, truck)
    memory.last_tick_ns = tick_ns


cdef class Parametrized:
    """What the faces below are made from: 0-d arrays of dtype("TruckParameters") and dtype("VehicleParameters")."""
    cdef TruckParameters parameters
    cdef VehicleParameters vehicle_parameters

    def __cinit__(self, parameters, vehicle_parameters):
        self.parameters = (<TruckParameters*>pointer(parameters))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]


cdef class TruckStep(Parametrized):
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef TruckMemory memory

    def __cinit__(self, parameters, vehicle_parameters):
        truck_reset(&self.memory, &self.parameters, &self.vehicle_parameters)

    def step(self, frame, vehicle, ego):
        result = np.zeros((), dtype("TruckState"))
        truck_step(&self.memory, &self.parameters, &self.vehicle_parameters, <const InputFrame*>pointer(frame),
                   <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego), <TruckState*>pointer(result))
        return result

    def nanoseconds(self, frame, vehicle, ego, int repeats):
        """Mean time of a step and of `remember`, driving. What `frame` holds is told anew in each, 10 ms after the last. Changes
        `frame` and `vehicle`."""
        cdef InputFrame* told = <InputFrame*>pointer(frame)
        cdef VehicleState* known = <VehicleState*>pointer(vehicle)
        cdef const EgoState* motion = <const EgoState*>pointer(ego)
        cdef TruckState truck
        cdef Actuation sent
        cdef int64_t begun = monotonic_ns()
        cdef int k
        cdef unsigned int i
        memset(&sent, 0, sizeof(Actuation))
        sent.mode = 1
        for k in range(repeats):
            sent.road_wheel_angle_rad = 0.01 * sin(0.05 * k)
            known.road_wheel_angle = 0.01 * sin(0.05 * k - 1.5)
            told.tick_time_ns += 10_000_000
            known.time_ns = told.tick_time_ns
            for i in range(told.shaft.count):
                told.shaft.items[i].valid_time_ns = told.tick_time_ns - 5_000_000
            for i in range(told.wheel.count):
                told.wheel.items[i].valid_time_ns = told.tick_time_ns - 60_000_000
            for i in range(told.signal.count):
                told.signal.items[i].valid_time_ns = told.tick_time_ns
            truck_step(&self.memory, &self.parameters, &self.vehicle_parameters, told, known, motion, &truck)
            truck_remember(&self.memory, &sent)
        return (monotonic_ns() - begun) / <double>repeats

    def remember(self, actuation):
        truck_remember(&self.memory, <const Actuation*>pointer(actuation))

    def forget(self):
        truck_forget(&self.memory, &self.parameters)

    @property
    def combination(self):
        """States (12,) and covariance (12, 12) of the yaw plane's filter."""
        return (np.array([self.memory.articulation.x[i] for i in range(12)]),
                np.array([self.memory.articulation.p[i] for i in range(144)]).reshape(12, 12))

    @property
    def steering(self):
        """Parameters (4,) and covariance (4, 4) of the steering's response."""
        return (np.array([self.memory.steering.x[i] for i in range(4)]),
                np.array([self.memory.steering.p[i] for i in range(16)]).reshape(4, 4))


def yaw_plane_rates(vehicle_parameters, double mass, double speed, double headwind, double side_area, x, double angle,
                    double bank):
    """d/dt (4,) of v, yaw rate, articulation rate, articulation, and its derivatives (4, 12) by all states, for tests."""
    cdef Combination made
    cdef double[12] state
    cdef double[4] rates
    cdef double[48] jacobian
    cdef int i
    for i in range(12):
        state[i] = x[i]
    combine(<const VehicleParameters*>pointer(vehicle_parameters), mass, speed, headwind, side_area, &made)
    combination_rates(&made, state, angle, bank, rates, jacobian)
    return np.array([rates[i] for i in range(4)]), np.array([jacobian[i] for i in range(48)]).reshape(4, 12)


cdef class MassKernel(Parametrized):
    """The mass filter alone, for the test that holds it to its twin."""
    cdef MassMemory memory

    def __cinit__(self, parameters, vehicle_parameters):
        memset(&self.memory, 0, sizeof(MassMemory))
        mass_start(&self.memory, &self.parameters, &self.vehicle_parameters)

    def step(self, double dt, bint usable, double force=0.0, double per_torque=0.0, double rotating_mass=0.0, double speed=0.0,
             double acceleration=0.0, double specific_force=0.0):
        cdef Drive drive
        cdef TruckState truck
        drive.usable, drive.force, drive.per_torque, drive.rotating_mass = usable, force, per_torque, rotating_mass
        drive.speed, drive.acceleration, drive.specific_force = speed, acceleration, specific_force
        mass_step(&self.memory, &self.parameters, &self.vehicle_parameters, &drive, dt)

    def update(self, double dt, double force, double per_torque, double rotating, double speed, double specific_force,
               double spread):
        """One bin: prediction and update."""
        mass_predict(&self.memory, &self.parameters, dt)
        mass_update(&self.memory, &self.parameters, self.vehicle_parameters.drag_area_m2, force, per_torque, rotating, speed,
                    specific_force, spread)

    def forget(self):
        mass_forget(&self.memory, &self.parameters)

    def told(self):
        """The fields of TruckState that are the mass filter's."""
        result = np.zeros((), dtype("TruckState"))
        mass_tell(&self.memory, &self.parameters, &self.vehicle_parameters, <TruckState*>pointer(result))
        return result

    @property
    def state(self):
        return np.array([self.memory.x[i] for i in range(4)])

    @property
    def covariance(self):
        return np.array([self.memory.p[i] for i in range(16)]).reshape(4, 4)
