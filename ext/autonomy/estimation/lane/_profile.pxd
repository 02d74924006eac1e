# Curvature of the road, fixed to the road: what a camera saw 50 m ahead two seconds ago is what lies beneath the truck now.
# Nodes every 5 m, linear in between, neighbours bound by a random walk. The information matrix of that is tridiagonal: to
# observe is to add to two nodes, to leave one behind is one elimination, and the estimate is Thomas' algorithm.
# Twin: profile_twin.CurvatureProfile.
from libc.math cimport cos, floor, sin
from libc.stdint cimport int64_t
from libc.string cimport memmove, memset
from autonomy.msg.messages cimport LaneParameters, LaneState_PREVIEW_STEP_M
from autonomy.estimation.lane._lane cimport BEHIND, NODES, CurvatureProfile
from autonomy.linalg._small cimport cholesky_solve

cdef extern from *:
    """
    #define LANE_START_CURVATURE 5.0e-3  /* 1/m, of a road not seen before: R 200 m */
    """
    const double LANE_START_CURVATURE


cdef inline double bond(const LaneParameters* parameters) noexcept nogil:
    """Information between neighbours."""
    return 1.0 / (parameters.profile_walk * parameters.profile_walk * LaneState_PREVIEW_STEP_M)


cdef inline void begin_profile(CurvatureProfile* profile, const LaneParameters* parameters, int64_t first) noexcept nogil:
    cdef double w = bond(parameters)
    cdef int i
    memset(profile, 0, sizeof(CurvatureProfile))
    profile.first = first
    profile.diagonal[0] = 1.0 / (LANE_START_CURVATURE * LANE_START_CURVATURE)
    for i in range(NODES - 1):
        profile.diagonal[i] += w
        profile.diagonal[i + 1] += w
        profile.beside[i] = -w
    profile.begun = 1


cdef inline void leave_one_behind(CurvatureProfile* profile, const LaneParameters* parameters) noexcept nogil:
    cdef double w = bond(parameters)
    cdef double ratio = profile.beside[0] / profile.diagonal[0]
    profile.diagonal[1] -= profile.beside[0] * ratio
    profile.vector[1] -= profile.vector[0] * ratio
    memmove(&profile.diagonal[0], &profile.diagonal[1], (NODES - 1) * sizeof(double))
    memmove(&profile.beside[0], &profile.beside[1], (NODES - 1) * sizeof(double))
    memmove(&profile.vector[0], &profile.vector[1], (NODES - 1) * sizeof(double))
    memmove(&profile.curvature[0], &profile.curvature[1], (NODES - 1) * sizeof(double))
    profile.diagonal[NODES - 2] += w
    profile.beside[NODES - 2] = -w
    profile.diagonal[NODES - 1] = w
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


cdef inline void observe_profile(CurvatureProfile* profile, double station, double curvature, double sigma) noexcept nogil:
    cdef double place = station / LaneState_PREVIEW_STEP_M - profile.first
    cdef double share, weight
    cdef int i
    if not 0.0 <= place < NODES - 1:
        return
    i = <int>place
    share = place - i
    weight = 1.0 / (sigma * sigma)
    profile.diagonal[i] += weight * (1.0 - share) * (1.0 - share)
    profile.diagonal[i + 1] += weight * share * share
    profile.beside[i] += weight * share * (1.0 - share)
    profile.vector[i] += weight * (1.0 - share) * curvature
    profile.vector[i + 1] += weight * share * curvature


cdef inline void solve_profile(CurvatureProfile* profile) noexcept nogil:
    cdef double[40] ratio
    cdef double pivot = profile.diagonal[0]
    cdef int i
    profile.curvature[0] = profile.vector[0] / pivot
    for i in range(1, NODES):
        ratio[i] = profile.beside[i - 1] / pivot
        pivot = profile.diagonal[i] - profile.beside[i - 1] * ratio[i]
        profile.curvature[i] = (profile.vector[i] - profile.beside[i - 1] * profile.curvature[i - 1]) / pivot
    for i in range(NODES - 2, -1, -1):
        profile.curvature[i] -= ratio[i + 1] * profile.curvature[i + 1]


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


cdef inline void fit_of_profile(const CurvatureProfile* profile, double station, double reach, double* c) noexcept nogil:
    """c0..c3 of the cubic that fits the road from a station on over `reach`, as a camera fits it, every 2.5 m alike.

    A cubic is no clothoid, and no end of one: beside the vehicle it is off in offset and heading by what this tells.
    """
    cdef double[16] A
    cdef double[7] power
    cdef double x = 0.0, y = 0.0, turned = 0.0, u, curvature, before = profile_at(profile, station)
    cdef double step = 0.5 * LaneState_PREVIEW_STEP_M
    cdef int count = <int>(reach / step) + 1
    cdef int i, j, k
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
    for i in range(4):
        for j in range(4):
            A[4 * i + j] = power[i + j]
    # Cholesky of the normal equations, scaled to the reach. The root is pow's, which is not to the last bit that of `cholesky`:
    # recorded runs would no longer come out equal.
    for j in range(4):
        for k in range(j):
            A[4 * j + j] -= A[4 * j + k] * A[4 * j + k]
        A[4 * j + j] = A[4 * j + j] ** 0.5
        for i in range(j + 1, 4):
            for k in range(j):
                A[4 * i + j] -= A[4 * i + k] * A[4 * j + k]
            A[4 * i + j] /= A[4 * j + j]
    cholesky_solve(A, 4, c)
    u = 1.0
    for i in range(4):
        c[i] *= u
        u /= reach
