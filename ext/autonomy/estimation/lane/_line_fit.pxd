# What a forward camera makes of the profile: one cubic over all of a line that it sees, fitted every 2.5 m alike.
#
# A cubic is no clothoid, and no end of one: beside the vehicle it is off in offset and heading. But each of its coefficients is
# a weighted sum of the road's curvatures; so it is observed as what it is. Twin: profile_twin.CurvatureProfile.fit, weights.
from libc.math cimport cos, sin
from autonomy.msg.messages cimport LaneState_PREVIEW_STEP_M
from autonomy.estimation.lane._lane cimport BAND, NODES, CurvatureProfile
from autonomy.estimation.lane._profile cimport observe_profile, profile_at
from autonomy.linalg._small cimport cholesky_solve

cdef enum:
    LONGEST = 72                 # places at which a line is taken, 2.5 m apart


cdef inline int places(const CurvatureProfile* profile, double station, double reach) noexcept nogil:
    """How many places a line of that reach has; 0 when the profile does not hold them all."""
    cdef double place = station / LaneState_PREVIEW_STEP_M - profile.first
    cdef int count
    if not (reach > 0.0 and place >= 0.0 and place + reach / LaneState_PREVIEW_STEP_M < NODES - 2):
        return 0
    count = <int>(reach / (0.5 * LaneState_PREVIEW_STEP_M)) + 1
    return count if count <= LONGEST else 0


cdef inline void factor_of_normal_equations(const double* power, double* A) noexcept nogil:
    """Cholesky factor (4, 4) of the sums of powers (7,)."""
    cdef int i, j, k
    for i in range(4):
        for j in range(4):
            A[4 * i + j] = power[i + j]
    for j in range(4):
        for k in range(j):
            A[4 * j + j] -= A[4 * j + k] * A[4 * j + k]
        A[4 * j + j] = A[4 * j + j] ** 0.5
        for i in range(j + 1, 4):
            for k in range(j):
                A[4 * i + j] -= A[4 * i + k] * A[4 * j + k]
            A[4 * i + j] /= A[4 * j + j]


cdef inline void fit_of_profile(const CurvatureProfile* profile, double station, double reach, double* c) noexcept nogil:
    """c0..c3 of the cubic over the road from a station on."""
    cdef double[16] A
    cdef double[7] power
    cdef double x = 0.0, y = 0.0, turned = 0.0, u, curvature, before = profile_at(profile, station)
    cdef double step = 0.5 * LaneState_PREVIEW_STEP_M
    cdef int count = <int>(reach / step) + 1
    cdef int i, k
    for i in range(7):
        power[i] = 0.0
    for i in range(4):
        c[i] = 0.0
    for k in range(count):
        if k > 0:
            curvature = profile_at(profile, station + k * step)
            u = turned + 0.25 * step * (before + curvature)       # direction half-way
            x += step * cos(u)
            y += step * sin(u)
            turned += 0.5 * step * (before + curvature)
            before = curvature
        u = 1.0
        for i in range(7):
            power[i] += u
            if i < 4:
                c[i] += u * y
            u = u * x / reach
    factor_of_normal_equations(power, A)
    cholesky_solve(A, 4, c)
    u = 1.0
    for i in range(4):
        c[i] *= u
        u /= reach


cdef inline int fit_weights(const CurvatureProfile* profile, double station, double reach, int coefficient, double* weights,
                            int* first) noexcept nogil:
    """Derivative of a coefficient of the cubic by the curvatures of the nodes from `first` on, small angles; their number."""
    cdef double[16] A
    cdef double[7] power
    cdef double[4] c
    cdef double[72] ordinate
    cdef double step = 0.5 * LaneState_PREVIEW_STEP_M
    cdef double place = station / LaneState_PREVIEW_STEP_M - profile.first
    cdef double u, beyond = 0.0, direction = 0.0, slope, share
    cdef int count = <int>(reach / step) + 1
    cdef int nodes = <int>(place + (count - 1) * 0.5) + 2 - <int>place
    cdef int i, k
    for i in range(7):
        power[i] = 0.0
    for k in range(count):
        u = 1.0
        for i in range(7):
            power[i] += u
            u *= k * step / reach
    factor_of_normal_equations(power, A)
    for i in range(4):
        c[i] = 1.0 if i == coefficient else 0.0
    cholesky_solve(A, 4, c)
    u = 1.0
    for i in range(coefficient):
        u /= reach
    for k in range(count):
        share = k * step / reach
        ordinate[k] = u * (c[0] + share * (c[1] + share * (c[2] + share * c[3])))
    first[0] = <int>place
    for i in range(nodes):
        weights[i] = 0.0
    # Backwards: an ordinate depends on all directions before it, a direction on all curvatures before it
    for k in range(count - 2, -1, -1):
        beyond += ordinate[k + 1]
        slope = step * beyond
        u = 0.5 * step * direction + 0.25 * step * slope
        direction += slope
        spread(weights, place + 0.5 * k - first[0], u)
        spread(weights, place + 0.5 * (k + 1) - first[0], u)
    return nodes


cdef inline void spread(double* weights, double place, double weight) noexcept nogil:
    """Between the two nodes beside a place."""
    cdef int i = <int>place
    weights[i] += (1.0 - (place - i)) * weight
    weights[i + 1] += (place - i) * weight


cdef inline void observe_line(CurvatureProfile* profile, double station, double reach, const double* seen, const double* own,
                              const double* sigma) noexcept nogil:
    """Curvature and its rate of a line's cubic, c2 and c3; `own` is the profile's cubic, about which the weights hold."""
    cdef double[40] weights
    cdef double known
    cdef int first, count, i, coefficient
    if places(profile, station, reach) == 0:
        return
    for coefficient in range(2, 4):
        count = fit_weights(profile, station, reach, coefficient, weights, &first)
        known = 0.0
        for i in range(count):
            known += weights[i] * profile.curvature[first + i]
        observe_profile(profile, first, count, weights, seen[coefficient] - own[coefficient] + known, sigma[coefficient])
