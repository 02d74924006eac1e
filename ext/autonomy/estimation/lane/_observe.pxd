# What one observation of lines does to the filter.
from libc.math cimport fabs
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport LaneParameters, LaneSample, LaneState_PREVIEW_STEP_M
from autonomy.estimation.lane._filter cimport innovation, test_ratio
from autonomy.estimation.lane._history cimport add_scalar, at_tick, find_tick, go_through, tick_back
from autonomy.estimation.lane._lane cimport (
    ASYMMETRY, BEHIND, CURVATURE, CURVATURE_RATE, HEADING, LEFT_LINE, LOOSEN_LEFT, LOOSEN_RIGHT, OFFSET, RIGHT_LINE, SCALARS,
    CurvatureProfile, LaneFilter, LaneSide, LaneTick)
from autonomy.estimation.lane._lines cimport (
    LANE_BENT_DOUBTFUL, LANE_SHORTEST_M, LANE_TURNING_SHARE, NO_LINE, Fit, Line, bring_all, choose, judge, leaving, plausible,
    temporary, width_ratio,
)
from autonomy.estimation.lane._line_fit cimport observe_line
from autonomy.estimation.lane._profile cimport begin_profile, move_profile, profile_at, profile_rate_at, solve_profile
from autonomy.estimation.lane._start cimport start

cdef enum:
    SOURCE_PATH = 1
    SOURCE_CAMERA = 2
    SCALARS_OF_LINES = 10

cdef extern from *:
    """
    #define LANE_APART 0.4               /* of diverging_rad: the lines no longer show the same road */
    #define LANE_OTHER_ROAD 5            /* in a row: what was taken for the road is none */
    #define LANE_EARLIER_M 12.0          /* half a second: so long is a line that leaves in the profile before it shows */
    #define LANE_UNDECIDED_M 25.0        /* by then one line is seen to leave and the other to stay: else the profile is wrong */
    #define LANE_ANEW_M 0.5              /* a standing truck sees the same again and again: that is no new observation */
    """
    const double LANE_APART
    const double LANE_EARLIER_M
    const double LANE_UNDECIDED_M
    const double LANE_ANEW_M
    const unsigned int LANE_OTHER_ROAD


cdef inline bint restart(LaneFilter* lane, const LaneParameters* parameters, int back, double offset,
                         double heading) noexcept nogil:
    """Begins anew where everything points to. Another lane is told as such: there is none for a moment."""
    if fabs(innovation(tick_back(lane, back).x, OFFSET, offset)) > parameters.jump_m:
        lane.initialised = 0
        lane.expected = 0
        lane.rejected = lane.path_rejected = 0
        lane.path_shift = 0.0
        lane.path_shifted = 0
        return False
    start(lane, parameters, back, offset, heading)
    return True


cdef inline bint begin_with(LaneFilter* lane, const LaneParameters* parameters, const Line* left, const Line* right,
                            int back) noexcept nogil:
    """First sight of a lane: two lines that run alike, or one of them as far away as a line of the own lane can be."""
    cdef double half = parameters.default_half_width_m
    cdef bint use_left = left != NULL and 0.0 < left.z[0] < 2.0 * half
    cdef bint use_right = right != NULL and 0.0 < -right.z[0] < 2.0 * half
    cdef bint alike = True
    if left != NULL and right != NULL:
        alike = (left.z[1] - right.z[1]) * (left.z[1] - right.z[1]) \
            <= parameters.gate * (left.sigma[1] * left.sigma[1] + right.sigma[1] * right.sigma[1])
        if alike and plausible(parameters, left, right):
            start(lane, parameters, back, -0.5 * (left.z[0] + right.z[0]), 0.5 * (left.z[1] + right.z[1]))
            return True
    if use_left and use_right:
        # The one the vehicle drives along, or of two such the one at half a lane's width
        use_left = fabs(left.z[0] - half) <= fabs(-right.z[0] - half) if alike else fabs(left.z[1]) <= fabs(right.z[1])
    if use_left:
        start(lane, parameters, back, half - left.z[0], left.z[1])
    elif use_right:
        start(lane, parameters, back, -half - right.z[0], right.z[1])
    return use_left or use_right


cdef inline void set_curvature(const CurvatureProfile* profile, double station, Line* line) noexcept nogil:
    line.z[2] = profile_at(profile, station)
    line.z[3] = profile_rate_at(profile, station)


cdef inline void remember_profile(LaneFilter* lane) noexcept nogil:
    """Now and then, while both sides show one road."""
    if not lane.earlier[1].begun:
        lane.earlier[0] = lane.earlier[1] = lane.profile
    elif fabs(lane.profile.observed_station - lane.earlier[1].observed_station) > LANE_EARLIER_M:
        lane.earlier[0], lane.earlier[1] = lane.earlier[1], lane.profile


cdef inline void return_to_earlier(LaneFilter* lane, const LaneParameters* parameters, double seen_from) noexcept nogil:
    """The sides go apart: the profile has followed the one that leaves for some metres. As it was before that."""
    cdef int64_t first = lane.profile.first
    if lane.apart:
        return
    lane.apart = 1
    lane.apart_station = seen_from
    if not lane.earlier[0].begun:
        return
    lane.profile = lane.earlier[1] = lane.earlier[0]
    move_profile(&lane.profile, parameters, LaneState_PREVIEW_STEP_M * (first + BEHIND + 0.5))


