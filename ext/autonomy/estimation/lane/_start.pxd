# How the filter begins, at a tick of its history.
from libc.string cimport memset
from autonomy.msg.messages cimport LaneParameters
from autonomy.estimation.lane._history cimport go_through, tick_back
from autonomy.estimation.lane._lane cimport (
    CURVATURE, CURVATURE_RATE, HEADING, OFFSET, STATES, WIDTH_LEFT, WIDTH_RIGHT, LaneFilter, LaneTick)

cdef extern from *:
    """
    /* Side slip of 0.01 rad, bends of 100 m radius, transitions of 1e-4 1/m2, halves of a lane within half a metre, equal within
       5 cm. */
    static const double lane_start_sigma[7] = {1.0, 0.1, 0.01, 1e-4, 0.5, 0.5, 0.01};
    static const double lane_start_asymmetry = 0.05;
    """
    const double[7] lane_start_sigma
    const double lane_start_asymmetry


cdef inline void start(LaneFilter* lane, const LaneParameters* parameters, int back, double offset,
                       double heading) noexcept nogil:
    """Begins with an offset and heading seen at a tick; what is older is forgotten."""
    cdef LaneTick* tick = tick_back(lane, back)
    cdef double half = 0.5 * lane_start_asymmetry * lane_start_asymmetry
    cdef int i
    memset(tick.P, 0, sizeof(tick.P))
    for i in range(STATES):
        tick.x[i] = 0.0
        tick.P[(STATES + 1) * i] = lane_start_sigma[i] * lane_start_sigma[i]
    tick.P[STATES * WIDTH_LEFT + WIDTH_RIGHT] = tick.P[(STATES + 1) * WIDTH_LEFT] - half
    tick.P[STATES * WIDTH_RIGHT + WIDTH_LEFT] = tick.P[(STATES + 1) * WIDTH_LEFT] - half
    tick.x[OFFSET] = offset
    tick.x[HEADING] = heading
    tick.x[WIDTH_LEFT] = tick.x[WIDTH_RIGHT] = parameters.default_half_width_m
    tick.count = 0
    lane.expected = back + 1
    lane.initialised = 1
    lane.rejected = lane.path_rejected = 0
    memset(&lane.left, 0, sizeof(lane.left))
    memset(&lane.right, 0, sizeof(lane.right))
    go_through(lane, parameters, back)
