# Samples of the frame into the rings where they wait for the horizon; what may not enter is left out here.
from libc.math cimport NAN, cos, fabs, isfinite, sin, sqrt
from libc.stdint cimport int64_t

from autonomy.estimation.ego._state cimport (
    GNSS_RING, IMU_RING, ODOMETRY_RING, WHEEL_RING, EgoFilter, GnssEntry, ImuEntry, OdometryEntry, WheelEntry,
)
from autonomy.linalg._geodesy cimport RADIAN_PER_DEGREE, earth_centred, local_axes
from autonomy.msg.messages cimport (
    AidStatus_REASON_INVALID, EgoParameters, EgoState_AID_GNSS_POSITION, EgoState_AID_ODOMETRY, EgoState_AID_WHEEL_SPEED,
    GnssSample, ImuSample, InputFrame, OdometrySample, VehicleState, WheelSample,
)


cdef enum:
    SHORTEST_CHORD_M = 5     # fixes scatter by some 0.3 m from one to the next: 0.1 rad, the prior of the first yaw
    LONGEST_MOTION_S = 1     # between two scans: longer ago the mean says little of the middle
    LONGEST_CHORD_S = 3      # a vehicle that goes less than 5 m in it stands, or its direction has changed since
    CLOSEST_FIXES_NS = 45000000  # 20 Hz, so that those that wait outlast horizon and delay; most of a fix's error is slower


cdef inline bint is_measurable(double value, double limit) noexcept nogil:
    """False for NaN, infinities and values no such sensor can mean."""
    return -limit < value < limit


cdef inline void learn_step(double* step, double change) noexcept nogil:
    """A quantised signal changes by whole steps: the smallest change ever seen is the step, or soon comes close to it."""
    # Below a millionth it is rounding of the arithmetic
    if fabs(change) > 1e-6 and (step[0] == 0.0 or fabs(change) < step[0]):
        step[0] = fabs(change)


cdef inline void push_imu(EgoFilter* state, const EgoParameters* parameters, const ImuSample* sample,
                          double yaw_rate_error, int64_t tick_ns) noexcept nogil:
    cdef ImuEntry* entry
    cdef int64_t previous = 0
    cdef int i
    if sample.validity != 0 or sample.valid_time_ns > tick_ns:
        return
    # 50 g and 2000 deg/s are the ends of automotive ranges
    if not (is_measurable(sample.acceleration_x, 500.0) and is_measurable(sample.acceleration_y, 500.0)
            and is_measurable(sample.acceleration_z, 500.0) and is_measurable(sample.angular_rate_x, 35.0)
            and is_measurable(sample.angular_rate_y, 35.0) and is_measurable(sample.angular_rate_z, 35.0)):
        return
    if state.imu_head > 0:
        previous = state.imu[(state.imu_head - 1) % IMU_RING].time_ns
        if sample.valid_time_ns <= previous:
            state.late_measurements += 1
            return
        if sample.valid_time_ns - previous > <int64_t>(parameters.imu_gap_s * 1e9):
            state.imu_gaps += 1
    else:
        state.first_imu_ns = sample.valid_time_ns
    entry = &state.imu[state.imu_head % IMU_RING]
    entry.time_ns = sample.valid_time_ns
    entry.force[0] = sample.acceleration_x
    entry.force[1] = sample.acceleration_y
    entry.force[2] = sample.acceleration_z
    entry.rate[0] = sample.angular_rate_x
    entry.rate[1] = sample.angular_rate_y
    entry.rate[2] = sample.angular_rate_z - yaw_rate_error
    if state.imu_head > 0:
        for i in range(3):
            learn_step(&state.gyro_step, entry.rate[i] - state.imu[(state.imu_head - 1) % IMU_RING].rate[i])
    state.imu_head += 1
    if state.imu_head - state.imu_next > IMU_RING - 1:
        state.imu_next = state.imu_head - (IMU_RING - 1)


cdef inline double axle_speed(const WheelSample* sample) noexcept nogil:
    """Mean of the rear wheels, else of those there are, else the vehicle speed."""
    cdef double[4] wheels
    cdef double total = 0.0
    cdef int i, count = 0
    wheels[0], wheels[1], wheels[2], wheels[3] = sample.front_left, sample.front_right, sample.rear_left, sample.rear_right
    if isfinite(sample.rear_left) and isfinite(sample.rear_right):
        return 0.5 * (sample.rear_left + sample.rear_right)
    for i in range(4):
        if isfinite(wheels[i]):
            total += wheels[i]
            count += 1
    return total / count if count > 0 else sample.vehicle_speed


