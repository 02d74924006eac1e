# Start: tilt from the mean specific force, yaw and velocity from the first usable fix, also while driving.
from libc.math cimport atan2, cos, sin, sqrt
from libc.stdint cimport int64_t, uint32_t

from autonomy.estimation.ego._frame cimport local_position, local_velocity
from autonomy.estimation.ego._predict cimport carry_covariance, forget
from autonomy.estimation.ego._state cimport (
    ACCELEROMETER_BIAS, ATTITUDE, AXLE_X, GNSS_ERROR, GNSS_RING, GYRO_BIAS, IMU_RING, MOUNTING, POSITION, POSITION_DELAY, ROW,
    RUNNING, SLIP, SPEED_SCALE, VELOCITY, VELOCITY_DELAY, WHEEL_DELAY, WHEEL_RING, EgoFilter, GnssEntry,
)
from autonomy.linalg._small cimport matrix_of, quaternion_product, rotate
from autonomy.msg.messages cimport EgoParameters

cdef enum:
    NOT_ALIGNED = 0          # yaw unknown
    ALIGNED = 1
    LOCAL = 2                # yaw is zero by definition: no fix has ever been seen
    LEAST_IMU_SAMPLES = 15


cdef inline void set_variance(EgoFilter* state, int index, double sigma) noexcept nogil:
    cdef int k
    for k in range(ROW):
        state.covariance[ROW * index + k] = 0.0
    for k in range(ROW - 2):
        state.covariance[ROW * k + index] = 0.0
    state.covariance[(ROW + 1) * index] = sigma * sigma


cdef inline void set_origin(EgoFilter* state, const GnssEntry* fix) noexcept nogil:
    cdef int i
    for i in range(3):
        state.origin_ecef[i] = fix.position[i]
        state.origin_lla[i] = fix.lla[i]
    for i in range(9):
        state.origin_axes[i] = fix.axes[i]
    state.has_origin = 1


cdef inline bint set_tilt(EgoFilter* state, double yaw) noexcept nogil:
    """Orientation from the mean specific force of the ring and a vehicle yaw; False while there are too few samples."""
    cdef double force[3]
    cdef double mean[3]
    cdef double roll, pitch
    cdef double about_z[4]
    cdef double about_y[4]
    cdef double about_x[4]
    cdef uint32_t count = min(state.imu_head, <uint32_t>(IMU_RING - 1))
    cdef uint32_t i, j
    if count < LEAST_IMU_SAMPLES:
        return False
    for j in range(3):
        mean[j] = 0.0
    for i in range(state.imu_head - count, state.imu_head):
        for j in range(3):
            mean[j] += state.imu[i % IMU_RING].force[j]
    for j in range(3):
        force[j] = mean[j] / count - state.accelerometer_bias[j]
    rotate(state.vehicle_axes, force, mean)
    roll = atan2(mean[1], mean[2])
    pitch = atan2(-mean[0], sqrt(mean[1] * mean[1] + mean[2] * mean[2]))
    about_z[0] = cos(0.5 * yaw)
    about_z[1] = 0.0
    about_z[2] = 0.0
    about_z[3] = sin(0.5 * yaw)
    about_y[0] = cos(0.5 * pitch)
    about_y[1] = 0.0
    about_y[2] = sin(0.5 * pitch)
    about_y[3] = 0.0
    about_x[0] = cos(0.5 * roll)
    about_x[1] = sin(0.5 * roll)
    about_x[2] = 0.0
    about_x[3] = 0.0
    quaternion_product(about_z, about_y, state.orientation)
    quaternion_product(state.orientation, about_x, state.orientation)
    # Vehicle orientation times the mounting gives that of the IMU
    about_z[0] = cos(0.5 * state.mounting[1])
    about_z[3] = sin(0.5 * state.mounting[1])
    about_y[0] = cos(0.5 * state.mounting[0])
    about_y[2] = sin(0.5 * state.mounting[0])
    quaternion_product(state.orientation, about_z, state.orientation)
    quaternion_product(state.orientation, about_y, state.orientation)
    return True


cdef inline void set_priors(EgoFilter* state, const EgoParameters* parameters, double yaw_sigma) noexcept nogil:
    """Covariance of a start; means of biases, scale, mounting and delays stay what they are."""
    cdef int i
    for i in range(3):
        set_variance(state, POSITION + i, parameters.start_position_sigma_m)
        set_variance(state, VELOCITY + i, parameters.start_velocity_sigma_mps)
        set_variance(state, GYRO_BIAS + i, parameters.gyro_bias_sigma)
        set_variance(state, ACCELEROMETER_BIAS + i, parameters.accelerometer_bias_sigma)
        state.gnss_error[i] = 0.0
        set_variance(state, GNSS_ERROR + i, 1.0)
    set_variance(state, ATTITUDE, parameters.tilt_sigma_rad)
    set_variance(state, ATTITUDE + 1, parameters.tilt_sigma_rad)
    set_variance(state, ATTITUDE + 2, yaw_sigma)
    set_variance(state, SPEED_SCALE, parameters.speed_scale_sigma)
    set_variance(state, MOUNTING, parameters.mounting_sigma[0])
    set_variance(state, MOUNTING + 1, parameters.mounting_sigma[1])
    set_variance(state, POSITION_DELAY, parameters.gnss_position_delay_sigma_s)
    set_variance(state, VELOCITY_DELAY, parameters.gnss_velocity_delay_sigma_s)
    set_variance(state, WHEEL_DELAY, parameters.wheel_delay_sigma_s)
    set_variance(state, AXLE_X, parameters.axle_x_sigma_m)
    set_variance(state, SLIP, parameters.slip_sigma)


