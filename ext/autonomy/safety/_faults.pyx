"""The fault table: condition, detector, time limits, action and clear condition of each row (configs/faults.toml).

Each row has a value of its detector's own unit. Beyond the threshold for within_s it is told, told for act_after_s its action
begins, within for clear_after_s it is over. What all rows together ask for goes to the plan (speed limit, stop), the envelope
(mode, actuators not to use) and the report. Twin: autonomy/safety/faults_twin.py.
"""
import numpy as np
from libc.math cimport NAN, fabs, fmax, isfinite
from libc.string cimport memset
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport known_speed
from drivers._clocks cimport monotonic_ns
from autonomy.safety._fault_hearing cimport RowHearing, events_since, hear_row
from autonomy.safety._fault_response cimport (
    COMMANDS, brake_lacking, compare_yaw_rates, follow_brakes, follow_shaft, follow_steering, retarder_lacking,
    steering_difference, yaw_rate_difference, yaw_rate_error)
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    STANDBY = 0
    EVENT_WINDOW_NS = 1000000000
    LEAST_REPEATS = 3            # a coarse value may stand for a while

cdef double STANDBY_CLEAR_S = 5.0    # [D] longer than an engine is cranked
cdef double TOLD_MASS_SHARE = 0.1    # [M] air springs weigh a load to 5 %, the steered axle is guessed


cdef void faults_reset(FaultsMemory* memory, const FaultParameters* parameters) noexcept nogil:
    memset(memory, 0, sizeof(FaultsMemory))
    memory.trailer_connected = NAN


cdef void faults_correct(const FaultsMemory* memory, VehicleState* vehicle) noexcept nogil:
    """What the last tick knew to be wrong with the inertial unit, before this one's ego filter takes it."""
    vehicle.imu_yaw_rate_error = yaw_rate_error(&memory.response) if memory.yaw_rate_told else 0.0
    if vehicle.imu_validity == 0:
        vehicle.yaw_rate -= vehicle.imu_yaw_rate_error


cdef void faults_remember(FaultsMemory* memory, const Actuation* actuation) noexcept nogil:
    """What really was sent; called after the envelope."""
    cdef bint drives = actuation.mode != STANDBY
    memory.response.driving = drives
    memory.response.newest = (memory.response.newest + 1) & (COMMANDS - 1)
    memory.response.sent_angle[memory.response.newest] = actuation.road_wheel_angle_rad
    memory.response.retarder_sent = actuation.retarder_torque_nm if drives else 0.0
    memory.response.brake_sent = actuation.brake_deceleration_mps2 if drives else 0.0
    memory.response.expected = actuation.expected_acceleration_mps2


cdef inline double frozen_by(RowMemory* row, const ResponseMemory* response, bint by_turn, double speed,
                             const FaultParameters* parameters) noexcept nogil:
    """How far what should move with it did while the value stood still. Zero is no such value: sensors say it at rest."""
    cdef double other = response.turn if by_turn else response.rolling
    if row.heard.repeats == 0 or row.heard.value == 0.0 or not speed > parameters.minimum_speed_mps or not isfinite(other):
        row.stood_at = other
        return 0.0
    return fabs(other - row.stood_at) if row.heard.repeats >= LEAST_REPEATS else 0.0


cdef inline bint angle_is_frozen(const FaultsMemory* memory, const FaultParameters* parameters) noexcept nogil:
    """Told by a row: the wheels moved while the angle stood still, so it is no witness of what they do."""
    cdef int i
    for i in range(ROWS):
        if parameters.row[i].detector == FaultRow_DETECTOR_FROZEN and parameters.row[i].subject == FaultRow_SUBJECT_STEERING \
                and memory.row[i].told_ns != 0:
            return True
    return False