cdef inline void push_wheel(EgoFilter* state, const EgoParameters* parameters, const WheelSample* sample,
                            int64_t tick_ns) noexcept nogil:
    """Means over the wheel interval, at their mean time; a source slower than that passes as it is."""
    cdef double speed = axle_speed(sample)
    cdef WheelEntry* entry
    if sample.validity != 0 or not is_measurable(speed, 150.0) or sample.valid_time_ns > tick_ns:
        state.aids[<int>EgoState_AID_WHEEL_SPEED].fault = AidStatus_REASON_INVALID
        return
    if sample.valid_time_ns <= state.last_wheel_ns or (state.wheel_group and sample.valid_time_ns < state.wheel_group_ns):
        state.late_measurements += 1
        return
    if state.wheel_group == 0:
        state.wheel_group_ns = sample.valid_time_ns
        state.wheel_group_age = 0.0
        state.wheel_group_speed = 0.0
    learn_step(&state.wheel_step, speed - state.wheel_sample)
    state.wheel_sample = speed
    state.wheel_group += 1
    state.wheel_group_age += 1e-9 * <double>(sample.valid_time_ns - state.wheel_group_ns)
    state.wheel_group_speed += speed
    if sample.valid_time_ns - state.last_wheel_ns < <int64_t>(parameters.wheel_interval_s * 1e9):
        return
    entry = &state.wheel[state.wheel_head % WHEEL_RING]
    entry.time_ns = state.wheel_group_ns + <int64_t>(1e9 * state.wheel_group_age / state.wheel_group)
    entry.speed = state.wheel_group_speed / state.wheel_group
    entry.step = state.wheel_step
    state.last_wheel_ns = sample.valid_time_ns
    state.wheel_group = 0
    state.wheel_head += 1
    if state.wheel_head - state.wheel_next > WHEEL_RING:
        state.wheel_next = state.wheel_head - WHEEL_RING


cdef inline void draw_chord(EgoFilter* state, GnssEntry* entry) noexcept nogil:
    """The velocity of a receiver that tells positions alone: from a fix some metres back, to start the filter by."""
    cdef double seconds = 1e-9 * <double>(entry.time_ns - state.chord_ns)
    cdef double step[3]
    cdef double east, north
    cdef int i
    for i in range(3):
        step[i] = entry.position[i] - state.chord_position[i]
    east = entry.axes[0] * step[0] + entry.axes[1] * step[1] + entry.axes[2] * step[2]
    north = entry.axes[3] * step[0] + entry.axes[4] * step[1] + entry.axes[5] * step[2]
    if state.chord_ns != 0 and seconds < LONGEST_CHORD_S and east * east + north * north < SHORTEST_CHORD_M * SHORTEST_CHORD_M:
        return  # not far enough for a direction yet
    if state.chord_ns != 0 and seconds < 2.0 * LONGEST_CHORD_S:
        entry.velocity[0] = east / seconds
        entry.velocity[1] = north / seconds
        entry.has_velocity = 1
    state.chord_ns = entry.time_ns
    for i in range(3):
        state.chord_position[i] = entry.position[i]


cdef inline void push_gnss(EgoFilter* state, const EgoParameters* parameters, const GnssSample* sample,
                           int64_t tick_ns) noexcept nogil:
    cdef GnssEntry* entry
    cdef double course = sample.course_deg * RADIAN_PER_DEGREE
    cdef double altitude = sample.altitude_m
    cdef double told
    cdef bint located = (is_measurable(sample.latitude_deg, 90.0) and is_measurable(sample.longitude_deg, 360.0)
                         and not (sample.latitude_deg == 0.0 and sample.longitude_deg == 0.0))
    if sample.validity != 0 or sample.fix_type == 0 or not located or sample.valid_time_ns > tick_ns:
        state.aids[EgoState_AID_GNSS_POSITION].fault = AidStatus_REASON_INVALID
        return
    if state.gnss_head > 0 and sample.valid_time_ns <= state.gnss[(state.gnss_head - 1) % GNSS_RING].time_ns:
        state.late_measurements += 1
        return
    if state.gnss_head > 0 and sample.valid_time_ns - state.gnss[(state.gnss_head - 1) % GNSS_RING].time_ns < CLOSEST_FIXES_NS:
        return
    if not state.has_delays:
        # A receiver that states when its fix was true has told part of the delay already
        state.has_delays = 1
        told = 1e-9 * <double>(sample.received_time_ns - sample.valid_time_ns)
        if told > 0.0:
            state.delay[0] = max(0.0, state.delay[0] - told)
            state.delay[1] = max(0.0, state.delay[1] - told)
    entry = &state.gnss[state.gnss_head % GNSS_RING]
    entry.time_ns = sample.valid_time_ns
    entry.position_sigma = sample.position_sigma if sample.position_sigma > 0.0 else NAN
    entry.altitude_sigma = sample.altitude_sigma if sample.altitude_sigma > 0.0 else NAN
    entry.speed_sigma = sample.speed_sigma if sample.speed_sigma > 0.0 else NAN
    entry.course_sigma = sample.course_sigma_deg * RADIAN_PER_DEGREE if sample.course_sigma_deg > 0.0 else NAN
    entry.has_altitude = is_measurable(altitude, 20000.0)
    if not entry.has_altitude:
        altitude = state.origin_lla[2]  # a two-dimensional fix: a height so uncertain that it says nothing
    entry.lla[0] = sample.latitude_deg
    entry.lla[1] = sample.longitude_deg
    entry.lla[2] = altitude
    earth_centred(sample.latitude_deg, sample.longitude_deg, altitude, entry.position)
    local_axes(sample.latitude_deg, sample.longitude_deg, entry.axes)
    entry.has_velocity = 0
    entry.velocity[2] = 0.0
    if is_measurable(sample.velocity_east, 150.0) and is_measurable(sample.velocity_north, 150.0):
        entry.velocity[0] = sample.velocity_east
        entry.velocity[1] = sample.velocity_north
        entry.has_velocity = 2
        if is_measurable(sample.velocity_up, 50.0):
            entry.velocity[2] = sample.velocity_up
            entry.has_velocity = 3
    elif is_measurable(sample.speed, 150.0) and is_measurable(course, 100.0):
        entry.velocity[0] = sample.speed * sin(course)
        entry.velocity[1] = sample.speed * cos(course)
        entry.has_velocity = 2
        if fabs(sample.speed) < parameters.gnss_course_speed_mps:
            entry.course_sigma = NAN
            entry.speed_sigma = max(fabs(sample.speed), parameters.gnss_speed_sigma_mps)  # its course says little
    if not entry.has_velocity:
        draw_chord(state, entry)
    entry.speed = 0.0
    if entry.has_velocity:
        entry.speed = sqrt(entry.velocity[0] * entry.velocity[0] + entry.velocity[1] * entry.velocity[1])
    state.gnss_head += 1
    if state.gnss_head - state.gnss_next_position > GNSS_RING:
        state.gnss_next_position = state.gnss_head - GNSS_RING
    if state.gnss_head - state.gnss_next_velocity > GNSS_RING:
        state.gnss_next_velocity = state.gnss_head - GNSS_RING


