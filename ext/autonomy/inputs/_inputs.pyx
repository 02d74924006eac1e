"""The vehicle's own signals: per kind the newest valid sample of the most preferred source that is neither stale nor suspect.

A sample that is late, invalid or NaN never replaces a good one, and a good one never outlives its time-out: the value
becomes NaN and the validity says why. What a suspect sender said last is forgotten at once. Twin: autonomy/inputs/inputs_twin.py.
"""
from libc.math cimport NAN, fabs, isfinite
from libc.string cimport memset
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._engagement cimport engagement_reset, engagement_step
from autonomy.inputs._face cimport pointer
from autonomy.inputs._plausibility cimport check_quantity, is_refused, report_senders
from autonomy.inputs._preference cimport preferred
from autonomy.inputs._senders cimport QUANTITIES, hear_frame, plausibility_reset, wheel_speed
import numpy as np
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    OK = 0
    NOT_AVAILABLE = 1
    ERROR = 2
    STALE = 3
    NOBODY = 65535


cdef void inputs_reset(InputsMemory* memory, const InputsParameters* parameters) noexcept nogil:
    cdef int rank
    memset(memory, 0, sizeof(InputsMemory))
    for rank in range(RANKS):
        memory.speed[rank].validity = NOT_AVAILABLE
        memory.steering[rank].validity = NOT_AVAILABLE
    memory.imu.validity = memory.gnss.validity = memory.radar.validity = memory.engine.validity = NOT_AVAILABLE
    memory.set_speed = NAN
    memory.lagging_speed = NAN
    plausibility_reset(&memory.plausibility)
    engagement_reset(&memory.engagement)


cdef inline void offer(Newest* newest, uint16_t source, double value, uint8_t validity, int64_t valid_time_ns,
                       int64_t now_ns) noexcept nogil:
    """Takes a sample if it is newer than the one held; an invalid one leaves the value and marks why."""
    if valid_time_ns > now_ns or valid_time_ns <= newest.valid_time_ns:
        return
    if validity != OK or not isfinite(value):
        if newest.valid_time_ns == 0:
            newest.validity = validity if validity != OK else ERROR
        return
    newest.value = value
    newest.source = source
    newest.valid_time_ns = valid_time_ns
    newest.validity = OK


cdef inline void forget(Newest* newest) noexcept nogil:
    """What a suspect sender said counts no longer; a sample of another may take its place, however old."""
    newest.valid_time_ns = 0
    newest.validity = ERROR


cdef inline double age_s(const Newest* newest, int64_t now_ns) noexcept nogil:
    return NAN if newest.valid_time_ns == 0 else <double>(now_ns - newest.valid_time_ns) * 1e-9


cdef inline uint8_t validity_now(const Newest* newest, int64_t now_ns, double timeout_s) noexcept nogil:
    if newest.valid_time_ns == 0:
        return newest.validity
    return STALE if age_s(newest, now_ns) > timeout_s else OK


cdef inline const Newest* choose(const Newest* ranked, int64_t now_ns, double timeout_s) noexcept nogil:
    """The most preferred source that is fresh, else the one heard last."""
    cdef int rank, latest = 0
    for rank in range(RANKS):
        if validity_now(&ranked[rank], now_ns, timeout_s) == OK:
            return &ranked[rank]
        if ranked[rank].valid_time_ns > ranked[latest].valid_time_ns:
            latest = rank
    return &ranked[latest]


cdef inline int rank_of(const uint16_t* sources, uint16_t source) noexcept nogil:
    """The place of a source in the preference list, -1 when it is not in it."""
    cdef int rank
    for rank in range(RANKS):
        if sources[rank] == source or sources[rank] == InputsParameters_ANY_SOURCE:
            return rank
    return -1


cdef inline void forget_suspects(InputsMemory* memory, const PlausibilityParameters* parameters) noexcept nogil:
    cdef int rank
    for rank in range(RANKS):
        if memory.speed[rank].valid_time_ns and is_refused(
                &memory.plausibility, parameters, PlausibilitySender_KIND_WHEEL, memory.speed[rank].source):
            forget(&memory.speed[rank])
        if memory.steering[rank].valid_time_ns and is_refused(
                &memory.plausibility, parameters, PlausibilitySender_KIND_STEERING, memory.steering[rank].source):
            forget(&memory.steering[rank])
    if memory.imu.valid_time_ns and is_refused(&memory.plausibility, parameters, PlausibilitySender_KIND_IMU, memory.imu.source):
        forget(&memory.imu)


