# What each row of [plausibility] sender says of its quantity, and what is remembered of it. Header only; judged in
# _plausibility.pxd.
from libc.math cimport NAN, isfinite
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset
from autonomy._single_track cimport angle_per_curvature
from autonomy.msg.messages cimport *

cdef enum:
    SENDERS = 16
    QUANTITIES = 4
    REPEATS = 3                  # a slow sender's value may stand for long between two of its samples

ctypedef struct SenderMemory:
    double raw                   # newest value, in the quantity's unit (of a steering sensor: its angle)
    double witness_value         # another sender's, when this one's changed last
    int64_t time_ns              # of the newest value, 0 = never
    int64_t watched_ns           # since when the value stands still beside that witness
    int64_t moved_ns             # since when the witness is far from where it was then, 0 = it is not
    int64_t changed_ns           # when it changed last
    int64_t accused_ns           # since when the majority speaks against it, 0 = it does not
    int64_t trusted_ns           # of a suspect: since when it is with the majority again, 0 = it is not
    int64_t suspect_ns           # since when it is left out, 0 = it is not
    uint8_t reason               # VehicleState SENDER_FROZEN or SENDER_DISAGREES
    int8_t witness               # row, -1 = none
    uint8_t repeats              # samples with the same value, up to REPEATS
    uint8_t[5] padding

ctypedef struct PlausibilityMemory:
    SenderMemory[16] sender
    int64_t[4] disputed_ns       # by quantity: since when they differ without a majority, 0 = they do not
    double[4] best               # value of the first good sender, NaN = none
    int64_t[4] best_ns


cdef inline void plausibility_reset(PlausibilityMemory* memory) noexcept nogil:
    cdef int row
    memset(memory, 0, sizeof(PlausibilityMemory))
    for row in range(SENDERS):
        memory.sender[row].witness = -1
    for row in range(QUANTITIES):
        memory.best[row] = NAN


cdef inline double seconds(int64_t since_ns, int64_t now_ns) noexcept nogil:
    return <double>(now_ns - since_ns) * 1e-9


cdef inline const PlausibilityLimits* limits_of(const PlausibilityParameters* parameters, int quantity) noexcept nogil:
    if quantity == PlausibilitySender_QUANTITY_SPEED: return &parameters.speed
    if quantity == PlausibilitySender_QUANTITY_YAW_RATE: return &parameters.yaw_rate
    if quantity == PlausibilitySender_QUANTITY_LATERAL_ACCELERATION: return &parameters.lateral_acceleration
    return &parameters.steering_wheel_angle


cdef inline void hear(PlausibilityMemory* memory, const PlausibilityParameters* parameters, int kind, uint16_t source,
                      int quantity, double value, uint8_t validity, int64_t time_ns, int64_t now_ns) noexcept nogil:
    """One sample of a kind; `quantity` -1 = of every row of that kind and source."""
    cdef int row
    cdef SenderMemory* sender
    if validity != 0 or not isfinite(value) or time_ns > now_ns:
        return
    for row in range(SENDERS):
        if parameters.sender[row].kind == PlausibilitySender_KIND_NONE:
            return  # rows are filled from the front
        if parameters.sender[row].kind != kind or parameters.sender[row].source != source or (
                quantity >= 0 and parameters.sender[row].quantity != quantity):
            continue
        sender = &memory.sender[row]
        if time_ns <= sender.time_ns:
            continue
        if sender.time_ns == 0 or value * parameters.sender[row].scale != sender.raw:
            sender.changed_ns = now_ns
            sender.witness = -1
            sender.repeats = 0
        elif sender.repeats < REPEATS:
            sender.repeats += 1
        sender.raw = value * parameters.sender[row].scale
        sender.time_ns = time_ns


