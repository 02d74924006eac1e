# The six-state clothoid filter: predict by the distance driven, update by scalars. Twin: lane_twin.predict, lane_twin.update.
from autonomy.msg.messages cimport LaneParameters
from autonomy.estimation.lane._lane cimport (
    ASYMMETRY, LEFT_LINE, LOOSEN_LEFT, LOOSEN_RIGHT, OFFSET, RIGHT_LINE, STATES, WIDTH_LEFT, WIDTH_RIGHT, LaneTick, Scalar)

# A row of H has one or two places that are not zero
cdef struct Row:
    int i
    int j
    double at_i
    double at_j


cdef inline void predict(double* x, double* P, const LaneParameters* parameters, const LaneTick* tick) noexcept nogil:
    """Moves the vehicle `s = speed dt` along the clothoid: offset' = v heading + drift, heading' = r - v curvature,
    curvature' = v rate, rate' = -v rate / distance, all but r and drift per metre of road."""
    cdef double dt = tick.dt
    cdef double s = tick.speed * dt
    cdef double road = s if s > 0.0 else -s
    cdef double a = 1.0 / parameters.curvature_rate_distance_m
    cdef double[36] F
    cdef double[36] product
    cdef double total
    cdef int i, j, k
    for i in range(36):
        F[i] = 0.0
    for i in range(6):
        F[7 * i] = 1.0
    # The exponential of the model, as series in a s: a tick's way is a small part of the distance
    F[1] = s
    F[2] = -0.5 * s * s
    F[3] = -s * s * s * (1.0 / 6.0 - a * s / 24.0 + a * s * a * s / 120.0)
    F[8] = -s
    F[9] = -s * s * (0.5 - a * s / 6.0 + a * s * a * s / 24.0)
    F[15] = s * (1.0 - a * s / 2.0 + a * s * a * s / 6.0)
    F[21] = 1.0 - a * F[15]
    x[0] += F[1] * x[1] + F[2] * x[2] + F[3] * x[3] + 0.5 * s * tick.yaw_rate * dt + tick.drift * dt
    x[1] += F[8] * x[2] + F[9] * x[3] + tick.yaw_rate * dt
    x[2] += F[15] * x[3]
    x[3] *= F[21]
    # Widths stay as they are, and column by column only the first four states mix
    for i in range(6):
        for j in range(6):
            total = F[7 * i] * P[6 * i + j]
            for k in range(i + 1, 4):
                total = total + F[6 * i + k] * P[6 * k + j]
            product[6 * i + j] = total
    for i in range(6):
        for j in range(i, 6):
            total = product[6 * i + j] * F[7 * j]
            for k in range(j + 1, 4):
                total = total + product[6 * i + k] * F[6 * j + k]
            P[6 * i + j] = total
            P[6 * j + i] = total
    P[0] += parameters.process_offset * parameters.process_offset * road
    P[7] += parameters.process_heading * parameters.process_heading * road
    P[14] += parameters.process_curvature * parameters.process_curvature * road
    P[21] += parameters.process_curvature_rate * parameters.process_curvature_rate * road
    P[28] += parameters.process_width * parameters.process_width * road
    P[35] += parameters.process_width * parameters.process_width * road


cdef inline Row row_of(int measured) noexcept nogil:
    cdef Row row
    row.i = measured
    row.j = OFFSET
    row.at_i = 1.0
    row.at_j = 0.0
    if measured == LEFT_LINE:
        row.i = WIDTH_LEFT
        row.at_j = -1.0
    elif measured == RIGHT_LINE:
        row.i = WIDTH_RIGHT
        row.at_i = -1.0
        row.at_j = -1.0
    elif measured == ASYMMETRY:
        row.i = WIDTH_LEFT
        row.j = WIDTH_RIGHT
        row.at_j = -1.0
    return row


cdef inline double innovation(const double* x, int measured, double z) noexcept nogil:
    cdef Row row = row_of(measured)
    return z - (row.at_i * x[row.i] + row.at_j * x[row.j])


cdef inline double innovation_variance(const double* P, int measured, double sigma) noexcept nogil:
    cdef Row row = row_of(measured)
    return sigma * sigma + row.at_i * row.at_i * P[7 * row.i] + row.at_j * row.at_j * P[7 * row.j] \
        + 2.0 * row.at_i * row.at_j * P[6 * row.i + row.j]


cdef inline double test_ratio(const double* x, const double* P, int measured, double z, double sigma, double gate) noexcept nogil:
    """Squared innovation over its variance, as a share of the gate: above 1 the measurement does not fit."""
    cdef double nu = innovation(x, measured, z)
    return nu * nu / (innovation_variance(P, measured, sigma) * gate)


cdef inline void update(double* x, double* P, const Scalar* scalar) noexcept nogil:
    """One scalar measurement z = H x + noise."""
    cdef int measured = <int>scalar.measured
    cdef Row row
    cdef double[6] PH
    cdef double S, nu
    cdef int i, j
    if measured == LOOSEN_LEFT or measured == LOOSEN_RIGHT:
        i = WIDTH_LEFT if measured == LOOSEN_LEFT else WIDTH_RIGHT
        P[7 * i] += scalar.sigma * scalar.sigma
        return
    row = row_of(measured)
    nu = innovation(x, measured, scalar.z)
    S = innovation_variance(P, measured, scalar.sigma)
    for i in range(STATES):
        PH[i] = row.at_i * P[6 * i + row.i] + row.at_j * P[6 * i + row.j]
    for i in range(STATES):
        x[i] += PH[i] / S * nu
    for i in range(STATES):
        for j in range(i, STATES):
            P[6 * i + j] -= PH[i] * PH[j] / S
            P[6 * j + i] = P[6 * i + j]
