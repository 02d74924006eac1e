# Whether steering, retarder and brakes do what was asked of them, and whether yaw rates agree. Header only.
#
# Each actuator has a model of dead time and lag, fed with what really was sent. What a constant error makes of the difference
# (a crooked sensor, a bank) is learned slowly and left out. Judged only while the stack drives: else the driver does.
from libc.math cimport NAN, fabs, isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t
from autonomy._single_track cimport angle_per_curvature
from autonomy.msg.messages cimport *
from autonomy.linalg._scalar cimport behind_lag, behind_play, clipped

cdef enum:
    COMMANDS = 64                # ticks: more than the longest dead time
    LATE_TICKS = 30              # brakes that answer so much later than the model are not weak: build-up takes 0.45 to 0.6 s [V]
    LEARNING = 200               # ticks until a difference that was just begun to learn is believed

cdef extern from *:
    """
    #define BEYOND_LAG_S 0.15                /* vibration of the IMU is not lacking brakes */
    """
    const double BEYOND_LAG_S

ctypedef struct ResponseMemory:
    double[64] sent_angle        # rad, by tick
    double actuator              # rad, before the steering's play, as it should be by now
    double model                 # rad, behind it: what the wheels should have
    double model_turn            # rad, the same as the yaw rate shows it: a lag later
    double turn                  # rad of road wheel that the yaw rate tells, low-passed
    double angle_learned         # rad, difference of the measured angle, learned ...
    double angle_offset          # ... and behind the same lag again: what begins to stick is not learned along
    double turn_learned          # rad, of the yaw rate's
    double turn_offset
    double other_turn            # rad/s, of the other yaw rate sensor, newest
    double[3] yaw_rate           # rad/s, low-passed: inertial unit, other sensor, steering
    double[2] yaw_rate_offset    # rad/s, learned differences of the inertial unit to the other two
    double retarder_asked        # N m, >= 0: rises later than the retarder does, falls at once
    double retarder_told         # N m
    double retarder_sent
    double brake                 # m/s2, expected of the foundation brakes by now
    double brake_sent
    double expected              # m/s2, of the whole
    double[30] expectations      # by tick: the last of them
    double beyond                # m/s2, of acceleration that nobody asked for, low-passed
    double surplus               # m/s2, of it, learned while no brake works
    double rolling               # m/s, as the gearbox's shaft turns; NaN while the clutch is open or a gear changes
    int64_t other_turn_ns        # when heard, 0 = never
    int64_t retarder_ns
    uint32_t newest
    uint32_t oldest              # of the expectations, the newest takes its place
    uint32_t driven              # ticks since the stack drives
    uint32_t compared            # ticks since yaw rates are compared
    uint8_t driving
    uint8_t[3] padding


cdef inline double both(double first, double second) noexcept nogil:
    """The lesser of two differences that point the same way, else 0."""
    if first > 0.0 and second > 0.0:
        return first if first < second else second
    if first < 0.0 and second < 0.0:
        return -first if first > second else -second
    return 0.0


