# The measurement update all aids share: gate, evidence, and the covariance kept symmetric to the last bit.
#
# With L L' = H P H' + R and W = L^-1 H P the update is P -= W' W, x += W' L^-1 r; H is sparse, so H P is a few rows of P.
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from autonomy.estimation.ego._state cimport (
    ACCELEROMETER_BIAS, ATTITUDE, AXLE_X, GNSS_ERROR, GYRO_BIAS, MOUNTING, POSITION, POSITION_DELAY, ROW, SLIP, SPEED_SCALE,
    STATES, VELOCITY, EgoFilter, Jacobian,
)
from autonomy.estimation.ego._frame cimport update_vehicle_axes
from autonomy.linalg._small cimport cholesky, quaternion_product, small_rotation
from autonomy.msg.messages cimport (
    AidStatus, AidStatus_REASON_GATED, AidStatus_REASON_INVALID, AidStatus_REASON_NONE, EgoParameters,
)

cdef extern from *:
    ctypedef double* row_t "double *__restrict__"

cdef enum:
    LARGEST = 6              # rows of one update


cdef inline double point_95(int size) noexcept nogil:
    """95 % point of chi-square with 1, 2 and 3 degrees of freedom."""
    return 3.841 if size == 1 else (5.991 if size == 2 else 7.815)


cdef inline void entry(Jacobian* row, int index, double value) noexcept nogil:
    row.index[row.count] = index
    row.value[row.count] = value
    row.count += 1


cdef inline void entries(Jacobian* row, int index, double x, double y, double z) noexcept nogil:
    entry(row, index, x)
    entry(row, index + 1, y)
    entry(row, index + 2, z)


cdef inline void add_scaled_row(row_t out, const double* row, double factor) noexcept nogil:
    cdef int k
    for k in range(ROW):
        out[k] += factor * row[k]


cdef inline bint whiten(const double* covariance, int size, const Jacobian* rows, const double* noise, const double* residual,
                        double* whitened, double* innovation) noexcept nogil:
    """W (size x ROW) into `whitened`; L^-1 r, then the diagonal of S into `innovation`; False when S is no covariance."""
    cdef double factor[36]
    cdef double row[28]
    cdef int i, j, k
    cdef double total
    for i in range(size):
        for k in range(ROW):
            row[k] = 0.0
        for j in range(rows[i].count):
            add_scaled_row(row, covariance + ROW * rows[i].index[j], rows[i].value[j])
        for k in range(ROW):
            whitened[ROW * i + k] = row[k]
    for i in range(size):
        for j in range(i + 1):
            total = noise[size * i + j]
            for k in range(rows[i].count):
                total += rows[i].value[k] * whitened[ROW * j + rows[i].index[k]]
            factor[size * i + j] = total
        innovation[size + i] = factor[size * i + i]
    if not cholesky(factor, size):
        return False
    for i in range(size):
        total = residual[i]
        for k in range(ROW):
            row[k] = whitened[ROW * i + k]
        for j in range(i):
            total -= factor[size * i + j] * innovation[j]
            add_scaled_row(row, whitened + ROW * j, -factor[size * i + j])
        innovation[i] = total / factor[size * i + i]
        for k in range(ROW):
            whitened[ROW * i + k] = row[k] / factor[size * i + i]
    return True


cdef inline bint is_unlikely(const EgoFilter* state, int size, const Jacobian* rows, const double* noise,
                             const double* residual) noexcept nogil:
    """True for a measurement beyond the 95 % point of chi-square under this noise."""
    cdef double whitened[84]
    cdef double innovation[6]
    cdef double nis = 0.0
    cdef int i
    if not whiten(state.covariance, size, rows, noise, residual, whitened, innovation):
        return False
    for i in range(size):
        nis += innovation[i] * innovation[i]
    return nis > point_95(size)


cdef inline void reduce_covariance(double* covariance, int size, const double* whitened) noexcept nogil:
    """P -= W' W, row by row."""
    cdef double row[28]
    cdef int i, j, k
    for i in range(STATES):
        for k in range(ROW):
            row[k] = covariance[ROW * i + k]
        for j in range(size):
            add_scaled_row(row, whitened + ROW * j, -whitened[ROW * j + i])
        for k in range(ROW):
            covariance[ROW * i + k] = row[k]


cdef inline void inject(EgoFilter* state, const EgoParameters* parameters, const double* correction) noexcept nogil:
    """Adds the error estimate to the state."""
    cdef double turn[4]
    cdef double latest = parameters.horizon_delay_s - 0.02
    cdef int i
    for i in range(3):
        state.position[i] += correction[POSITION + i]
        state.velocity[i] += correction[VELOCITY + i]
        state.gyro_bias[i] += correction[GYRO_BIAS + i]
        state.accelerometer_bias[i] += correction[ACCELEROMETER_BIAS + i]
        state.gnss_error[i] += correction[GNSS_ERROR + i]
        # A delay beyond the horizon could never be fused in time; below zero it is the IMU's own, which is of the same kind
        state.delay[i] = min(max(state.delay[i] + correction[POSITION_DELAY + i], -latest), latest)
    small_rotation(correction + ATTITUDE, turn)
    quaternion_product(turn, state.orientation, state.orientation)
    state.speed_scale += correction[SPEED_SCALE]
    state.mounting[0] += correction[MOUNTING]
    state.mounting[1] += correction[MOUNTING + 1]
    state.axle_x += correction[AXLE_X]
    state.slip += correction[SLIP]
    update_vehicle_axes(state)


cdef inline bint fuse(EgoFilter* state, const EgoParameters* parameters, int aid, int size, const Jacobian* rows,
                      const double* noise, const double* residual, int64_t time_ns) noexcept nogil:
    """One measurement of up to three rows: residual = measured - expected, `noise` size x size. True when it was accepted."""
    cdef double whitened[84]
    cdef double innovation[6]
    cdef double correction[28]
    cdef double nis = 0.0
    cdef int i, j, k
    cdef AidStatus* status = &state.aids[aid]
    if not whiten(state.covariance, size, rows, noise, residual, whitened, innovation):
        status.fault = AidStatus_REASON_INVALID
        return False
    for i in range(size):
        nis += innovation[i] * innovation[i]
    if not (nis < 1e12):
        status.fault = AidStatus_REASON_INVALID
        return False
    for i in range(3):
        status.innovation[i] = residual[i] if i < size else 0.0
        status.innovation_sigma[i] = sqrt(innovation[size + i]) if i < size else 0.0
    status.test_ratio = nis / parameters.gate[size - 1]
    status.nis_sum += nis
    status.degrees_of_freedom += <unsigned int> size
    if nis > point_95(size):
        status.over_95 += 1
    if status.test_ratio > 1.0:
        status.rejected += 1
        status.fault = AidStatus_REASON_GATED
        if state.rejected_since_ns[aid] == 0:
            state.rejected_since_ns[aid] = time_ns
        return False
    status.accepted += 1
    status.fault = AidStatus_REASON_NONE
    status.last_used_time_ns = time_ns
    state.rejected_since_ns[aid] = 0
    for k in range(ROW):
        correction[k] = 0.0
    for j in range(size):
        add_scaled_row(correction, whitened + ROW * j, innovation[j])
    reduce_covariance(state.covariance, size, whitened)
    inject(state, parameters, correction)
    return True