cdef inline void start_clock(EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns) noexcept nogil:
    """Puts the horizon at its distance behind now, or at the oldest IMU sample there is; samples before it are passed over."""
    cdef int64_t start = tick_ns - <int64_t>(parameters.horizon_delay_s * 1e9)
    cdef uint32_t oldest = state.imu_head - min(state.imu_head, <uint32_t>(IMU_RING - 1))
    cdef int i
    if state.imu[oldest % IMU_RING].time_ns > start:
        start = state.imu[oldest % IMU_RING].time_ns
    state.imu_next = oldest
    while state.imu_next < state.imu_head and state.imu[state.imu_next % IMU_RING].time_ns <= start:
        state.imu_next += 1
    state.horizon_ns = start
    while state.gnss_next_position < state.gnss_head and (
            state.gnss[state.gnss_next_position % GNSS_RING].time_ns - <int64_t>(state.delay[0] * 1e9) < start):
        state.gnss_next_position += 1
    while state.gnss_next_velocity < state.gnss_head and (
            state.gnss[state.gnss_next_velocity % GNSS_RING].time_ns - <int64_t>(state.delay[1] * 1e9) < start):
        state.gnss_next_velocity += 1
    state.wheel_next = state.wheel_head
    state.next_non_holonomic_ns = start
    state.next_standstill_ns = start
    state.moving_ns = start
    for i in range(8):
        state.rejected_since_ns[i] = 0
    forget(&state.pending)


cdef inline void set_yaw(EgoFilter* state, double yaw) noexcept nogil:
    """Turns a known orientation about the vertical until the vehicle looks along `yaw`: roll and pitch stay what they are."""
    cdef double rotation[9]
    cdef double heading[3]
    cdef double turn[4]
    cdef double half
    matrix_of(state.orientation, rotation)
    rotate(rotation, state.vehicle_axes, heading)  # its first row is the vehicle's x axis in those of the IMU
    half = 0.5 * (yaw - atan2(heading[1], heading[0]))
    turn[0] = cos(half)
    turn[1] = 0.0
    turn[2] = 0.0
    turn[3] = sin(half)
    quaternion_product(turn, state.orientation, state.orientation)


cdef inline void turn_to_fix(EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix) noexcept nogil:
    """Gives a filter that has stood its place and direction; what it learned at rest, tilt and biases, it keeps."""
    cdef double velocity[3]
    cdef double age
    cdef int i
    local_velocity(state, fix, velocity)
    velocity[2] = 0.0
    carry_covariance(state, parameters)
    set_yaw(state, atan2(velocity[1], velocity[0]))
    local_position(state, fix, state.position)
    age = 1e-9 * <double>(fix.time_ns - state.horizon_ns) - state.delay[0]
    for i in range(3):
        state.velocity[i] = velocity[i]
        state.position[i] -= age * velocity[i]
        set_variance(state, POSITION + i, parameters.start_position_sigma_m)
        set_variance(state, VELOCITY + i, parameters.start_velocity_sigma_mps)
    set_variance(state, ATTITUDE + 2, parameters.yaw_sigma_rad)
    state.yaw_aligned = ALIGNED


cdef inline bint align_to_fix(EgoFilter* state, const EgoParameters* parameters, const GnssEntry* fix,
                              int64_t tick_ns) noexcept nogil:
    """Starts at the newest fix: yaw known when it moves, unknown when it stands."""
    cdef double velocity[3]
    cdef double age
    cdef bint moving = fix.speed > parameters.gnss_course_speed_mps
    cdef int i
    local_velocity(state, fix, velocity)
    velocity[2] = 0.0
    if not set_tilt(state, atan2(velocity[1], velocity[0]) if moving else 0.0):
        return False
    start_clock(state, parameters, tick_ns)
    local_position(state, fix, state.position)
    age = 1e-9 * <double>(fix.time_ns - state.horizon_ns) - state.delay[0]
    for i in range(3):
        state.velocity[i] = velocity[i]
        state.position[i] -= age * velocity[i]
    set_priors(state, parameters, parameters.yaw_sigma_rad if moving else 1.8)  # 1.8 rad: any direction
    state.yaw_aligned = ALIGNED if moving else NOT_ALIGNED
    state.phase = RUNNING
    return True


cdef inline bint start_local(EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns) noexcept nogil:
    """Starts a frame of its own, x along the vehicle, where no fix has come: dead reckoning from wheels and IMU."""
    cdef double forward[3]
    if not set_tilt(state, 0.0):
        return False
    start_clock(state, parameters, tick_ns)
    state.position[0] = 0.0
    state.position[1] = 0.0
    state.position[2] = 0.0
    state.velocity[0] = state.wheel[(state.wheel_head - 1) % WHEEL_RING].speed / state.speed_scale if state.wheel_head else 0.0
    state.velocity[1] = 0.0
    state.velocity[2] = 0.0
    set_priors(state, parameters, parameters.yaw_sigma_rad)
    set_variance(state, POSITION, 0.01)
    set_variance(state, POSITION + 1, 0.01)
    set_variance(state, POSITION + 2, 0.01)
    set_variance(state, ATTITUDE + 2, 0.001)
    state.yaw_aligned = LOCAL
    state.phase = RUNNING
    return True
