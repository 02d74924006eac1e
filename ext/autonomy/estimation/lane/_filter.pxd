# The six-state clothoid filter: predict by the distance driven, update by scalars.
from autonomy.msg.messages cimport LaneParameters
from autonomy.estimation.lane._lane cimport LaneFilter


cdef inline void predict(LaneFilter* lane, const LaneParameters* parameters, double dt, double speed,
                         double drift, double yaw_rate) noexcept nogil:
    """Moves the vehicle `s = speed dt` along the clothoid: offset' = v heading + drift, heading' = r - v curvature, ..."""
    cdef double s = speed * dt
    cdef double[36] F
    cdef double[36] product
    cdef double total
    cdef int i, j, k
    cdef double* x = lane.x
    cdef double* P = lane.P
    for i in range(36):
        F[i] = 0.0
    for i in range(6):
        F[7 * i] = 1.0
    F[1] = s
    F[2] = -0.5 * s * s
    F[3] = -s * s * s / 6.0
    F[8] = -s
    F[9] = -0.5 * s * s
    F[15] = s
    x[0] += F[1] * x[1] + F[2] * x[2] + F[3] * x[3] + 0.5 * s * yaw_rate * dt + drift * dt
    x[1] += F[8] * x[2] + F[9] * x[3] + yaw_rate * dt
    x[2] += F[15] * x[3]
    # Rows 3 to 5 of F are those of the identity, and column by column only the first four states mix
    for i in range(6):
        for j in range(6):
            total = P[6 * i + j]
            for k in range(i + 1, 4):
                total = total + F[6 * i + k] * P[6 * k + j]
            product[6 * i + j] = total
    for i in range(6):
        for j in range(i, 6):
            total = product[6 * i + j]
            for k in range(j + 1, 4):
                total = total + product[6 * i + k] * F[6 * j + k]
            P[6 * i + j] = total
            P[6 * j + i] = total
    P[0] += parameters.process_offset * parameters.process_offset * dt
    P[7] += parameters.process_heading * parameters.process_heading * dt
    P[21] += parameters.process_curvature_rate * parameters.process_curvature_rate * (s if s > 0.0 else -s)
    P[28] += parameters.process_width * parameters.process_width * dt
    P[35] += parameters.process_width * parameters.process_width * dt


cdef inline double innovation(const LaneFilter* lane, const double* H, double z) noexcept nogil:
    cdef double total = z
    cdef int i
    for i in range(6):
        total = total - H[i] * lane.x[i]
    return total


cdef inline double innovation_variance(const LaneFilter* lane, const double* H, double sigma, double* PH) noexcept nogil:
    """Variance of the innovation; leaves P H in PH."""
    cdef double total = sigma * sigma
    cdef int i, j
    for i in range(6):
        PH[i] = 0.0
        for j in range(6):
            PH[i] = PH[i] + lane.P[6 * i + j] * H[j]
    for i in range(6):
        total = total + H[i] * PH[i]
    return total


cdef inline double test_ratio(const LaneFilter* lane, const double* H, double z, double sigma, double gate) noexcept nogil:
    """Squared innovation over its variance, as a share of the gate: above 1 the measurement does not fit."""
    cdef double[6] PH
    cdef double nu = innovation(lane, H, z)
    return nu * nu / (innovation_variance(lane, H, sigma, PH) * gate)


cdef inline void update(LaneFilter* lane, const double* H, double z, double sigma) noexcept nogil:
    """One scalar measurement z = H x + noise."""
    cdef double[6] PH
    cdef double nu = innovation(lane, H, z)
    cdef double S = innovation_variance(lane, H, sigma, PH)
    cdef int i, j
    for i in range(6):
        lane.x[i] += PH[i] / S * nu
    for i in range(6):
        for j in range(i, 6):
            lane.P[6 * i + j] -= PH[i] * PH[j] / S
            lane.P[6 * j + i] = lane.P[6 * i + j]
