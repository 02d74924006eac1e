# What a forward camera makes of the profile: one cubic over all of a line that it sees, fitted every 2.5 m alike.
#
# A cubic is no clothoid, and no end of one: beside the vehicle it is off in offset and heading. But each of its coefficients is
# a weighted sum of the road's curvatures; so it is observed as what it is. The errors of its coefficients go together, those of
# its parts as Legendre polynomials over the reach do not: part k has sqrt(2 k + 1) times one scale (points of equal weight).
# The first two parts tell offset and heading, the others the curvatures. Twin: profile_twin.CurvatureProfile.fit, weights.
from libc.math cimport atan, cos, fabs, sin, sqrt, tan
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
    #define LANE_MOST_TURNED 1.2         /* rad: a line that turns further is no function of x for long */
    """
    const double LANE_MOST_TURNED
    const double[4][4] lane_part
    const double[4] lane_fit_sigma

cdef struct LaidLine:
    double[72] x                 # m, of its places
    double[72] y
    double[72] turned            # rad, its direction there
    double[72] halfway           # ... and half-way to the next
    int count


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


cdef inline bint lay_line(const CurvatureProfile* profile, double station, double reach, double left, double slope,
                          LaidLine* line) noexcept nogil:
    """Places of a line beside the road from a station on, `left` of the vehicle and running off by `slope`; False where it
    turns away too far for a cubic of x.

    In a tight bend the inner line bends more than the outer one, and what the vehicle's heading makes of a slope counts.
    """
    cdef double turned = atan(slope), aside = left * cos(turned), x = 0.0, y = left
    cdef double length, turn, curvature, before = profile_at(profile, station)
    cdef double step = 0.5 * LaneState_PREVIEW_STEP_M
    cdef int k
    line.count = <int>(reach / step) + 1
    for k in range(line.count):
        line.x[k], line.y[k], line.turned[k] = x, y, turned
        curvature = profile_at(profile, station + (k + 1) * step)
        turn = 0.5 * step * (before + curvature)
        line.halfway[k] = turned + 0.5 * turn
        length = step - turn * aside
        x += length * cos(line.halfway[k])
        y += length * sin(line.halfway[k])
        turned += turn
        before = curvature
        if fabs(turned) > LANE_MOST_TURNED:
            return False
    return True


cdef inline void factor_of_fit(const LaidLine* line, double reach, double* A) noexcept nogil:
    """Cholesky factor (4, 4) of the normal equations of a cubic in x / reach over the places."""
    cdef double[7] power
    cdef double u
    cdef int i, k
    for i in range(7):
        power[i] = 0.0
    for k in range(line.count):
        u = 1.0
        for i in range(7):
            power[i] += u
            u *= line.x[k] / reach
    factor_of_normal_equations(power, A)


cdef inline bint fit_of_profile(const CurvatureProfile* profile, double station, double reach, double left, double slope,
                                double* c) noexcept nogil:
    """c0..c3 of the cubic over a line beside the road; False, and nothing written, where there is none."""
    cdef LaidLine line
    cdef double[16] A
    cdef double u
    cdef int i, k
    if not lay_line(profile, station, reach, left, slope, &line):
        return False
    for i in range(4):
        c[i] = 0.0
    for k in range(line.count):
        u = 1.0
        for i in range(4):
            c[i] += u * line.y[k]
            u *= line.x[k] / reach
    factor_of_fit(&line, reach, A)
    cholesky_solve(A, 4, c)
    u = 1.0
    for i in range(4):
        c[i] *= u
        u /= reach
    return True


cdef inline int fit_weights(const LaidLine* line, const double* A, double place, double reach, int part,
                            double* weights) noexcept nogil:
    """Derivative of a Legendre part of the cubic by the curvatures of the nodes from that at or before `place` on; their number.

    A bit more curvature turns all behind it: a place at direction b moves by the sine of b about the point, seen across
    the line where it is fitted, cos(b - a) / cos(b) m a radian and metre turned at direction a.
    """
    cdef double[4] c
    cdef double[72] ordinate
    cdef double u, level = 0.0, steep = 0.0, direction = 0.0, slope, share, step = 0.5 * LaneState_PREVIEW_STEP_M
    cdef int nodes = <int>(place + (line.count - 1) * 0.5) + 2 - <int>place
    cdef int i, k
    for i in range(4):
        c[i] = lane_part[part][i]
    cholesky_solve(A, 4, c)
    for k in range(line.count):
        share = line.x[k] / reach
        ordinate[k] = c[0] + share * (c[1] + share * (c[2] + share * c[3]))
    for i in range(nodes):
        weights[i] = 0.0
    # Backwards: an ordinate depends on all directions before it, a direction on all curvatures before it
    for k in range(line.count - 2, -1, -1):
        level += ordinate[k + 1]
        steep += ordinate[k + 1] * tan(line.turned[k + 1])
        slope = step * (level * cos(line.halfway[k]) + steep * sin(line.halfway[k]))
        u = 0.5 * step * direction + 0.25 * step * slope
        direction += slope
        spread(weights, place - <int>place + 0.5 * k, u)
        spread(weights, place - <int>place + 0.5 * (k + 1), u)
    return nodes


cdef inline void spread(double* weights, double place, double weight) noexcept nogil:
    """Between the two nodes beside a place."""
    cdef int i = <int>place
    weights[i] += (1.0 - (place - i)) * weight
    weights[i + 1] += (place - i) * weight


cdef inline void observe_line(CurvatureProfile* profile, double station, double reach, const double* seen, const double* own,
                              double scale) noexcept nogil:
    """The curved parts of a line's cubic; `own` is the profile's cubic, about which the weights hold, `scale` that of errors."""
    cdef LaidLine line
    cdef double[16] A
    cdef double[40] weights
    cdef double[4] part
    cdef double known, place = station / LaneState_PREVIEW_STEP_M - profile.first
    cdef int first = <int>place, count, i, k
    if places(profile, station, reach) == 0 or not lay_line(profile, station, reach, seen[0], seen[1], &line):
        return
    parts_of(seen, own, reach, part)
    factor_of_fit(&line, reach, A)
    for k in range(2, 4):
        count = fit_weights(&line, A, place, reach, k, weights)
        known = 0.0
        for i in range(count):
            known += weights[i] * profile.curvature[first + i]
        observe_profile(profile, first, count, weights, part[k] + known, scale * sqrt(2.0 * k + 1.0))
