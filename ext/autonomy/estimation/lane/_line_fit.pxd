# What a forward camera makes of the profile: one cubic over all of a line that it sees, fitted every 2.5 m alike.
#
# A cubic is no clothoid, and no end of one: beside the vehicle it is off in offset and heading. But each of its coefficients is
# a weighted sum of the road's curvatures; so it is observed as what it is. The errors of its coefficients go together, those of
# its parts as Legendre polynomials over the reach do not: part k has sqrt(2 k + 1) times one scale (points of equal weight).
# The first two parts tell offset and heading, the others the curvatures. Twin: profile_twin.CurvatureProfile.fit, weights.
from libc.math cimport atan, cos, sin, sqrt
from autonomy.msg.messages cimport LaneState_PREVIEW_STEP_M
from autonomy.estimation.lane._lane cimport BAND, NODES, CurvatureProfile
from autonomy.estimation.lane._profile cimport observe_profile, profile_at
from autonomy.linalg._small cimport cholesky_solve

cdef enum:
    LONGEST = 72                 # places at which a line is taken, 2.5 m apart

cdef extern from *:
    """
    /* Parts of a cubic in u = x / reach, 0..1, by its coefficients: rows of P0, P1, P2, P3 of 2 u - 1 */
    static const double lane_part[4][4] = {{1.0, 0.5, 1.0 / 3.0, 0.25}, {0.0, 0.5, 0.5, 0.45},
                                           {0.0, 0.0, 1.0 / 6.0, 0.25}, {0.0, 0.0, 0.0, 0.05}};
    /* Sigma of a coefficient for a scale of 1: square roots of the diagonal of the inverse Hilbert matrix */
    static const double lane_fit_sigma[4] = {4.0, 34.641016, 80.498447, 52.915026};
    """
    const double[4][4] lane_part
    const double[4] lane_fit_sigma


cdef inline double scale_of_errors(const double* sigma, double reach) noexcept nogil:
    """m, the largest that the sigmas of c0..c3 tell."""
    cdef double largest = 0.0, power = 1.0
    cdef int i
    for i in range(4):
        largest = max(largest, sigma[i] * power / lane_fit_sigma[i])
        power *= reach
    return largest


cdef inline void parts_of(const double* seen, const double* own, double reach, double* part) noexcept nogil:
    """Legendre parts (4,) in m of the difference of two cubics over a reach."""
    cdef double[4] difference
    cdef double power = 1.0
    cdef int i, k
    for i in range(4):
        difference[i] = (seen[i] - own[i]) * power
        power *= reach
    for k in range(4):
        part[k] = 0.0
        for i in range(k, 4):
            part[k] += lane_part[k][i] * difference[i]


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


cdef inline void fit_of_profile(const CurvatureProfile* profile, double station, double reach, double left, double slope,
                                double* c) noexcept nogil:
    """c0..c3 of the cubic over a line beside the road from a station on, `left` of the vehicle and running off by `slope`.

    In a tight bend the inner line bends more than the outer one, and what the vehicle's heading makes of a slope counts.
    """
    cdef double[16] A
    cdef double[7] power
    cdef double x = 0.0, y = left, turned = atan(slope), aside = left * cos(turned)
    cdef double u, length, curvature, before = profile_at(profile, station)
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
            length = step * (1.0 - 0.5 * (before + curvature) * aside)
            x += length * cos(u)
            y += length * sin(u)
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


cdef inline int fit_weights(const CurvatureProfile* profile, double station, double reach, int part, double* weights,
                            int* first) noexcept nogil:
    """Derivative of a Legendre part of the cubic by the curvatures of the nodes from `first` on, small angles; their number."""
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
        c[i] = lane_part[part][i]
    cholesky_solve(A, 4, c)
    for k in range(count):
        share = k * step / reach
        ordinate[k] = c[0] + share * (c[1] + share * (c[2] + share * c[3]))
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
                              double scale) noexcept nogil:
    """The curved parts of a line's cubic; `own` is the profile's cubic, about which the weights hold, `scale` that of errors."""
    cdef double[40] weights
    cdef double[4] part
    cdef double known
    cdef int first, count, i, k
    if places(profile, station, reach) == 0:
        return
    parts_of(seen, own, reach, part)
    for k in range(2, 4):
        count = fit_weights(profile, station, reach, k, weights, &first)
        known = 0.0
        for i in range(count):
            known += weights[i] * profile.curvature[first + i]
        observe_profile(profile, first, count, weights, part[k] + known, scale * sqrt(2.0 * k + 1.0))