cdef inline void follow_steering(ResponseMemory* memory, const FaultParameters* parameters,
                                 const VehicleParameters* vehicle_parameters, const VehicleState* vehicle,
                                 const TruckState* truck, double speed, double dt) noexcept nogil:
    """Model of the wheels, and the angle that the yaw rate tells. The play is the told one: wheels that stick look like more."""
    cdef double delay = truck.steering_delay_s if isfinite(truck.steering_delay_s) else vehicle_parameters.steering_delay_s
    cdef double lag = truck.steering_lag_s if isfinite(truck.steering_lag_s) else vehicle_parameters.steering_lag_s
    cdef double before = memory.actuator, step = vehicle_parameters.maximum_road_wheel_rate * dt
    cdef int back = <int>(100.0 * delay + 0.5)
    cdef bint known = vehicle.steering_validity == 0 and isfinite(vehicle.road_wheel_angle)
    if back > COMMANDS - 1:
        back = COMMANDS - 1
    if speed > parameters.minimum_speed_mps and isfinite(vehicle.yaw_rate):
        memory.turn = behind_lag(memory.turn, vehicle.yaw_rate / speed * angle_per_curvature(vehicle_parameters, speed), 0.05, dt)
    if not memory.driving:
        memory.driven = 0
        memory.actuator = memory.model = memory.model_turn = vehicle.road_wheel_angle if known else memory.turn
        memory.angle_learned = memory.angle_offset = memory.turn_learned = memory.turn_offset = 0.0
        return
    memory.actuator = clipped(behind_lag(before, memory.sent_angle[(memory.newest - back) & (COMMANDS - 1)], lag, dt),
                              before - step, before + step)
    memory.model = behind_play(memory.model, memory.actuator, 0.5 * vehicle_parameters.steering_play_rad)
    memory.model_turn = behind_lag(memory.model_turn, memory.model, vehicle_parameters.yaw_lag_s + 0.05, dt)
    if known:
        memory.angle_learned = learned(memory.angle_learned, vehicle.road_wheel_angle - memory.model, 0.003,
                                       parameters.offset_lag_s, memory.driven, dt)
    memory.turn_learned = learned(memory.turn_learned, memory.turn - memory.model_turn, 0.006, parameters.offset_lag_s,
                                  memory.driven, dt)
    lag = learning_lag(parameters.offset_lag_s, memory.driven, dt)
    memory.angle_offset = behind_lag(memory.angle_offset, memory.angle_learned, lag, dt)
    memory.turn_offset = behind_lag(memory.turn_offset, memory.turn_learned, lag, dt)
    if memory.driven < 1000000:
        memory.driven += 1


cdef inline double learned(double offset, double difference, double most, double lag, uint32_t ticks, double dt) noexcept nogil:
    """A constant difference, fast at first; what jumps beyond `most` a learned one is not taken in."""
    if not isfinite(difference) or (ticks >= LEARNING and fabs(difference - offset) > most):
        return offset
    return behind_lag(offset, difference, learning_lag(lag, ticks, dt), dt)


cdef inline double learning_lag(double lag, uint32_t ticks, double dt) noexcept nogil:
    return lag if ticks * dt > lag else 0.5 + ticks * dt


cdef inline double steering_difference(const ResponseMemory* memory, const VehicleState* vehicle) noexcept nogil:
    """rad that both the measured angle and the yaw rate say the wheels are off; by the one that is there where one is lost."""
    cdef double by_angle = vehicle.road_wheel_angle - memory.model - memory.angle_offset
    cdef double by_turn = memory.turn - memory.model_turn - memory.turn_offset
    if memory.driven < LEARNING:
        return NAN
    if vehicle.steering_validity != 0 or not isfinite(by_angle):
        return NAN
    return both(by_angle, by_turn)


cdef inline void compare_yaw_rates(ResponseMemory* memory, const FaultParameters* parameters,
                                   const VehicleParameters* vehicle_parameters, const InputFrame* frame,
                                   const VehicleState* vehicle, double speed, double dt) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double lag = parameters.yaw_rate_lag_s
    cdef uint32_t i
    for i in range(frame.signal.count):
        if frame.signal.items[i].signal == SignalSample_YAW_RATE and frame.signal.items[i].validity == 0 \
                and isfinite(frame.signal.items[i].value):
            memory.other_turn = frame.signal.items[i].value
            memory.other_turn_ns = now_ns
    for i in range(frame.imu.count):
        if frame.imu.items[i].validity == 0 and isfinite(frame.imu.items[i].angular_rate_z):
            memory.yaw_rate[0] = behind_lag(memory.yaw_rate[0], frame.imu.items[i].angular_rate_z, lag, dt / frame.imu.count)
    if memory.other_turn_ns == 0 or now_ns - memory.other_turn_ns > 300000000 or vehicle.steering_validity != 0 \
            or not speed > parameters.minimum_speed_mps:
        memory.compared = 0
        return
    memory.yaw_rate[1] = behind_lag(memory.yaw_rate[1], memory.other_turn, lag, dt)
    memory.yaw_rate[2] = behind_lag(
        memory.yaw_rate[2], vehicle.road_wheel_angle * speed / angle_per_curvature(vehicle_parameters, speed),
        lag + vehicle_parameters.yaw_lag_s, dt)
    for i in range(2):
        memory.yaw_rate_offset[i] = learned(memory.yaw_rate_offset[i], memory.yaw_rate[0] - memory.yaw_rate[1 + i],
                                            0.5 * 0.0175, parameters.offset_lag_s, memory.compared, dt)
    if memory.compared < 1000000:
        memory.compared += 1