cdef inline void hear_frame(PlausibilityMemory* memory, const PlausibilityParameters* parameters,
                            const InputFrame* frame) noexcept nogil:
    cdef uint32_t i
    cdef int64_t now_ns = frame.tick_time_ns
    cdef int quantity
    if parameters.sender[0].kind == PlausibilitySender_KIND_NONE:
        return
    for i in range(frame.wheel.count):
        hear(memory, parameters, PlausibilitySender_KIND_WHEEL, frame.wheel.items[i].source, -1,
             wheel_speed(&frame.wheel.items[i]), frame.wheel.items[i].validity, frame.wheel.items[i].valid_time_ns, now_ns)
    for i in range(frame.shaft.count):
        if frame.shaft.items[i].driveline_engaged == 0 or frame.shaft.items[i].shift_in_progress == 1:
            continue  # the shaft swings when the clutch moves
        hear(memory, parameters, PlausibilitySender_KIND_SHAFT, frame.shaft.items[i].source, -1,
             frame.shaft.items[i].shaft_speed, frame.shaft.items[i].validity, frame.shaft.items[i].valid_time_ns, now_ns)
    for i in range(frame.gnss.count):
        hear(memory, parameters, PlausibilitySender_KIND_GNSS, frame.gnss.items[i].source, -1,
             frame.gnss.items[i].speed, frame.gnss.items[i].validity, frame.gnss.items[i].valid_time_ns, now_ns)
    for i in range(frame.steering.count):
        hear(memory, parameters, PlausibilitySender_KIND_STEERING, frame.steering.items[i].source, -1,
             frame.steering.items[i].steering_wheel_angle, frame.steering.items[i].validity,
             frame.steering.items[i].valid_time_ns, now_ns)
    for i in range(frame.imu.count):
        hear(memory, parameters, PlausibilitySender_KIND_IMU, frame.imu.items[i].source,
             PlausibilitySender_QUANTITY_YAW_RATE, frame.imu.items[i].angular_rate_z, frame.imu.items[i].validity,
             frame.imu.items[i].valid_time_ns, now_ns)
        hear(memory, parameters, PlausibilitySender_KIND_IMU, frame.imu.items[i].source,
             PlausibilitySender_QUANTITY_LATERAL_ACCELERATION, frame.imu.items[i].acceleration_y,
             frame.imu.items[i].validity, frame.imu.items[i].valid_time_ns, now_ns)
    for i in range(frame.signal.count):
        quantity = PlausibilitySender_QUANTITY_YAW_RATE if frame.signal.items[i].signal == SignalSample_YAW_RATE else (
            PlausibilitySender_QUANTITY_LATERAL_ACCELERATION
            if frame.signal.items[i].signal == SignalSample_LATERAL_ACCELERATION else QUANTITIES)
        if quantity < QUANTITIES:
            hear(memory, parameters, PlausibilitySender_KIND_SIGNAL, frame.signal.items[i].source, quantity,
                 frame.signal.items[i].value, frame.signal.items[i].validity, frame.signal.items[i].valid_time_ns, now_ns)


cdef inline double wheel_speed(const WheelSample* sample) noexcept nogil:
    """The vehicle speed a sample tells: its own, else the mean of the wheels it has."""
    cdef double[4] wheels
    cdef double total = 0.0
    cdef int i, found = 0
    if isfinite(sample.vehicle_speed):
        return sample.vehicle_speed
    wheels[0] = sample.front_left
    wheels[1] = sample.front_right
    wheels[2] = sample.rear_left
    wheels[3] = sample.rear_right
    for i in range(4):
        if isfinite(wheels[i]):
            total += wheels[i]
            found += 1
    return total / found if found else NAN


cdef inline bint has_word(const PlausibilityMemory* memory, const PlausibilityParameters* parameters,
                          const VehicleParameters* vehicle, int row, int64_t now_ns, double* value,
                          int64_t* time_ns) noexcept nogil:
    """What a row says of its quantity now; False when it is too old, or geometry says nothing at this speed."""
    cdef const PlausibilitySender* sender = &parameters.sender[row]
    cdef double speed = memory.best[<int>PlausibilitySender_QUANTITY_SPEED]
    cdef double turn = memory.best[<int>PlausibilitySender_QUANTITY_YAW_RATE]
    cdef double bow
    cdef bint by_geometry = sender.kind == PlausibilitySender_KIND_MOTION or (
        sender.kind == PlausibilitySender_KIND_STEERING and sender.quantity == PlausibilitySender_QUANTITY_YAW_RATE)
    if by_geometry and not speed >= limits_of(parameters, sender.quantity).minimum_speed_mps:
        return False
    if sender.kind == PlausibilitySender_KIND_MOTION:
        if not isfinite(turn):
            return False
        time_ns[0] = memory.best_ns[<int>PlausibilitySender_QUANTITY_YAW_RATE]  # the speed changes far more slowly
        if sender.quantity == PlausibilitySender_QUANTITY_LATERAL_ACCELERATION:
            value[0] = speed * turn
            return True
        bow = angle_per_curvature(vehicle, speed) / speed
        value[0] = turn * bow * vehicle.steering_ratio
        return True
    if memory.sender[row].time_ns == 0 or seconds(memory.sender[row].time_ns, now_ns) > sender.timeout_s:
        return False
    time_ns[0] = memory.sender[row].time_ns
    value[0] = memory.sender[row].raw
    if by_geometry:
        bow = angle_per_curvature(vehicle, speed) / speed
        value[0] = memory.sender[row].raw / (vehicle.steering_ratio * bow)
    return True
