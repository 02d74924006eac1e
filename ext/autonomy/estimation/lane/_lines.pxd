# The lines of one observation: brought to a tick, chosen where a side has two, and told apart from lines that leave the lane.
# Twin: lines_twin.py.
from libc.math cimport atan, fabs, isfinite, sqrt
from libc.stdint cimport uint8_t
from autonomy.msg.messages cimport LaneParameters, LaneSample, LaneSample_COLOUR_YELLOW
from autonomy.estimation.lane._filter cimport innovation, test_ratio
from autonomy.estimation.lane._lane cimport (
    HEADING, LEFT_LINE, RIGHT_LINE, STATES, WIDTH_LEFT, WIDTH_RIGHT, CurvatureProfile, LaneSide, LaneTick,
)
from autonomy.estimation.lane._line_fit cimport fit_of_profile, parts_of, places, scale_of_errors

cdef enum:
    NO_LINE = -1

cdef extern from *:
    """
    #define LANE_TURNING_SHARE 0.25      /* of a new heading innovation in the mean: four lines */
    #define LANE_BENT_DOUBTFUL 4.2       /* scales: 3.5 sigma of the mean of both lines' second parts, one less the other */
    #define LANE_BENT_APART 6.0          /* five sigma ... */
    #define LANE_BENT_MORE 2.0           /* ... and one of them so much more than the other: the profile may have bent half-way */
    #define LANE_STRICT 0.25             /* share of the gate within which a held line fits again: half as many sigmas */
    #define LANE_STEEPEST 0.5            /* slope of a line beyond which it is none of a lane's */
    #define LANE_FURTHEST_M 15.0
    #define LANE_SHORTEST_M 20.0
    #define LANE_LONGEST_M 150.0         /* the profile's nodes ahead */
    #define LANE_PROFILE_SIGMA 1.5e-4    /* 1/m, of the profile itself where it was seen a few times */
    /* Where the curvature of a cubic fitted over a line is that of the line, whatever its fourth power: zeros of the second
       derivative of the fourth Legendre polynomial, as shares of the reach. There two cubics are compared: second derivative
       of the curved parts, and what of it errors of scale 1 are. */
    static const double lane_bent[2][2] = {{12.0, -26.832816}, {12.0, 26.832816}};
    #define LANE_BENT_SIGMA 75.894664
    /* The straight parts begin where the profile's own cubic does; what the profile does not know yet is in the slope:
       a tenth of what the curved parts of one image tell, squared: 12 + (180 + 1008) / 10 */
    #define LANE_OFFSET_SIGMA 2.0
    #define LANE_SLOPE_SIGMA 11.436783
    """
    const double[2][2] lane_bent
    const double LANE_BENT_SIGMA
    const double LANE_OFFSET_SIGMA
    const double LANE_SLOPE_SIGMA
    const double LANE_TURNING_SHARE
    const double LANE_BENT_DOUBTFUL
    const double LANE_BENT_APART
    const double LANE_BENT_MORE
    const double LANE_STRICT
    const double LANE_STEEPEST
    const double LANE_FURTHEST_M
    const double LANE_SHORTEST_M
    const double LANE_LONGEST_M
    const double LANE_PROFILE_SIGMA

cdef struct Line:
    double[4] z                  # distance to the left along the lane's normal, heading error, curvature, curvature rate
    double[4] sigma
    double reach
    double[4] seen               # c0..c3 as told
    double[4] seen_sigma
    double[4] own                # what a cubic makes of the profile there
    double scale                 # m, of the cubic's errors
    double bent                  # scales, second part of the difference
    uint8_t there
    uint8_t type
    uint8_t colour
    uint8_t profiled             # runs as the profile does

cdef struct Fit:
    double place                 # squared innovation as a share of the gate: distance,
    double turn                  # heading
    double turned                # rad, heading innovation
    double bent                  # scales, second part of what it differs from the profile


cdef inline bint runs_as(const Line* line, const double* part, double gate) noexcept nogil:
    """Whether the line bends as the profile does, both seen through a cubic; `part` (4,) of their difference."""
    cdef double difference, sigma = LANE_BENT_SIGMA * line.scale / (line.reach * line.reach)
    cdef int i
    for i in range(2):
        difference = (lane_bent[i][0] * part[2] + lane_bent[i][1] * part[3]) / (line.reach * line.reach)
        if difference * difference > gate * (sigma * sigma + LANE_PROFILE_SIGMA * LANE_PROFILE_SIGMA):
            return False
    return True