cdef inline double yaw_rate_difference(const ResponseMemory* memory) noexcept nogil:
    """rad/s that the inertial unit is off by, as both others say."""
    if memory.compared < LEARNING:
        return NAN
    return both(memory.yaw_rate[0] - memory.yaw_rate[1] - memory.yaw_rate_offset[0],
                memory.yaw_rate[0] - memory.yaw_rate[2] - memory.yaw_rate_offset[1])


cdef inline double yaw_rate_error(const ResponseMemory* memory) noexcept nogil:
    """rad/s that the inertial unit turns too fast, by the other sensor."""
    return memory.yaw_rate[0] - memory.yaw_rate[1] - memory.yaw_rate_offset[0]


cdef inline void follow_shaft(ResponseMemory* memory, const VehicleParameters* vehicle, const InputFrame* frame) noexcept nogil:
    cdef uint32_t i
    for i in range(frame.shaft.count):
        if frame.shaft.items[i].validity == 0:
            memory.rolling = NAN if frame.shaft.items[i].driveline_engaged == 0 or frame.shaft.items[i].shift_in_progress == 1 \
                else frame.shaft.items[i].shaft_speed * vehicle.wheel_radius_m / vehicle.driveline_ratio


cdef inline double gentlest(const ResponseMemory* memory) noexcept nogil:
    """m/s2, the least braking that was expected lately."""
    cdef double most = memory.expectations[0]
    cdef int i
    for i in range(1, LATE_TICKS):
        if memory.expectations[i] > most:
            most = memory.expectations[i]
    return most


cdef inline void follow_brakes(ResponseMemory* memory, const InputFrame* frame, const EgoState* ego, double dt) noexcept nogil:
    cdef uint32_t i
    for i in range(frame.signal.count):
        if frame.signal.items[i].signal == SignalSample_RETARDER_TORQUE and frame.signal.items[i].validity == 0 \
                and isfinite(frame.signal.items[i].value):
            memory.retarder_told = frame.signal.items[i].value
            memory.retarder_ns = frame.tick_time_ns
    memory.retarder_asked = behind_lag(memory.retarder_asked, -memory.retarder_sent, 1.0, dt)
    if memory.retarder_asked > -memory.retarder_sent:
        memory.retarder_asked = -memory.retarder_sent   # one that is asked on and off gives the mean, late: not judged
    memory.brake = behind_lag(memory.brake, memory.brake_sent, 0.7, dt)
    memory.oldest = (memory.oldest + 1) % LATE_TICKS
    memory.expectations[memory.oldest] = memory.expected
    if not memory.driving:
        memory.retarder_asked = memory.brake = memory.beyond = memory.surplus = 0.0
        for i in range(LATE_TICKS):
            memory.expectations[i] = memory.expected
    elif isfinite(ego.acceleration[0]):
        memory.beyond = behind_lag(memory.beyond, ego.acceleration[0] - gentlest(memory), BEYOND_LAG_S, dt)
        if memory.brake < 0.05:
            memory.surplus = behind_lag(memory.surplus, ego.acceleration[0] - memory.expected, 2.0, dt)


cdef inline double retarder_lacking(const ResponseMemory* memory, const FaultParameters* parameters,
                                    int64_t now_ns) noexcept nogil:
    """Share of the torque asked for; NaN where too little is asked for, or it does not tell."""
    if memory.retarder_asked < parameters.retarder_least_nm or memory.retarder_ns == 0 or now_ns - memory.retarder_ns > 500000000:
        return NAN
    return 1.0 + memory.retarder_told / memory.retarder_asked


cdef inline double brake_lacking(const ResponseMemory* memory, const FaultParameters* parameters,
                                 const EgoState* ego) noexcept nogil:
    """Share of the deceleration asked of the foundation brakes."""
    cdef double asked = memory.brake if memory.brake < memory.brake_sent else memory.brake_sent
    if asked < parameters.brake_least_mps2 or not isfinite(ego.acceleration[0]) or not ego.speed > 2.0:
        return NAN
    return (memory.beyond - memory.surplus) / asked