cdef inline void hear_samples(InputsMemory* memory, const InputsParameters* parameters,
                              const PlausibilityParameters* plausibility, const InputFrame* frame) noexcept nogil:
    """What this tick brought, but for what suspect senders say."""
    cdef int64_t now_ns = frame.tick_time_ns
    cdef const PlausibilityMemory* known = &memory.plausibility
    cdef uint32_t i
    cdef uint16_t source
    cdef int rank
    for i in range(frame.wheel.count):
        source = frame.wheel.items[i].source
        rank = rank_of(parameters.speed_sources, source)
        if rank >= 0 and not is_refused(known, plausibility, PlausibilitySender_KIND_WHEEL, source):
            offer(&memory.speed[rank], source, wheel_speed(&frame.wheel.items[i]), frame.wheel.items[i].validity,
                  frame.wheel.items[i].valid_time_ns, now_ns)
    for i in range(frame.steering.count):
        source = frame.steering.items[i].source
        rank = rank_of(parameters.steering_sources, source)
        if rank >= 0 and not is_refused(known, plausibility, PlausibilitySender_KIND_STEERING, source):
            offer(&memory.steering[rank], source, frame.steering.items[i].steering_wheel_angle,
                  frame.steering.items[i].validity, frame.steering.items[i].valid_time_ns, now_ns)
    for i in range(frame.imu.count):
        source = frame.imu.items[i].source
        if not is_refused(known, plausibility, PlausibilitySender_KIND_IMU, source):
            offer(&memory.imu, source, frame.imu.items[i].angular_rate_z, frame.imu.items[i].validity,
                  frame.imu.items[i].valid_time_ns, now_ns)
    for i in range(frame.gnss.count):
        offer(&memory.gnss, frame.gnss.items[i].source, frame.gnss.items[i].latitude_deg, frame.gnss.items[i].validity,
              frame.gnss.items[i].valid_time_ns, now_ns)
    for i in range(frame.radar.count):
        offer(&memory.radar, frame.radar.items[i].source, frame.radar.items[i].x, frame.radar.items[i].validity,
              frame.radar.items[i].valid_time_ns, now_ns)
    for i in range(frame.signal.count):
        if frame.signal.items[i].signal == SignalSample_ENGINE_SPEED:
            offer(&memory.engine, frame.signal.items[i].source, frame.signal.items[i].value, frame.signal.items[i].validity,
                  frame.signal.items[i].valid_time_ns, now_ns)
    for i in range(frame.driver.count):
        if frame.driver.items[i].validity == OK and isfinite(frame.driver.items[i].set_speed) \
                and frame.driver.items[i].set_speed >= 0.0:
            memory.set_speed = frame.driver.items[i].set_speed


