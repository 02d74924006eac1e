# Curvature of the road, fixed to the road: what a camera saw 50 m ahead two seconds ago is what lies beneath the truck now.
# Nodes every 5 m, linear in between, neighbours bound by a random walk. A line's cubic ties the nodes under it (_line_fit.pxd);
# so the information matrix is a band, to leave a node behind is one elimination, and the estimate is a banded Cholesky.
# Twin: profile_twin.CurvatureProfile.
from libc.math cimport floor
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memmove, memset
from autonomy.msg.messages cimport LaneParameters, LaneState_PREVIEW_STEP_M
from autonomy.estimation.lane._lane cimport BAND, BEHIND, NODES, CurvatureProfile

cdef extern from *:
    """
    #define LANE_START_CURVATURE 5.0e-3  /* 1/m, of a road not seen before: R 200 m */
    #define LANE_RATE_BASE_M 10.0        /* the curvature rate is that between here behind and ahead */
    """
    const double LANE_START_CURVATURE, LANE_RATE_BASE_M


cdef inline double bond(const LaneParameters* parameters) noexcept nogil:
    """Information between neighbours."""
    return 1.0 / (parameters.profile_walk * parameters.profile_walk * LaneState_PREVIEW_STEP_M)


cdef inline void begin_profile(CurvatureProfile* profile, const LaneParameters* parameters, int64_t first) noexcept nogil:
    cdef double w = bond(parameters)
    cdef int i
    memset(profile, 0, sizeof(CurvatureProfile))
    profile.first = first
    profile.span = 1
    profile.band[0] = 1.0 / (LANE_START_CURVATURE * LANE_START_CURVATURE)
    for i in range(NODES - 1):
        profile.band[BAND * i] += w
        profile.band[BAND * (i + 1)] += w
        profile.band[BAND * i + 1] = -w
    profile.begun = 1


cdef inline void leave_one_behind(CurvatureProfile* profile, const LaneParameters* parameters) noexcept nogil:
    cdef double w = bond(parameters)
    cdef double ratio
    cdef int span = <int>profile.span
    cdef int i, j
    for i in range(1, span + 1):
        ratio = profile.band[i] / profile.band[0]
        for j in range(i, span + 1):
            profile.band[BAND * i + j - i] -= ratio * profile.band[j]
        profile.vector[i] -= ratio * profile.vector[0]
    memmove(&profile.band[0], &profile.band[BAND], BAND * (NODES - 1) * sizeof(double))
    memmove(&profile.vector[0], &profile.vector[1], (NODES - 1) * sizeof(double))
    memmove(&profile.curvature[0], &profile.curvature[1], (NODES - 1) * sizeof(double))
    memset(&profile.band[BAND * (NODES - 1)], 0, BAND * sizeof(double))
    profile.band[BAND * (NODES - 2)] += w
    profile.band[BAND * (NODES - 2) + 1] = -w
    profile.band[BAND * (NODES - 1)] = w
    profile.vector[NODES - 1] = 0.0
    profile.curvature[NODES - 1] = profile.curvature[NODES - 2]
    profile.first += 1


cdef inline void move_profile(CurvatureProfile* profile, const LaneParameters* parameters, double station) noexcept nogil:
    """The vehicle is at a station (m driven). Backwards beyond the nodes kept, or after a jump, all is unknown again."""
    cdef int64_t wanted = <int64_t>floor(station / LaneState_PREVIEW_STEP_M) - BEHIND
    if not profile.begun or wanted < profile.first - BEHIND or wanted > profile.first + NODES:
        begin_profile(profile, parameters, wanted)
        return
    while profile.first < wanted:
        leave_one_behind(profile, parameters)


cdef inline void observe_profile(CurvatureProfile* profile, int first, int count, const double* weights, double value,
                                 double sigma) noexcept nogil:
    """Sum of weights (count,) times the curvatures of the nodes from `first` on, measured."""
    cdef double information = 1.0 / (sigma * sigma)
    cdef int i, j
    for i in range(count):
        for j in range(i, count):
            profile.band[BAND * (first + i) + j - i] += information * weights[i] * weights[j]
        profile.vector[first + i] += information * weights[i] * value
    if count - 1 > profile.span:
        profile.span = count - 1


cdef inline void solve_profile(CurvatureProfile* profile) noexcept nogil:
    """Band = U' D U row by row, U with ones on its diagonal; then back."""
    cdef double[1440] band
    cdef double ratio
    cdef int span = <int>profile.span
    cdef int i, j, k, last
    memcpy(band, profile.band, sizeof(band))
    memcpy(profile.curvature, profile.vector, sizeof(profile.curvature))
    for i in range(NODES):
        last = span if i + span < NODES else NODES - 1 - i
        for j in range(1, last + 1):
            ratio = band[BAND * i + j] / band[BAND * i]
            for k in range(j, last + 1):
                band[BAND * (i + j) + k - j] -= ratio * band[BAND * i + k]
            profile.curvature[i + j] -= ratio * profile.curvature[i]
    for i in range(NODES - 1, -1, -1):
        last = span if i + span < NODES else NODES - 1 - i
        for j in range(1, last + 1):
            profile.curvature[i] -= band[BAND * i + j] * profile.curvature[i + j]
        profile.curvature[i] /= band[BAND * i]


cdef inline double profile_at(const CurvatureProfile* profile, double station) noexcept nogil:
    """1/m, constant beyond the ends."""
    cdef double place = station / LaneState_PREVIEW_STEP_M - profile.first
    cdef int i
    if not place > 0.0:
        return profile.curvature[0]
    if place >= NODES - 1:
        return profile.curvature[NODES - 1]
    i = <int>place
    return profile.curvature[i] + (place - i) * (profile.curvature[i + 1] - profile.curvature[i])


cdef inline double profile_rate_at(const CurvatureProfile* profile, double station) noexcept nogil:
    """1/m2."""
    return (profile_at(profile, station + LANE_RATE_BASE_M) - profile_at(profile, station - LANE_RATE_BASE_M)) \
        / (2.0 * LANE_RATE_BASE_M)
