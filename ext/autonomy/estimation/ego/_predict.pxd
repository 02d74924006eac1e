# Strapdown integration and the covariance that goes with it.
#
# The mean moves from sample to sample; the covariance is carried over many samples in one piece from the increments
# collected on the way (duration T, B = integral of R, dV = integral of R f), so it is computed only where it is used:
#   attitude -= B gyro_bias,   velocity -= [dV]x attitude + B accelerometer_bias,   position += T velocity - T/2 [dV]x attitude
# Terms of third order in T are left out.
from libc.math cimport exp

from autonomy.estimation.ego._frame cimport gravity_at
from autonomy.estimation.ego._state cimport (
    ACCELEROMETER_BIAS, ATTITUDE, GNSS_ERROR, GYRO_BIAS, MOUNTING, POSITION, POSITION_DELAY, ROW, SLIP, SPEED_SCALE, STATES,
    VELOCITY, EgoFilter, Increment,
)
from autonomy.estimation.ego._update cimport add_scaled_row
from autonomy.linalg._small cimport matrix_of, quaternion_product, rotate, small_rotation
from autonomy.msg.messages cimport EgoParameters


# Position, velocity and attitude on their way, and the IMU's part of it.
cdef struct Motion:
    double position[3]
    double velocity[3]
    double orientation[4]
    double acceleration[3]   # ENU, gravity removed
    double rotation[9]       # of `orientation`, before the step


cdef inline void move(Motion* motion, Increment* increment, const double* force, const double* rate, double gravity, double step,
                      double noise_step) noexcept nogil:
    """One strapdown step: specific force and rate (biases removed) held over `step` seconds."""
    cdef double turn[3]
    cdef double turned[3]
    cdef double change[4]
    cdef double specific[3]
    cdef double down[3]
    cdef int i
    for i in range(3):
        turn[i] = rate[i] * step
    # Half the turn is applied to the force: the mean orientation over the step
    turned[0] = force[0] + 0.5 * (turn[1] * force[2] - turn[2] * force[1])
    turned[1] = force[1] + 0.5 * (turn[2] * force[0] - turn[0] * force[2])
    turned[2] = force[2] + 0.5 * (turn[0] * force[1] - turn[1] * force[0])
    matrix_of(motion.orientation, motion.rotation)
    rotate(motion.rotation, turned, specific)
    gravity_at(motion.position, gravity, down)
    for i in range(3):
        motion.acceleration[i] = specific[i] + down[i]
        motion.position[i] += step * (motion.velocity[i] + 0.5 * step * motion.acceleration[i])
        motion.velocity[i] += step * motion.acceleration[i]
        increment.velocity[i] += step * specific[i]
    for i in range(9):
        increment.rotation[i] += step * motion.rotation[i]
    increment.duration += step
    increment.noise_duration += noise_step
    small_rotation(turn, change)
    quaternion_product(motion.orientation, change, motion.orientation)


cdef inline void carry_rows(const double* covariance, const Increment* increment, double* out) noexcept nogil:
    """First nine rows of F P into `out` (9 x ROW)."""
    cdef double row[28]
    cdef double skew[9]
    cdef double T = increment.duration
    cdef double value
    cdef int i, j, k
    skew[0] = 0.0
    skew[1] = increment.velocity[2]
    skew[2] = -increment.velocity[1]
    skew[3] = -increment.velocity[2]
    skew[4] = 0.0
    skew[5] = increment.velocity[0]
    skew[6] = increment.velocity[1]
    skew[7] = -increment.velocity[0]
    skew[8] = 0.0
    for i in range(3):
        for k in range(ROW):
            row[k] = covariance[ROW * (POSITION + i) + k] + T * covariance[ROW * (VELOCITY + i) + k]
        for j in range(3):
            if j != i:
                add_scaled_row(row, covariance + ROW * (ATTITUDE + j), 0.5 * T * skew[3 * i + j])
        for k in range(ROW):
            out[ROW * (POSITION + i) + k] = row[k]
    for i in range(3):
        for k in range(ROW):
            row[k] = covariance[ROW * (VELOCITY + i) + k]
        for j in range(3):
            if j != i:
                add_scaled_row(row, covariance + ROW * (ATTITUDE + j), skew[3 * i + j])
        for j in range(3):
            add_scaled_row(row, covariance + ROW * (ACCELEROMETER_BIAS + j), -increment.rotation[3 * i + j])
        for k in range(ROW):
            out[ROW * (VELOCITY + i) + k] = row[k]
    for i in range(3):
        for k in range(ROW):
            row[k] = covariance[ROW * (ATTITUDE + i) + k]
        for j in range(3):
            add_scaled_row(row, covariance + ROW * (GYRO_BIAS + j), -increment.rotation[3 * i + j])
        for k in range(ROW):
            out[ROW * (ATTITUDE + i) + k] = row[k]


