# Whether a track keeps its lane or has begun to change into the vehicle's: a sequential test of one against the other.
#
# Who keeps its lane wanders: its speed across is a Gauss-Markov process, its offset from the lane middle the integral. A Kalman
# filter of that predicts every measured offset. Who changes has, beside, moved along a profile of smallest jerk since it began;
# what that does to the filter's innovations is known, so the log of the likelihood ratio adds up (Willsky, Jones 1976), for each
# of the last moments at which it may have begun.
from libc.math cimport exp, fabs
from libc.string cimport memset
from libc.stdint cimport int64_t
from autonomy.estimation.tracks._tracks cimport ONSETS, Change

cdef extern from *:
    """
    static const double WANDER_SPEED = 0.08;     /* m/s across, one sigma; 0.13: told later, no fewer wanderers [C] */
    static const double WANDER_S = 3.0;          /* time constant of it: a quarter of a period [D] */
    static const double CHANGE_S = 5.0;          /* of a whole lane change: 3 to 6 s on motorways [M] */
    static const double CHANGE_M = 3.75;         /* [V] RAA 2008, cross-section RQ 31 */
    static const double OUTLIER = 9.0;           /* 3 sigma: beyond, a measurement counts less [D] */
    static const double PRIOR_LOG_ODDS = -4.0;   /* of having begun at one of these moments [C] */
    static const double ASTRAY_M = 0.5;          /* from the middle of its lane when it begins, at most [D] */
    static const double NEARER_M = 0.05;         /* than it was when it began [D] */
    static const double SILENT_S = 0.5;          /* what is older tells nothing of now [D] */
    """
    const double WANDER_SPEED
    const double WANDER_S
    const double CHANGE_S
    const double CHANGE_M
    const double OUTLIER
    const double PRIOR_LOG_ODDS
    const double ASTRAY_M
    const double SILENT_S
    const double NEARER_M

cdef enum:
    ONSET_NS = 200000000         # moments at which a change may begin lie so far apart


cdef inline double profile(double since_s) noexcept nogil:
    """m moved across since the change began."""
    cdef double share = since_s / CHANGE_S
    if share <= 0.0:
        return 0.0
    if share >= 1.0:
        return CHANGE_M
    return CHANGE_M * share * share * share * (10.0 + share * (6.0 * share - 15.0))


cdef inline void begin_onsets(Change* change, int64_t time_ns) noexcept nogil:
    """What may have begun since the last measurement, in the place of the oldest."""
    cdef int64_t newest = time_ns // ONSET_NS
    cdef int k
    if newest - change.newest > ONSETS:
        change.newest = newest - ONSETS
    while change.newest < newest:
        change.newest += 1
        k = <int>(change.newest % ONSETS)
        change.moved[k] = change.speed_moved[k] = change.evidence[k] = 0.0
        change.begun[k] = fabs(change.offset)


cdef inline void test_change(Change* change, double offset, double variance, int64_t time_ns) noexcept nogil:
    """One measured offset from the middle of the vehicle's lane."""
    cdef double dt = <double>(time_ns - change.time_ns) * 1e-9, keep, gone, nu, S, gain, speed_gain, expected, mean, towards
    cdef int64_t onset
    cdef int k
    if change.time_ns == 0 or dt > 1.0:
        memset(change, 0, sizeof(Change))
        for k in range(ONSETS):
            change.begun[k] = fabs(offset)
        change.offset, change.xx, change.vv = offset, variance, WANDER_SPEED * WANDER_SPEED
        change.time_ns, change.newest = time_ns, time_ns // ONSET_NS
        return
    # A slower sensor tells of a little earlier: taken as of the last moment
    if dt < 0.0:
        dt = 0.0
    else:
        change.time_ns = time_ns
    begin_onsets(change, time_ns)
    keep = exp(-dt / WANDER_S)
    gone = WANDER_S * (1.0 - keep)
    change.offset += gone * change.speed
    change.speed *= keep
    change.xx += 2.0 * gone * change.xv + gone * gone * change.vv
    change.xv = keep * (change.xv + gone * change.vv)
    change.vv = keep * keep * change.vv + (1.0 - keep * keep) * WANDER_SPEED * WANDER_SPEED
    nu = offset - change.offset
    S = change.xx + variance
    if nu * nu > OUTLIER * S:
        S = nu * nu / OUTLIER
    gain, speed_gain = change.xx / S, change.xv / S
    change.offset += gain * nu
    change.speed += speed_gain * nu
    change.vv -= speed_gain * change.xv
    change.xv -= gain * change.xv
    change.xx -= gain * change.xx
    towards = -1.0 if change.offset > 0.0 else 1.0
    for k in range(ONSETS):
        onset = change.newest - (change.newest - k) % ONSETS
        # What the filter has taken of the profile, and what is left of it in the innovation
        change.moved[k] += gone * change.speed_moved[k]
        change.speed_moved[k] *= keep
        expected = towards * profile(<double>(time_ns - onset * ONSET_NS) * 1e-9)
        mean = expected - change.moved[k]
        change.moved[k] += gain * mean
        change.speed_moved[k] += speed_gain * mean
        change.evidence[k] += mean * (nu - 0.5 * mean) / S


cdef inline double change_probability(const Change* change, double lane_width, int64_t now_ns) noexcept nogil:
    """Of its having begun, in the next lane, at the likeliest of these moments."""
    cdef double best = 0.0
    cdef int k
    if change.time_ns == 0 or <double>(now_ns - change.time_ns) * 1e-9 > SILENT_S:
        return 0.0
    for k in range(ONSETS):
        # Who ends another change was elsewhere then, or has not come nearer
        if change.evidence[k] > best and fabs(change.begun[k] - lane_width) < ASTRAY_M \
                and fabs(change.offset) < change.begun[k] - NEARER_M:
            best = change.evidence[k]
    return 1.0 / (1.0 + exp(-(best + PRIOR_LOG_ODDS)))