cdef inline double suspicion(const PlausibilityParameters* plausibility, const FaultRow* row,
                             const VehicleState* vehicle) noexcept nogil:
    cdef int i, kind
    if row.subject == FaultRow_SUBJECT_STEERING: kind = PlausibilitySender_KIND_STEERING
    elif row.subject == FaultRow_SUBJECT_WHEEL: kind = PlausibilitySender_KIND_WHEEL
    elif row.subject == FaultRow_SUBJECT_SHAFT: kind = PlausibilitySender_KIND_SHAFT
    elif row.subject == FaultRow_SUBJECT_IMU: kind = PlausibilitySender_KIND_IMU
    elif row.subject == FaultRow_SUBJECT_GNSS: kind = PlausibilitySender_KIND_GNSS
    else: kind = PlausibilitySender_KIND_SIGNAL
    for i in range(16):
        if plausibility.sender[i].kind == kind and (row.source == 65535 or plausibility.sender[i].source == row.source) and (
                vehicle.sender_status[i] == VehicleState_SENDER_FROZEN
                or vehicle.sender_status[i] == VehicleState_SENDER_DISAGREES):
            return 1.0
    return 0.0


cdef inline double another_trailer(const VehicleParameters* vehicle, const TruckState* truck, double connected) noexcept nogil:
    """1 = told or measured otherwise than configured: a tenth of the wheelbase and three sigma are no other trailer.

    Whether it counts as known does not matter then: the sigma began as that of the configured value.
    """
    if isfinite(connected) and (connected > 0.5) != (vehicle.has_trailer != 0):
        return 1.0
    if truck.trailer_wheelbase_sigma_m > 0.0 and fabs(truck.trailer_wheelbase_m - vehicle.trailer_wheelbase_m) > \
            0.1 * vehicle.trailer_wheelbase_m + 3.0 * truck.trailer_wheelbase_sigma_m:
        return 1.0
    return 0.0 if isfinite(connected) or truck.trailer_wheelbase_known else NAN


cdef inline double mass_beyond(const VehicleParameters* vehicle, const TruckState* truck, const RowHearing* told) noexcept nogil:
    """kg by which configured, measured and told mass (CVW) lie further apart than they may be off by: the worst pair of them."""
    cdef double apart = NAN
    if truck.mass_excited:
        apart = fabs(truck.mass_kg - vehicle.mass_kg) - 3.0 * (vehicle.mass_sigma_kg + truck.mass_sigma_kg)
    if told.heard_ns == 0 or told.void_ns != 0 or not told.value > 0.0:
        return apart
    apart = fmax(apart, fabs(told.value - vehicle.mass_kg) - 3.0 * vehicle.mass_sigma_kg - TOLD_MASS_SHARE * told.value)
    if truck.mass_excited:
        apart = fmax(apart, fabs(told.value - truck.mass_kg) - 3.0 * truck.mass_sigma_kg - TOLD_MASS_SHARE * told.value)
    return apart


cdef inline void forget_told_mass(FaultsMemory* memory, const FaultParameters* parameters) noexcept nogil:
    """Of another combination."""
    cdef int i
    for i in range(ROWS):
        if parameters.row[i].detector == FaultRow_DETECTOR_MASS:
            memory.row[i].heard.heard_ns = 0


cdef inline double value_now(FaultsMemory* memory, const FaultParameters* parameters, const PlausibilityParameters* plausibility,
                             const VehicleParameters* vehicle_parameters, const VehicleState* vehicle, const EgoState* ego,
                             const TruckState* truck, int number, double speed, int64_t now_ns) noexcept nogil:
    """What the row's detector says; NaN when there is nothing to judge by."""
    cdef const FaultRow* row = &parameters.row[number]
    cdef RowMemory* own = &memory.row[number]
    if row.detector == FaultRow_DETECTOR_SILENT:
        return NAN if own.heard.heard_ns == 0 else <double>(now_ns - own.heard.heard_ns) * 1e-9 / row.period_s
    if row.detector == FaultRow_DETECTOR_NOT_AVAILABLE:
        return 0.0 if own.heard.void_ns == 0 else <double>(now_ns - own.heard.void_ns) * 1e-9 / row.period_s
    if row.detector == FaultRow_DETECTOR_SUSPECT:
        return suspicion(plausibility, row, vehicle)
    if row.detector == FaultRow_DETECTOR_FROZEN:
        return frozen_by(own, &memory.response, row.subject == FaultRow_SUBJECT_STEERING, speed, parameters)
    if row.detector == FaultRow_DETECTOR_STEERING_RESPONSE:
        if not speed > parameters.minimum_speed_mps or angle_is_frozen(memory, parameters):
            return NAN
        return steering_difference(&memory.response, vehicle)
    if row.detector == FaultRow_DETECTOR_RETARDER_RESPONSE:
        return retarder_lacking(&memory.response, parameters, now_ns)
    if row.detector == FaultRow_DETECTOR_BRAKE_RESPONSE:
        return brake_lacking(&memory.response, parameters, ego)
    if row.detector == FaultRow_DETECTOR_EVENT:
        return events_since(&own.heard, now_ns - EVENT_WINDOW_NS)
    if row.detector == FaultRow_DETECTOR_BELOW:
        return NAN if own.heard.heard_ns == 0 else own.heard.value
    if row.detector == FaultRow_DETECTOR_YAW_RATE:
        return yaw_rate_difference(&memory.response)
    if row.detector == FaultRow_DETECTOR_TRAILER:
        return another_trailer(vehicle_parameters, truck, memory.trailer_connected)
    return mass_beyond(vehicle_parameters, truck, &own.heard)