cdef inline void look_at_curvature(LaneFilter* lane, const LaneParameters* parameters, LaneTick* tick, double seen_from,
                                   Line* left, Line* right, bint temporary, bint apart) noexcept nogil:
    """What the lines used show of the road's curvature goes into the profile, and the profile's own is what they measure.

    While the two sides go apart neither is believed: the profile would bend half-way with the one that leaves. When neither
    has left after a while, it is the profile that shows another road: begun anew.
    """
    cdef CurvatureProfile* profile = &lane.profile
    cdef bint undecided = apart and lane.apart and seen_from - lane.apart_station > LANE_UNDECIDED_M
    cdef int i
    if apart and not undecided:
        return_to_earlier(lane, parameters, seen_from)
    elif (seen_from - profile.observed_station > LANE_ANEW_M or seen_from < profile.observed_station - LANE_ANEW_M):
        profile.misfits += 1
        if (left == NULL or left.profiled) and (right == NULL or right.profiled):
            profile.misfits = 0
        if undecided or profile.misfits >= LANE_OTHER_ROAD or temporary != profile.temporary:
            begin_profile(profile, parameters, profile.first)
            lane.earlier[1].begun = 0
            profile.temporary = temporary
            for i in range(4):
                if left != NULL:
                    left.own[i] = 0.0
                if right != NULL:
                    right.own[i] = 0.0
        if left != NULL and left.reach > LANE_SHORTEST_M:
            observe_line(profile, seen_from, left.reach, left.seen, left.own, left.scale)
        if right != NULL and right.reach > LANE_SHORTEST_M:
            observe_line(profile, seen_from, right.reach, right.seen, right.own, right.scale)
        solve_profile(profile)
        profile.observed_station = seen_from
        lane.apart = 0
        remember_profile(lane)
    if left != NULL and left.reach > LANE_SHORTEST_M:
        set_curvature(profile, tick.station, left)
    if right != NULL and right.reach > LANE_SHORTEST_M:
        set_curvature(profile, tick.station, right)


cdef inline void use_line(LaneFilter* lane, const LaneParameters* parameters, LaneTick* tick, const Line* line, LaneSide* side,
                          int measured, const double* x, const double* P) noexcept nogil:
    add_scalar(tick, measured, line.z[0], line.sigma[0])
    add_scalar(tick, HEADING, line.z[1], line.sigma[1])
    if test_ratio(x, P, CURVATURE, line.z[2], line.sigma[2], parameters.gate) <= 1.0:
        add_scalar(tick, CURVATURE, line.z[2], line.sigma[2])
    if test_ratio(x, P, CURVATURE_RATE, line.z[3], line.sigma[3], parameters.gate) <= 1.0:
        add_scalar(tick, CURVATURE_RATE, line.z[3], line.sigma[3])
    side.type = line.type


cdef inline void remember_turn(LaneSide* side, const LaneParameters* parameters, const Fit* fit,
                               int64_t valid_time_ns) noexcept nogil:
    if <double>(valid_time_ns - side.seen_ns) * 1e-9 > parameters.coast_after_s:
        side.turning = side.bending = 0.0
    side.turning += LANE_TURNING_SHARE * (fit.turned - side.turning)
    side.bending += LANE_TURNING_SHARE * (fit.bent - side.bending)
    side.seen_ns = valid_time_ns


cdef inline bint adopted(LaneSide* side, const LaneParameters* parameters, const LaneSide* other, bint within,
                         double driven_m) noexcept nogil:
    """A held line that has run parallel to the lane for long, at a lane's width: the boundary itself has moved."""
    if not (side.held and other.used and within and fabs(side.turning - other.turning) <= parameters.diverging_rad):
        side.parallel_m = 0.0
        return False
    side.parallel_m += driven_m
    if side.parallel_m < parameters.adopt_after_m:
        return False
    side.held = 0
    side.misfits = 0
    side.used = 1
    return True