cdef inline void straighten(Line* line, const double* part, const LaneParameters* parameters, double* c) noexcept nogil:
    """Offset and slope of a line that bends as the profile does: corrected by what is straight in their difference."""
    cdef double scale = line.scale
    c[0] += part[0] - part[1]
    c[1] += 2.0 * part[1] / line.reach
    line.sigma[0] = sqrt(LANE_OFFSET_SIGMA * scale * LANE_OFFSET_SIGMA * scale
                         + parameters.line_sway_sigma[0] * parameters.line_sway_sigma[0])
    line.sigma[1] = sqrt(LANE_SLOPE_SIGMA * scale * LANE_SLOPE_SIGMA * scale / (line.reach * line.reach)
                         + parameters.line_sway_sigma[1] * parameters.line_sway_sigma[1])


cdef inline void bring(Line* line, const LaneParameters* parameters, const LaneTick* tick, double wait, const double* seen,
                       const double* sigma, int quality, double reach, const CurvatureProfile* profile) noexcept nogil:
    """A line seen `wait` seconds before the tick, as measurements at the tick."""
    cdef double s = tick.speed * wait, turned = tick.yaw_rate * wait
    cdef double[4] c
    cdef double[4] part
    cdef double scale, cosine
    cdef int i
    line.there = 0
    if quality == 0:
        return
    for i in range(4):
        if not isfinite(seen[i]):
            return
    scale = parameters.quality_sigma_scale[(quality if quality < 3 else 3) - 1]
    for i in range(4):
        c[i] = seen[i]
        line.seen[i] = seen[i]
        line.seen_sigma[i] = scale * (sigma[i] if isfinite(sigma[i]) and sigma[i] > 0.0 else parameters.line_sigma[i])
    line.sigma[0], line.sigma[1] = line.seen_sigma[0], line.seen_sigma[1]
    line.sigma[2] = 2.0 * sqrt(line.seen_sigma[2] * line.seen_sigma[2]
                               + parameters.line_shape_sigma[0] * parameters.line_shape_sigma[0])
    line.sigma[3] = 6.0 * sqrt(line.seen_sigma[3] * line.seen_sigma[3]
                               + parameters.line_shape_sigma[1] * parameters.line_shape_sigma[1])
    line.reach = reach if isfinite(reach) and reach > 0.0 else 0.0
    if line.reach > LANE_LONGEST_M:
        line.reach = LANE_LONGEST_M
    line.scale = scale_of_errors(line.seen_sigma, line.reach)
    line.profiled = 0
    line.bent = 0.0
    if line.reach > LANE_SHORTEST_M and places(profile, tick.station - s, line.reach) > 0 \
            and fit_of_profile(profile, tick.station - s, line.reach, line.seen[0], line.seen[1], line.own):
        parts_of(line.seen, line.own, line.reach, part)
        line.bent = part[2] / line.scale
        line.profiled = runs_as(line, part, parameters.gate)
    if line.profiled:
        straighten(line, part, parameters, c)
    c[0] += s * (c[1] + s * (c[2] + s * c[3])) - 0.5 * s * turned - tick.drift * wait
    c[1] += s * (2.0 * c[2] + 3.0 * s * c[3]) - turned
    c[2] += 3.0 * s * c[3]
    if fabs(c[0]) > LANE_FURTHEST_M or fabs(c[1]) > LANE_STEEPEST:
        return
    cosine = 1.0 / sqrt(1.0 + c[1] * c[1])
    line.z[0] = c[0] * cosine
    line.z[1] = -atan(c[1])
    line.z[2] = 2.0 * c[2] * cosine * cosine * cosine
    line.z[3] = 6.0 * c[3]
    line.there = 1


cdef inline void bring_all(Line* left, Line* right, const LaneParameters* parameters, const LaneTick* tick, double wait,
                           const LaneSample* sample, const CurvatureProfile* profile) noexcept nogil:
    bring(&left[0], parameters, tick, wait, sample.left, sample.left_sigma, sample.left_quality, sample.left_range_m, profile)
    bring(&left[1], parameters, tick, wait, sample.left_second, sample.left_sigma, sample.left_second_quality,
          sample.left_second_range_m, profile)
    bring(&right[0], parameters, tick, wait, sample.right, sample.right_sigma, sample.right_quality, sample.right_range_m,
          profile)
    bring(&right[1], parameters, tick, wait, sample.right_second, sample.right_sigma, sample.right_second_quality,
          sample.right_second_range_m, profile)
    left[0].type, left[0].colour = sample.left_type, sample.left_colour
    left[1].type, left[1].colour = sample.left_second_type, sample.left_second_colour
    right[0].type, right[0].colour = sample.right_type, sample.right_colour
    right[1].type, right[1].colour = sample.right_second_type, sample.right_second_colour


cdef inline Fit fit_of(const Line* line, int measured, const double* x, const double* P, double gate) noexcept nogil:
    cdef Fit fit
    fit.place = test_ratio(x, P, measured, line.z[0], line.sigma[0], gate)
    fit.turn = test_ratio(x, P, HEADING, line.z[1], line.sigma[1], gate)
    fit.turned = innovation(x, HEADING, line.z[1])
    fit.bent = line.bent
    return fit