cdef inline double clears_after_s(const FaultRow* row, bint driving) noexcept nogil:
    """s of good values until a fault is over; 0 = it stays."""
    return row.clear_after_s if driving or row.clear_after_s > 0.0 else STANDBY_CLEAR_S


cdef inline uint8_t judge(RowMemory* own, const FaultRow* row, double value, bint driving, int64_t now_ns) noexcept nogil:
    """STATUS_* of a row; a value that is not known neither tells nor clears."""
    cdef double clear_s = clears_after_s(row, driving)
    cdef bint passed = value < row.threshold if row.detector == FaultRow_DETECTOR_BELOW else value > row.threshold
    if not passed:
        own.passed_ns = 0
        if own.told_ns and isfinite(value) and clear_s > 0.0:
            if own.gone_ns == 0:
                own.gone_ns = now_ns
            if <double>(now_ns - own.gone_ns) * 1e-9 >= clear_s:
                own.told_ns = own.gone_ns = 0
    else:
        own.gone_ns = 0
        if own.passed_ns == 0:
            own.passed_ns = now_ns
        if own.told_ns == 0 and <double>(now_ns - own.passed_ns) * 1e-9 >= row.within_s:
            own.told_ns = now_ns
    if own.told_ns:
        return FaultState_STATUS_ACTED if <double>(now_ns - own.told_ns) * 1e-9 >= row.act_after_s else FaultState_STATUS_TOLD
    if own.passed_ns:
        return FaultState_STATUS_SUSPECTED
    return FaultState_STATUS_GOOD if isfinite(value) else FaultState_STATUS_UNKNOWN


cdef inline void ask_for(FaultsMemory* memory, const FaultParameters* parameters, int64_t now_ns,
                         FaultState* state) noexcept nogil:
    """What the rows in force ask for together."""
    cdef const FaultRow* row
    cdef int i
    for i in range(ROWS):
        if state.status[i] >= FaultState_STATUS_TOLD:
            state.told += 1
            if state.worst == 0:
                state.worst = <uint8_t>(1 + i)
        if state.status[i] != FaultState_STATUS_ACTED:
            continue
        row = &parameters.row[i]
        state.unusable |= row.unusable
        if row.action > state.action:
            state.action = row.action
            state.worst = <uint8_t>(1 + i)
        if row.action >= FaultRow_ACTION_LIMIT_SPEED and row.speed_limit_mps > 0.0 and (
                state.speed_limit_mps == 0.0 or row.speed_limit_mps < state.speed_limit_mps):
            state.speed_limit_mps = row.speed_limit_mps
    state.take_over_s = NAN
    if not memory.response.driving:
        memory.stopping = 0
    if not memory.response.driving or state.action < FaultRow_ACTION_HAND_OVER:
        memory.hand_over_ns = 0
    elif memory.hand_over_ns == 0:
        memory.hand_over_ns = now_ns
    if memory.hand_over_ns:
        state.take_over_s = parameters.hand_over_s - <double>(now_ns - memory.hand_over_ns) * 1e-9
        if state.take_over_s <= 0.0:
            state.take_over_s = 0.0
            memory.stopping = 1
    if memory.stopping:
        state.action = FaultRow_ACTION_MINIMAL_RISK


