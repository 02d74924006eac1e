# The clothoid filter: predict by the distance driven, update by scalars. Twin: lane_twin.predict, lane_twin.update.
from autonomy.msg.messages cimport LaneParameters
from autonomy.estimation.lane._lane cimport (
    ASYMMETRY, CURVATURE, CURVATURE_RATE, HEADING, LEFT_LINE, LOOSEN_LEFT, LOOSEN_RIGHT, OFFSET, RIGHT_LINE, SIDE_SLIP, STATES,
    WIDTH_LEFT, WIDTH_RIGHT, LaneTick, Scalar,
)

# A row of H has one or two places that are not zero
cdef struct Row:
    int i
    int j
    double at_i
    double at_j


cdef inline void walk(double* P, int state, double per_root_metre, double road) noexcept nogil:
    P[(STATES + 1) * state] += per_root_metre * per_root_metre * road


cdef inline void predict(double* x, double* P, const LaneParameters* parameters, const LaneTick* tick) noexcept nogil:
    """Moves the vehicle `s = speed dt` along the clothoid: offset' = v (heading + slip) + drift, heading' = r - v
    curvature, curvature' = v rate, rate' = -v rate / distance, slip' = -v slip / its distance; noise per metre of road."""
    cdef double dt = tick.dt
    cdef double s = tick.speed * dt
    cdef double road = s if s > 0.0 else -s
    cdef double a = 1.0 / parameters.curvature_rate_distance_m
    cdef double[49] F
    cdef double[49] product
    cdef double b = 1.0 / parameters.side_slip_distance_m
    cdef double total
    cdef int i, j, k
    for i in range(STATES * STATES):
        F[i] = 0.0
    for i in range(STATES):
        F[(STATES + 1) * i] = 1.0
    # The exponential of the model, as series in a s: a tick's way is a small part of the distance
    F[HEADING] = s
    F[CURVATURE] = -0.5 * s * s
    F[CURVATURE_RATE] = -s * s * s * (1.0 / 6.0 - a * s / 24.0 + a * s * a * s / 120.0)
    F[SIDE_SLIP] = s * (1.0 - b * s / 2.0 + b * s * b * s / 6.0)
    F[STATES * HEADING + CURVATURE] = -s
    F[STATES * HEADING + CURVATURE_RATE] = -s * s * (0.5 - a * s / 6.0 + a * s * a * s / 24.0)
    F[STATES * CURVATURE + CURVATURE_RATE] = s * (1.0 - a * s / 2.0 + a * s * a * s / 6.0)
    F[STATES * CURVATURE_RATE + CURVATURE_RATE] = 1.0 - a * F[STATES * CURVATURE + CURVATURE_RATE]
    F[STATES * SIDE_SLIP + SIDE_SLIP] = 1.0 - b * F[SIDE_SLIP]
    x[OFFSET] += F[HEADING] * x[HEADING] + F[CURVATURE] * x[CURVATURE] + F[CURVATURE_RATE] * x[CURVATURE_RATE] \
        + F[SIDE_SLIP] * x[SIDE_SLIP] + 0.5 * s * tick.yaw_rate * dt + tick.drift * dt
    x[HEADING] += F[STATES * HEADING + CURVATURE] * x[CURVATURE] + F[STATES * HEADING + CURVATURE_RATE] * x[CURVATURE_RATE] \
        + tick.yaw_rate * dt
    x[CURVATURE] += F[STATES * CURVATURE + CURVATURE_RATE] * x[CURVATURE_RATE]
    x[CURVATURE_RATE] *= F[STATES * CURVATURE_RATE + CURVATURE_RATE]
    x[SIDE_SLIP] *= F[STATES * SIDE_SLIP + SIDE_SLIP]
    # Widths stay as they are; the first four states mix, and the side slip moves the offset
    for i in range(STATES):
        for j in range(STATES):
            total = F[(STATES + 1) * i] * P[STATES * i + j]
            for k in range(i + 1, 4):
                total = total + F[STATES * i + k] * P[STATES * k + j]
            product[STATES * i + j] = total
    for j in range(STATES):
        product[j] += F[SIDE_SLIP] * P[STATES * SIDE_SLIP + j]
    for i in range(STATES):
        for j in range(i, STATES):
            total = product[STATES * i + j] * F[(STATES + 1) * j]
            for k in range(j + 1, 4):
                total = total + product[STATES * i + k] * F[STATES * j + k]
            if j == OFFSET:
                total = total + product[STATES * i + SIDE_SLIP] * F[SIDE_SLIP]
            P[STATES * i + j] = total
            P[STATES * j + i] = total
    walk(P, OFFSET, parameters.process_offset, road)
    walk(P, HEADING, parameters.process_heading, road)
    walk(P, CURVATURE, parameters.process_curvature, road)
    walk(P, CURVATURE_RATE, parameters.process_curvature_rate, road)
    walk(P, WIDTH_LEFT, parameters.process_width, road)
    walk(P, WIDTH_RIGHT, parameters.process_width, road)
    walk(P, SIDE_SLIP, parameters.process_side_slip, road)


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
    return sigma * sigma + row.at_i * row.at_i * P[(STATES + 1) * row.i] + row.at_j * row.at_j * P[(STATES + 1) * row.j] \
        + 2.0 * row.at_i * row.at_j * P[STATES * row.i + row.j]


cdef inline double test_ratio(const double* x, const double* P, int measured, double z, double sigma, double gate) noexcept nogil:
    """Squared innovation over its variance, as a share of the gate: above 1 the measurement does not fit."""
    cdef double nu = innovation(x, measured, z)
    return nu * nu / (innovation_variance(P, measured, sigma) * gate)


cdef inline void update(double* x, double* P, const Scalar* scalar) noexcept nogil:
    """One scalar measurement z = H x + noise."""
    cdef int measured = <int>scalar.measured
    cdef Row row
    cdef double[7] PH
    cdef double S, nu
    cdef int i, j
    if measured == LOOSEN_LEFT or measured == LOOSEN_RIGHT:
        i = WIDTH_LEFT if measured == LOOSEN_LEFT else WIDTH_RIGHT
        P[(STATES + 1) * i] += scalar.sigma * scalar.sigma
        return
    row = row_of(measured)
    nu = innovation(x, measured, scalar.z)
    S = innovation_variance(P, measured, scalar.sigma)
    for i in range(STATES):
        PH[i] = row.at_i * P[STATES * i + row.i] + row.at_j * P[STATES * i + row.j]
    for i in range(STATES):
        x[i] += PH[i] / S * nu
    for i in range(STATES):
        for j in range(i, STATES):
            P[STATES * i + j] -= PH[i] * PH[j] / S
            P[STATES * j + i] = P[STATES * i + j]
