# From the horizon to the tick's time, mean and covariance, and into the message.
from libc.math cimport asin, atan2, sqrt
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from autonomy.estimation.ego._alignment cimport ALIGNED, NOT_ALIGNED
from autonomy.estimation.ego._horizon cimport is_standing, walk
from autonomy.estimation.ego._predict cimport Motion, carry_rows, close_block, forget
from autonomy.estimation.ego._state cimport (
    ACCELEROMETER_BIAS, AIDS, AXLE_X, GYRO_BIAS, IMU_RING, MOUNTING, POSITION_DELAY, ROW, RUNNING, SPEED_SCALE, VELOCITY_DELAY,
    WHEEL_DELAY, EgoFilter, Increment,
)
from autonomy.linalg._small cimport cross, matrix_of, multiply_3x3_transposed, quaternion_product, rotate, rotate_back
from autonomy.msg.messages cimport (
    AidStatus, AidStatus_REASON_NONE, AidStatus_REASON_STALE, EgoParameters, EgoState, EgoState_AID_GNSS_POSITION,
    EgoState_STATUS_DEAD_RECKONING, EgoState_STATUS_DIVERGED, EgoState_STATUS_IMU_LOST, EgoState_STATUS_POSITION_VALID,
    EgoState_STATUS_STANDSTILL, EgoState_STATUS_TILT_ALIGNED, EgoState_STATUS_VELOCITY_VALID, EgoState_STATUS_YAW_ALIGNED,
)

cdef enum:
    STALE_NS = 2000000000    # an aid unheard for so long is stale, a position without fixes dead reckoned


cdef inline double sigma_of(const EgoFilter* state, int index) noexcept nogil:
    return sqrt(state.covariance[(ROW + 1) * index])


cdef inline void write_estimates(const EgoFilter* state, EgoState* out) noexcept nogil:
    """What does not change between horizon and now."""
    cdef int i
    out.origin_latitude_deg = state.origin_lla[0]
    out.origin_longitude_deg = state.origin_lla[1]
    out.origin_altitude_m = state.origin_lla[2]
    for i in range(3):
        out.gyro_bias[i] = state.gyro_bias[i]
        out.gyro_bias_sigma[i] = sigma_of(state, GYRO_BIAS + i)
        out.accelerometer_bias[i] = state.accelerometer_bias[i]
        out.accelerometer_bias_sigma[i] = sigma_of(state, ACCELEROMETER_BIAS + i)
    out.speed_scale = state.speed_scale
    out.speed_scale_sigma = sigma_of(state, SPEED_SCALE)
    out.mounting[0] = 0.0
    out.mounting[1] = state.mounting[0]
    out.mounting[2] = state.mounting[1]
    out.mounting_sigma[0] = 0.0
    out.mounting_sigma[1] = sigma_of(state, MOUNTING)
    out.mounting_sigma[2] = sigma_of(state, MOUNTING + 1)
    out.gnss_position_delay_s = state.delay[0]
    out.gnss_position_delay_sigma_s = sigma_of(state, POSITION_DELAY)
    out.gnss_velocity_delay_s = state.delay[1]
    out.gnss_velocity_delay_sigma_s = sigma_of(state, VELOCITY_DELAY)
    out.wheel_delay_s = state.delay[2]
    out.wheel_delay_sigma_s = sigma_of(state, WHEEL_DELAY)
    out.axle_x_m = state.axle_x
    out.axle_x_sigma_m = sigma_of(state, AXLE_X)
    out.resets = state.resets
    out.imu_gaps = state.imu_gaps
    out.late_measurements = state.late_measurements