cdef inline void use_sample(LaneFilter* lane, const LaneParameters* parameters, const LaneSample* sample) noexcept nogil:
    cdef Line[2] lefts
    cdef Line[2] rights
    cdef Line* left = NULL
    cdef Line* right = NULL
    cdef Line* wanted_left = NULL
    cdef Line* wanted_right = NULL
    cdef Fit left_fit, right_fit
    cdef double[7] x
    cdef double[49] P
    cdef LaneTick* tick
    cdef double driven_m
    cdef int back, chosen, gone = 0
    cdef int left_yellow, right_yellow
    cdef bint wanted = False
    if sample.validity != 0:
        return
    back = find_tick(lane, sample.valid_time_ns)
    if back < 0:
        lane.observations_late += lane.initialised
        return
    tick = tick_back(lane, back)
    if tick.count + SCALARS_OF_LINES > SCALARS:
        lane.lines_rejected += 1
        return
    bring_all(lefts, rights, parameters, tick, <double>(tick.time_ns - sample.valid_time_ns) * 1e-9, sample, &lane.profile)
    left_yellow, right_yellow = temporary(lefts), temporary(rights)
    if not lane.initialised:
        if lefts[0].there or lefts[1].there:
            left = &lefts[left_yellow if left_yellow != NO_LINE else 0 if lefts[0].there else 1]
        if rights[0].there or rights[1].there:
            right = &rights[right_yellow if right_yellow != NO_LINE else 0 if rights[0].there else 1]
        if not begin_with(lane, parameters, left, right, back):
            return
        left = right = NULL
    at_tick(lane, back, x, P)
    chosen = choose(lefts, LEFT_LINE, x, P, parameters.gate, &left_fit)
    if chosen != NO_LINE:
        left = &lefts[chosen]
        remember_turn(&lane.left, parameters, &left_fit, sample.valid_time_ns)
    chosen = choose(rights, RIGHT_LINE, x, P, parameters.gate, &right_fit)
    if chosen != NO_LINE:
        right = &rights[chosen]
        remember_turn(&lane.right, parameters, &right_fit, sample.valid_time_ns)
    if left != NULL and right != NULL:
        gone = leaving(parameters, &lane.left, &lane.right, &left_fit, &right_fit,
                       width_ratio(left, right, x, P, parameters.gate), left_yellow != NO_LINE, right_yellow != NO_LINE)
    lane.left.used = lane.right.used = 0
    if left != NULL:
        judge(&lane.left, parameters, &left_fit, gone > 0)
        lane.lines_rejected += not lane.left.used
    if right != NULL:
        judge(&lane.right, parameters, &right_fit, gone < 0)
        lane.lines_rejected += not lane.right.used
    if left != NULL and right != NULL:
        driven_m = tick.speed * <double>(sample.valid_time_ns - lane.last_line_ns) * 1e-9
        if adopted(&lane.left, parameters, &lane.right, plausible(parameters, left, right), driven_m):
            add_scalar(tick, LOOSEN_LEFT, 0.0, fabs(innovation(x, LEFT_LINE, left.z[0])))
        elif adopted(&lane.right, parameters, &lane.left, plausible(parameters, left, right), driven_m):
            add_scalar(tick, LOOSEN_RIGHT, 0.0, fabs(innovation(x, RIGHT_LINE, right.z[0])))
    # Two lines of one lane that are elsewhere for long, temporary ones above all: the lane is there
    if left_yellow != NO_LINE and right_yellow != NO_LINE:
        wanted_left, wanted_right = &lefts[left_yellow], &rights[right_yellow]
        wanted = left != wanted_left or right != wanted_right or not (lane.left.used and lane.right.used)
    elif left != NULL and right != NULL:
        wanted_left, wanted_right = left, right
        wanted = not lane.left.used and not lane.right.used
    if not (wanted and plausible(parameters, wanted_left, wanted_right)):
        lane.rejected = 0
    else:
        lane.rejected += 1
        if lane.rejected >= parameters.reject_limit:
            left, right = wanted_left, wanted_right
            if not restart(lane, parameters, back, -0.5 * (left.z[0] + right.z[0]), 0.5 * (left.z[1] + right.z[1])):
                return
            lane.left.used = lane.right.used = 1
            lane.left.seen_ns = lane.right.seen_ns = sample.valid_time_ns
            at_tick(lane, back, x, P)
    if not lane.left.used and not lane.right.used:
        return
    look_at_curvature(lane, parameters, tick, tick.station - tick.speed * <double>(tick.time_ns - sample.valid_time_ns) * 1e-9,
                      left if lane.left.used else NULL, right if lane.right.used else NULL,
                      (lane.left.used and left_yellow != NO_LINE) or (lane.right.used and right_yellow != NO_LINE),
                      left != NULL and right != NULL and not (lane.left.held or lane.right.held)
                      and (fabs(lane.left.turning - lane.right.turning) > LANE_APART * parameters.diverging_rad
                           or fabs(lane.left.bending - lane.right.bending) > LANE_BENT_DOUBTFUL))
    if lane.left.used:
        use_line(lane, parameters, tick, left, &lane.left, LEFT_LINE, x, P)
    if lane.right.used:
        use_line(lane, parameters, tick, right, &lane.right, RIGHT_LINE, x, P)
    # Lines alone leave the split of the width open: the path to keep to is then the middle
    add_scalar(tick, ASYMMETRY, 0.0, parameters.width_symmetry_sigma)
    go_through(lane, parameters, back)
    if sample.valid_time_ns >= lane.last_line_ns:
        lane.last_line_ns = sample.valid_time_ns
        lane.reach = max(left.reach if lane.left.used else 0.0, right.reach if lane.right.used else 0.0)
        lane.reach -= tick.speed * <double>(tick_back(lane, 0).time_ns - sample.valid_time_ns) * 1e-9
    if sample.valid_time_ns >= lane.last_observation_ns:
        lane.last_observation_ns = sample.valid_time_ns
        lane.unseen_s = <double>(tick_back(lane, 0).time_ns - sample.valid_time_ns) * 1e-9
    lane.source = SOURCE_CAMERA