cdef inline void push_odometry(EgoFilter* state, const EgoParameters* parameters, const OdometrySample* sample,
                               int64_t tick_ns) noexcept nogil:
    """Mean velocities along the axes of the vehicle half-way: the translation is told in those of its beginning."""
    cdef OdometryEntry* entry
    cdef double seconds = 1e-9 * <double>(sample.valid_time_ns - sample.start_time_ns)
    cdef double half = 0.5 * sample.rotation[2]
    cdef double x, y
    if (sample.validity != 0 or not 0.0 < seconds <= LONGEST_MOTION_S or sample.valid_time_ns > tick_ns
            or not (is_measurable(sample.translation[0], 150.0 * seconds)
                    and is_measurable(sample.translation[1], 150.0 * seconds)
                    and is_measurable(sample.rotation[2], 3.0 * seconds))
            or not (sample.sigma[0] > 0.0 and sample.sigma[1] > 0.0 and sample.sigma[5] > 0.0)):
        state.aids[EgoState_AID_ODOMETRY].fault = AidStatus_REASON_INVALID
        return
    if sample.start_time_ns < state.last_scan_ns:
        state.late_measurements += 1
        return
    state.last_scan_ns = sample.valid_time_ns
    x = sample.translation[0] / seconds
    y = sample.translation[1] / seconds
    entry = &state.odometry[state.odometry_head % ODOMETRY_RING]
    entry.time_ns = sample.start_time_ns + (sample.valid_time_ns - sample.start_time_ns) // 2
    entry.velocity[0] = x * cos(half) + y * sin(half)
    entry.velocity[1] = y * cos(half) - x * sin(half)
    entry.velocity_sigma[0] = max(sample.sigma[0] / seconds, parameters.odometry_sigma_mps)
    entry.velocity_sigma[1] = max(sample.sigma[1] / seconds, parameters.odometry_sigma_mps)
    entry.rate = sample.rotation[2] / seconds
    entry.rate_sigma = max(sample.sigma[5] / seconds, parameters.odometry_rate_sigma_radps)
    state.odometry_head += 1
    if state.odometry_head - state.odometry_next > ODOMETRY_RING:
        state.odometry_next = state.odometry_head - ODOMETRY_RING


cdef inline bint is_refused(const VehicleState* vehicle, const WheelSample* sample) noexcept nogil:
    """A sender that the inputs step has found frozen or against the majority; without that step (NULL) nobody is."""
    cdef int i
    if vehicle == NULL:
        return False
    for i in range(vehicle.refused_wheel_count):
        if vehicle.refused_wheel_sources[i] == sample.source:
            return True
    return False


cdef inline void take_samples(EgoFilter* state, const EgoParameters* parameters, const InputFrame* frame,
                              const VehicleState* vehicle) noexcept nogil:
    cdef unsigned int i
    for i in range(min(frame.imu.count, 32)):
        push_imu(state, parameters, &frame.imu.items[i], vehicle.imu_yaw_rate_error if vehicle != NULL else 0.0,
                 frame.tick_time_ns)
    for i in range(min(frame.wheel.count, 16)):
        if not is_refused(vehicle, &frame.wheel.items[i]):
            push_wheel(state, parameters, &frame.wheel.items[i], frame.tick_time_ns)
    for i in range(min(frame.odometry.count, 2)):
        push_odometry(state, parameters, &frame.odometry.items[i], frame.tick_time_ns)
    for i in range(min(frame.gnss.count, 4)):
        push_gnss(state, parameters, &frame.gnss.items[i], frame.tick_time_ns)