cdef const InputFrame* inputs_step(InputsMemory* memory, const InputsParameters* parameters,
                                   const PlausibilityParameters* plausibility, const EngagementParameters* engagement,
                                   const VehicleParameters* vehicle_parameters, const InputFrame* frame, InputFrame* kept,
                                   VehicleState* vehicle) noexcept nogil:
    """The frame as the steps after this one see it: without the samples of who is not preferred. `kept`: room for such a copy."""
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, memory.last_tick_ns)
    cdef int quantity
    cdef const InputFrame* used
    cdef const Newest* speed
    cdef const Newest* steering

    hear_frame(&memory.plausibility, plausibility, frame)
    for quantity in range(QUANTITIES):
        check_quantity(&memory.plausibility, plausibility, vehicle_parameters, quantity, now_ns)
    forget_suspects(memory, plausibility)
    used = preferred(&memory.preference, parameters, &memory.plausibility, plausibility, frame, kept, vehicle)
    hear_samples(memory, parameters, plausibility, used)
    engagement_step(&memory.engagement, engagement, parameters, used, vehicle)

    vehicle.time_ns = now_ns
    report_senders(&memory.plausibility, plausibility, now_ns, vehicle)
    speed = choose(memory.speed, now_ns, parameters.speed_timeout_s)
    vehicle.speed_age_s = age_s(speed, now_ns)
    vehicle.speed_validity = validity_now(speed, now_ns, parameters.speed_timeout_s)
    vehicle.speed = speed.value if vehicle.speed_validity == OK else NAN
    vehicle.speed_source = speed.source if vehicle.speed_validity == OK else <uint16_t>NOBODY
    steering = choose(memory.steering, now_ns, parameters.steering_timeout_s)
    vehicle.steering_age_s = age_s(steering, now_ns)
    vehicle.steering_validity = validity_now(steering, now_ns, parameters.steering_timeout_s)
    vehicle.steering_wheel_angle = steering.value if vehicle.steering_validity == OK else NAN
    vehicle.steering_source = steering.source if vehicle.steering_validity == OK else <uint16_t>NOBODY
    vehicle.road_wheel_angle = vehicle.steering_wheel_angle / vehicle_parameters.steering_ratio
    vehicle.imu_age_s = age_s(&memory.imu, now_ns)
    vehicle.imu_validity = validity_now(&memory.imu, now_ns, parameters.imu_timeout_s)
    vehicle.yaw_rate = memory.imu.value if vehicle.imu_validity == OK \
        else memory.plausibility.best[<int>PlausibilitySender_QUANTITY_YAW_RATE]
    vehicle.gnss_age_s = age_s(&memory.gnss, now_ns)
    vehicle.gnss_validity = validity_now(&memory.gnss, now_ns, parameters.gnss_timeout_s)
    vehicle.radar_age_s = age_s(&memory.radar, now_ns)
    vehicle.radar_validity = validity_now(&memory.radar, now_ns, parameters.radar_timeout_s)
    vehicle.engine_speed = memory.engine.value \
        if validity_now(&memory.engine, now_ns, parameters.engine_timeout_s) == OK else NAN

    # The driver's acceleration: how far the speed runs ahead of its own first-order lag
    if not isfinite(vehicle.speed):
        memory.lagging_speed = NAN
        memory.driver_acceleration = 0.0
    elif not isfinite(memory.lagging_speed):
        memory.lagging_speed = vehicle.speed
        memory.driver_acceleration = 0.0
    else:
        memory.driver_acceleration = (vehicle.speed - memory.lagging_speed) / (parameters.driver_acceleration_lag_s + dt)
        memory.lagging_speed += dt * memory.driver_acceleration
    vehicle.driver_acceleration = memory.driver_acceleration

    if frame.set_speed_mps > 0.0 and isfinite(frame.set_speed_mps):
        vehicle.set_speed = frame.set_speed_mps
    elif isfinite(memory.set_speed):
        vehicle.set_speed = memory.set_speed
    else:
        vehicle.set_speed = parameters.default_set_speed_mps
    memory.last_tick_ns = now_ns
    return used


cdef void inputs_remember(InputsMemory* memory, const Actuation* actuation) noexcept nogil:
    """What came of the tick: whether the driver drives, the next one goes by."""
    memory.engagement.mode = actuation.mode


cdef class InputsStep:
    """The step alone, for tests: `step(frame)` takes a 0-d array of dtype InputFrame and returns one of VehicleState. `used`:
    the frame as the later steps would see it.

    Without `plausibility` no sender is compared with another, without `engagement` there is no switch and no condition.
    """
    cdef InputsMemory memory
    cdef InputsParameters parameters
    cdef PlausibilityParameters plausibility
    cdef EngagementParameters engagement
    cdef VehicleParameters vehicle_parameters
    cdef readonly object used

    def __init__(self, parameters, vehicle_parameters, plausibility=None, engagement=None):
        self.parameters = (<InputsParameters*>pointer(parameters))[0]
        self.vehicle_parameters = (<VehicleParameters*>pointer(vehicle_parameters))[0]
        if plausibility is not None:
            self.plausibility = (<PlausibilityParameters*>pointer(plausibility))[0]
        if engagement is not None:
            self.engagement = (<EngagementParameters*>pointer(engagement))[0]
        inputs_reset(&self.memory, &self.parameters)

    def step(self, frame):
        result = np.zeros((), dtype("VehicleState"))
        kept = np.zeros((), dtype("InputFrame"))
        cdef const InputFrame* used = inputs_step(
            &self.memory, &self.parameters, &self.plausibility, &self.engagement, &self.vehicle_parameters,
            <const InputFrame*>pointer(frame), <InputFrame*>pointer(kept), <VehicleState*>pointer(result))
        self.used = kept if used == <const InputFrame*>pointer(kept) else frame
        return result

    def remember(self, actuation):
        inputs_remember(&self.memory, <const Actuation*>pointer(actuation))