cdef inline void close_block(const double* rows, const Increment* increment, const EgoParameters* parameters,
                             double* out) noexcept nogil:
    """Upper left 9 x 9 of F P F' + Q from the rows of F P; lower triangle computed, upper mirrored."""
    cdef double T = increment.duration
    cdef double noise = increment.noise_duration
    cdef double velocity_noise = parameters.accelerometer_noise * parameters.accelerometer_noise * noise
    cdef double attitude_noise = parameters.gyro_noise * parameters.gyro_noise * noise
    cdef const double* r
    cdef const double* dv = increment.velocity
    cdef const double* B = increment.rotation
    cdef int i, j
    for i in range(9):
        r = rows + ROW * i
        out[9 * i] = r[0] + T * r[3] + 0.5 * T * (dv[2] * r[7] - dv[1] * r[8])
        out[9 * i + 1] = r[1] + T * r[4] + 0.5 * T * (dv[0] * r[8] - dv[2] * r[6])
        out[9 * i + 2] = r[2] + T * r[5] + 0.5 * T * (dv[1] * r[6] - dv[0] * r[7])
        out[9 * i + 3] = r[3] + (dv[2] * r[7] - dv[1] * r[8]) - (B[0] * r[12] + B[1] * r[13] + B[2] * r[14])
        out[9 * i + 4] = r[4] + (dv[0] * r[8] - dv[2] * r[6]) - (B[3] * r[12] + B[4] * r[13] + B[5] * r[14])
        out[9 * i + 5] = r[5] + (dv[1] * r[6] - dv[0] * r[7]) - (B[6] * r[12] + B[7] * r[13] + B[8] * r[14])
        out[9 * i + 6] = r[6] - (B[0] * r[9] + B[1] * r[10] + B[2] * r[11])
        out[9 * i + 7] = r[7] - (B[3] * r[9] + B[4] * r[10] + B[5] * r[11])
        out[9 * i + 8] = r[8] - (B[6] * r[9] + B[7] * r[10] + B[8] * r[11])
    for i in range(3):
        out[10 * i] += velocity_noise * T * T / 3.0
        out[9 * (3 + i) + i] += 0.5 * velocity_noise * T
        out[10 * (3 + i)] += velocity_noise
        out[10 * (6 + i)] += attitude_noise
    for i in range(9):
        for j in range(i):
            out[9 * j + i] = out[9 * i + j]


cdef inline void carry_covariance(EgoFilter* state, const EgoParameters* parameters) noexcept nogil:
    """Brings the covariance to the horizon: P = F P F' + Q over everything pending, which starts afresh."""
    cdef double rows[252]
    cdef double block[81]
    cdef double T = state.pending.duration
    cdef double kept, renewed
    cdef double* P = state.covariance
    cdef int i, j
    if T <= 0.0:
        return
    carry_rows(P, &state.pending, rows)
    close_block(rows, &state.pending, parameters, block)
    for i in range(9):
        for j in range(9):
            P[ROW * i + j] = block[9 * i + j]
        for j in range(9, STATES):
            P[ROW * i + j] = rows[ROW * i + j]
            P[ROW * j + i] = rows[ROW * i + j]
    # First-order Gauss-Markov of variance one: the slow GNSS error fades and is renewed
    kept = exp(-T / (parameters.gnss_multipath_time_s if state.tells_accuracy else parameters.gnss_error_time_s))
    renewed = 1.0 - kept * kept
    for i in range(GNSS_ERROR, GNSS_ERROR + 3):
        state.gnss_error[i - GNSS_ERROR] *= kept
        for j in range(STATES):
            P[ROW * i + j] *= kept
        for j in range(STATES):
            P[ROW * j + i] *= kept
        P[(ROW + 1) * i] += renewed
    for i in range(3):
        P[(ROW + 1) * (GYRO_BIAS + i)] += parameters.gyro_bias_walk * parameters.gyro_bias_walk * T
        P[(ROW + 1) * (ACCELEROMETER_BIAS + i)] += parameters.accelerometer_bias_walk * parameters.accelerometer_bias_walk * T
        P[(ROW + 1) * (POSITION_DELAY + i)] += parameters.delay_walk * parameters.delay_walk * T * max(
            0.0, 1.0 - P[(ROW + 1) * (POSITION_DELAY + i)] / (parameters.delay_spread_s * parameters.delay_spread_s))
    P[(ROW + 1) * SPEED_SCALE] += parameters.speed_scale_walk * parameters.speed_scale_walk * T
    P[(ROW + 1) * MOUNTING] += parameters.mounting_walk * parameters.mounting_walk * T
    P[(ROW + 1) * (MOUNTING + 1)] += parameters.mounting_walk * parameters.mounting_walk * T
    P[(ROW + 1) * SLIP] += parameters.slip_walk * parameters.slip_walk * T
    forget(&state.pending)


cdef inline void forget(Increment* increment) noexcept nogil:
    cdef int i
    increment.duration = 0.0
    increment.noise_duration = 0.0
    for i in range(9):
        increment.rotation[i] = 0.0
    for i in range(3):
        increment.velocity[i] = 0.0