cdef inline void write_motion(const EgoFilter* state, const EgoParameters* parameters, const Motion* motion, const double* rate,
                              const double* force, EgoState* out) noexcept nogil:
    cdef double rotation[9]
    cdef double axes[9]      # vehicle to ENU
    cdef double arm[3]
    cdef double arm_rate[3]
    cdef double turning[3]
    cdef double half_pitch[4]
    cdef double half_yaw[4]
    cdef double horizontal
    cdef int i
    matrix_of(motion.orientation, rotation)
    multiply_3x3_transposed(rotation, state.vehicle_axes, axes)
    rotate(state.vehicle_axes, rate, out.angular_rate)
    cross(out.angular_rate, parameters.reference_from_imu_m, arm_rate)
    rotate(axes, parameters.reference_from_imu_m, arm)
    rotate(axes, arm_rate, turning)
    for i in range(3):
        out.position[i] = motion.position[i] + arm[i]
        out.velocity[i] = motion.velocity[i] + turning[i]
    rotate_back(axes, motion.acceleration, out.acceleration)
    # IMU orientation times the inverse mounting, (Rz Ry)^-1 = Ry(-pitch) Rz(-yaw)
    half_pitch[0] = sqrt(0.5 * (1.0 + state.vehicle_axes[8]))
    half_pitch[1] = 0.0
    half_pitch[2] = 0.5 * state.vehicle_axes[6] / half_pitch[0]
    half_pitch[3] = 0.0
    half_yaw[0] = sqrt(0.5 * (1.0 + state.vehicle_axes[4]))
    half_yaw[1] = 0.0
    half_yaw[2] = 0.0
    half_yaw[3] = 0.5 * state.vehicle_axes[1] / half_yaw[0]
    quaternion_product(motion.orientation, half_pitch, out.orientation)
    quaternion_product(out.orientation, half_yaw, out.orientation)
    out.roll = atan2(axes[7], axes[8])
    out.pitch = -asin(min(max(axes[6], -1.0), 1.0))
    out.yaw = atan2(axes[3], axes[0])
    horizontal = sqrt(out.velocity[0] * out.velocity[0] + out.velocity[1] * out.velocity[1])
    # At a standstill the direction of travel is the way the vehicle points
    out.course = atan2(out.velocity[1], out.velocity[0]) if horizontal > 0.1 else out.yaw
    out.grade = atan2(out.velocity[2], horizontal) if horizontal > 1.0 else -out.pitch
    out.speed = axes[0] * out.velocity[0] + axes[3] * out.velocity[1] + axes[6] * out.velocity[2]


cdef inline void predict_output(const EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns,
                                EgoState* out) noexcept nogil:
    cdef Motion motion
    cdef Increment increment
    cdef double rows[252]
    cdef double block[81]
    cdef double rate[3]
    cdef double force[3]
    cdef int64_t time_ns = state.horizon_ns
    cdef uint32_t next_sample = state.imu_next
    cdef int i
    forget(&increment)
    for i in range(3):
        motion.position[i] = state.position[i]
        motion.velocity[i] = state.velocity[i]
        motion.acceleration[i] = state.acceleration[i]
        rate[i] = state.rate[i]
    for i in range(4):
        motion.orientation[i] = state.orientation[i]
    walk(state, parameters, &motion, &increment, &time_ns, &next_sample, tick_ns, rate, force)
    carry_rows(state.covariance, &increment, rows)
    close_block(rows, &increment, parameters, block)
    write_motion(state, parameters, &motion, rate, force, out)
    for i in range(9):
        out.sigma[i] = sqrt(block[10 * i])
    out.covariance_xy = block[1]


cdef inline void write_status(EgoFilter* state, const EgoParameters* parameters, int64_t tick_ns, EgoState* out) noexcept nogil:
    cdef AidStatus* aid
    cdef bint reckoning
    cdef int i
    for i in range(AIDS):
        aid = &state.aids[i]
        if aid.fault == AidStatus_REASON_NONE and tick_ns - aid.last_used_time_ns > STALE_NS:
            aid.fault = AidStatus_REASON_STALE
    memcpy(&out.aids[0], &state.aids[0], AIDS * sizeof(AidStatus))
    out.status = 0
    if state.diverged:
        out.status |= EgoState_STATUS_DIVERGED
    if state.imu_head == 0 or (tick_ns - state.imu[(state.imu_head - 1) % IMU_RING].time_ns
                               > <int64_t>(parameters.imu_lost_s * 1e9)):
        out.status |= EgoState_STATUS_IMU_LOST
    if state.phase != RUNNING:
        return
    reckoning = tick_ns - state.aids[<int>EgoState_AID_GNSS_POSITION].last_used_time_ns > STALE_NS
    out.status |= EgoState_STATUS_TILT_ALIGNED
    if state.yaw_aligned == ALIGNED:
        out.status |= EgoState_STATUS_YAW_ALIGNED
    if state.has_origin and state.aids[<int>EgoState_AID_GNSS_POSITION].accepted > 0:
        out.status |= EgoState_STATUS_POSITION_VALID
    if state.yaw_aligned != NOT_ALIGNED or is_standing(state, parameters):
        out.status |= EgoState_STATUS_VELOCITY_VALID
    if reckoning:
        out.status |= EgoState_STATUS_DEAD_RECKONING
    if is_standing(state, parameters):
        out.status |= EgoState_STATUS_STANDSTILL