cdef void faults_step(FaultsMemory* memory, const FaultParameters* parameters, const PlausibilityParameters* plausibility,
                      const VehicleParameters* vehicle_parameters, const InputFrame* frame, const InputFrame* used,
                      const VehicleState* vehicle, const EgoState* ego, const TruckState* truck,
                      FaultState* state) noexcept nogil:
    """`frame`: all that was heard, for the rows look at each sender; `used`: that of the preferred ones."""
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, memory.last_tick_ns)
    cdef double speed = known_speed(vehicle, ego)
    cdef uint32_t k
    cdef int i
    memset(state, 0, sizeof(FaultState))
    state.time_ns = now_ns
    state.take_over_s = NAN
    memory.last_tick_ns = now_ns
    if parameters.row[0].detector == FaultRow_DETECTOR_NONE:
        return  # rows are filled from the front
    for k in range(used.signal.count):
        if used.signal.items[k].signal == SignalSample_TRAILER_CONNECTED and used.signal.items[k].validity == 0:
            if isfinite(memory.trailer_connected) and memory.trailer_connected != used.signal.items[k].value:
                forget_told_mass(memory, parameters)
            memory.trailer_connected = used.signal.items[k].value
    follow_steering(&memory.response, parameters, vehicle_parameters, vehicle, truck, speed, dt)
    compare_yaw_rates(&memory.response, parameters, vehicle_parameters, used, vehicle, speed, dt)
    follow_brakes(&memory.response, used, ego, dt)
    follow_shaft(&memory.response, vehicle_parameters, used)
    for i in range(ROWS):
        if parameters.row[i].detector == FaultRow_DETECTOR_NONE:
            break
        hear_row(&memory.row[i].heard, &parameters.row[i], frame)
        state.value[i] = value_now(memory, parameters, plausibility, vehicle_parameters, vehicle, ego, truck, i, speed, now_ns)
        state.status[i] = judge(&memory.row[i], &parameters.row[i], state.value[i], memory.response.driving != 0, now_ns)
        state.fault[i] = parameters.row[i].fault
        state.since_ns[i] = memory.row[i].told_ns
        if parameters.row[i].detector == FaultRow_DETECTOR_YAW_RATE:
            memory.yaw_rate_told = state.status[i] >= FaultState_STATUS_TOLD
    ask_for(memory, parameters, now_ns, state)


cdef class FaultsStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef FaultsMemory memory
    cdef FaultParameters parameters
    cdef PlausibilityParameters plausibility
    cdef VehicleParameters vehicle_parameters

    def __init__(self, parameters, vehicle_parameters, plausibility=None):
        self.parameters = (<FaultParameters*>pointer(parameters))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]
        if plausibility is not None:
            self.plausibility = (<PlausibilityParameters*>pointer(plausibility))[0]
        faults_reset(&self.memory, &self.parameters)

    def step(self, frame, vehicle, ego, truck):
        result = np.zeros((), dtype("FaultState"))
        faults_step(&self.memory, &self.parameters, &self.plausibility, &self.vehicle_parameters,
                    <const InputFrame*>pointer(frame), <const InputFrame*>pointer(frame),
                    <const VehicleState*>pointer(vehicle), <const EgoState*>pointer(ego),
                    <const TruckState*>pointer(truck), <FaultState*>pointer(result))
        return result

    def remember(self, actuation):
        faults_remember(&self.memory, <const Actuation*>pointer(actuation))

    def nanoseconds(self, frame, vehicle, ego, truck, int repeats):
        """Mean time of a step. What `frame` holds is told anew in each, 10 ms after the last. Changes `frame`."""
        cdef InputFrame* told = <InputFrame*>pointer(frame)
        cdef const VehicleState* known = <const VehicleState*>pointer(vehicle)
        cdef const EgoState* motion = <const EgoState*>pointer(ego)
        cdef const TruckState* learned = <const TruckState*>pointer(truck)
        cdef FaultState state
        cdef Actuation actuation
        cdef int64_t begun
        cdef int k
        memset(&actuation, 0, sizeof(Actuation))
        actuation.mode = 1
        begun = monotonic_ns()
        for k in range(repeats):
            told.tick_time_ns += 10_000_000
            faults_step(&self.memory, &self.parameters, &self.plausibility, &self.vehicle_parameters, told, told, known, motion,
                        learned, &state)
            faults_remember(&self.memory, &actuation)
        return <double>(monotonic_ns() - begun) / repeats