cdef inline int temporary(const Line* lines) noexcept nogil:
    """The yellow one of two lines, the other not being yellow: it replaces the other. NO_LINE when there is no such pair."""
    cdef bint first = lines[0].colour == LaneSample_COLOUR_YELLOW
    if not lines[0].there or not lines[1].there or first == (lines[1].colour == LaneSample_COLOUR_YELLOW):
        return NO_LINE
    return 0 if first else 1


cdef inline int choose(const Line* lines, int measured, const double* x, const double* P, double gate, Fit* fit) noexcept nogil:
    """Which of a side's two lines: a temporary one that fits, else the one that fits best."""
    cdef Fit second
    cdef int yellow = temporary(lines)
    if not lines[0].there and not lines[1].there:
        return NO_LINE
    if not lines[1].there:
        fit[0] = fit_of(&lines[0], measured, x, P, gate)
        return 0
    second = fit_of(&lines[1], measured, x, P, gate)
    if not lines[0].there:
        fit[0] = second
        return 1
    fit[0] = fit_of(&lines[0], measured, x, P, gate)
    if yellow == 0 and fit.place <= 1.0 and fit.turn <= 1.0:
        return 0
    if (yellow == 1 and second.place <= 1.0 and second.turn <= 1.0) or second.place + second.turn < fit.place + fit.turn:
        fit[0] = second
        return 1
    return 0


cdef inline double width_ratio(const Line* left, const Line* right, const double* x, const double* P, double gate) noexcept nogil:
    """Of the width between two lines against the one known."""
    cdef double nu = left.z[0] - right.z[0] - x[WIDTH_LEFT] - x[WIDTH_RIGHT]
    cdef double S = left.sigma[0] * left.sigma[0] + right.sigma[0] * right.sigma[0] \
        + P[(STATES + 1) * WIDTH_LEFT] + P[(STATES + 1) * WIDTH_RIGHT] + 2.0 * P[STATES * WIDTH_LEFT + WIDTH_RIGHT]
    return nu * nu / (S * gate)


cdef inline bint plausible(const LaneParameters* parameters, const Line* left, const Line* right) noexcept nogil:
    """Two lines that may be those of one lane."""
    cdef double width = left.z[0] - right.z[0]
    return parameters.width_minimum_m <= width <= parameters.width_maximum_m


cdef inline void judge(LaneSide* side, const LaneParameters* parameters, const Fit* fit, bint leaves) noexcept nogil:
    """Whether the line of one side is used: `side.used`. A line that leaves is held off until it fits well for a while."""
    cdef bint fits = fit.place <= 1.0 and fit.turn <= 1.0 and not leaves
    side.used = 0
    if not side.held:
        if fits:
            side.misfits = 0
            side.used = 1
            return
        side.misfits += 1
        if side.misfits >= parameters.hold_after:
            side.held = 1
            side.fits = 0
            side.parallel_m = 0.0
        return
    if not fits or fit.place > LANE_STRICT or fabs(side.turning) > parameters.diverging_rad \
            or fabs(side.bending) > LANE_BENT_APART:
        side.fits = 0
        return
    side.fits += 1
    if side.fits >= parameters.readmit_after:
        side.held = 0
        side.misfits = 0
        side.used = 1


cdef inline bint bent_apart(const LaneSide* left, const LaneSide* right) noexcept nogil:
    """The far end of a line that leaves does so first."""
    cdef double one = fabs(left.bending), other = fabs(right.bending)
    return fabs(left.bending - right.bending) > LANE_BENT_APART and max(one, other) > LANE_BENT_MORE * min(one, other)


cdef inline double apartness(const LaneSide* side, const LaneParameters* parameters) noexcept nogil:
    cdef double turning = side.turning / parameters.diverging_rad
    cdef double bending = side.bending / LANE_BENT_APART
    return turning * turning + bending * bending


cdef inline int leaving(const LaneParameters* parameters, const LaneSide* left, const LaneSide* right, const Fit* left_fit,
                        const Fit* right_fit, double width, bint left_temporary, bint right_temporary) noexcept nogil:
    """Of two lines that go apart, the one that leaves the lane: 1 left, -1 right, 0 neither."""
    cdef double left_score, right_score
    if width <= 1.0 and not bent_apart(left, right) and fabs(left.turning - right.turning) <= parameters.diverging_rad:
        return 0
    if left.held != right.held:
        return 1 if left.held else -1
    if left_temporary != right_temporary:
        return -1 if left_temporary else 1
    left_score = left_fit.place + apartness(left, parameters)
    right_score = right_fit.place + apartness(right, parameters)
    return 1 if left_score > right_score else -1
