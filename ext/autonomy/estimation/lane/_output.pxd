# The lane as the later steps read it: without steps, and with the curvature ahead.
from libc.math cimport exp, sqrt
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset
from autonomy.msg.messages cimport *
from autonomy.estimation.lane._lane cimport (
    CURVATURE, CURVATURE_RATE, HEADING, OFFSET, PREVIEW, SIDE_SLIP, STATES, TOLD, WIDTH_LEFT, WIDTH_RIGHT, LaneFilter, LaneSide)
from autonomy.estimation.lane._observe cimport SOURCE_PATH
from autonomy.estimation.lane._path cimport path_curvature
from autonomy.estimation.lane._path_use cimport lateral_variance
from autonomy.estimation.lane._profile cimport profile_at
from autonomy.linalg._scalar cimport clipped

cdef extern from *:
    """
    #define LANE_MOVING_MPS 0.2          /* below it nothing is driven on without being seen */
    """
    const double LANE_MOVING_MPS


cdef inline void spread_corrections(LaneFilter* lane, const LaneParameters* parameters, const double* before,
                                    bint continues, double dt) noexcept nogil:
    """What observations moved the state by in this tick goes into the output through a critically damped lag of second
    order: neither the output nor its rate jumps."""
    cdef double lag = parameters.correction_time_s
    cdef double kept, moved
    cdef int i
    if not continues or lag <= 0.0:
        memset(lane.remainder, 0, sizeof(lane.remainder))
        memset(lane.remainder_rate, 0, sizeof(lane.remainder_rate))
        return
    kept = exp(-dt / lag)
    for i in range(TOLD):
        lane.remainder[i] += before[i] - lane.x[i]
        moved = (lane.remainder_rate[i] + lane.remainder[i] / lag) * dt
        lane.remainder[i] = kept * (lane.remainder[i] + moved)
        lane.remainder_rate[i] = kept * (lane.remainder_rate[i] - moved / lag)


cdef inline uint8_t line_state(const LaneSide* side, const LaneParameters* parameters, int64_t now_ns) noexcept nogil:
    if side.seen_ns == 0 or <double>(now_ns - side.seen_ns) * 1e-9 > parameters.coast_after_s:
        return LaneState_LINE_UNSEEN
    return LaneState_LINE_HELD if side.held else LaneState_LINE_USED


cdef inline void look_ahead(LaneFilter* lane, const LaneParameters* parameters, LaneState* result) noexcept nogil:
    """Curvature ahead: the path's where there is one, before it what the lines show and have shown."""
    cdef double step = exp(-LaneState_PREVIEW_STEP_M / parameters.curvature_rate_distance_m)
    cdef double seen = lane.reach if lane.reach > 0.0 else 0.0
    cdef double remaining = lane.distance[lane.points - 1] - lane.along if lane.path_matched else 0.0
    cdef double s, difference = 0.0
    cdef uint32_t segment = lane.segment
    cdef int i
    if lane.path_matched and lane.source == SOURCE_PATH:
        result.valid_distance_m = remaining
        for i in range(PREVIEW):
            result.preview[i] = path_curvature(lane, lane.along + i * LaneState_PREVIEW_STEP_M, &segment)
        return
    result.valid_distance_m = seen if seen > remaining else remaining
    for i in range(PREVIEW):
        s = i * LaneState_PREVIEW_STEP_M
        result.preview[i] = clipped(profile_at(&lane.profile, lane.station + s), -parameters.curvature_maximum,
                                    parameters.curvature_maximum)
        if not lane.path_matched or s > remaining:
            continue
        # Beyond what the lines show the path goes on, from where they end
        if i == 0 or s <= seen:
            difference = result.preview[i] - path_curvature(lane, lane.along + s, &segment)
        else:
            difference = difference * step
            result.preview[i] = path_curvature(lane, lane.along + s, &segment) + difference


cdef inline void write(LaneFilter* lane, const LaneParameters* parameters, const EgoState* ego, int64_t now_ns,
                       LaneState* result) noexcept nogil:
    cdef double age = <double>(now_ns - lane.last_observation_ns) * 1e-9 if lane.last_observation_ns != 0 else 1e9
    cdef double variance
    cdef int i
    result.time_ns = now_ns
    result.observation_age_s = age
    result.lines_rejected = lane.lines_rejected
    result.observations_late = lane.observations_late
    for i in range(TOLD):
        variance = lane.P[(STATES + 1) * i] + lane.remainder[i] * lane.remainder[i]
        if i == OFFSET and lane.source == SOURCE_PATH:
            variance += lateral_variance(ego)
        result.sigma[i] = sqrt(variance) if variance > 0.0 else 0.0
    if not lane.initialised or not (lane.unseen_s < parameters.lost_after_s) \
            or not (lane.P[0] <= parameters.lost_sigma_m * parameters.lost_sigma_m):
        lane.initialised = 0
        lane.expected = 0
        result.status = LaneState_STATUS_NONE
        return
    result.status = LaneState_STATUS_TRACKING if age <= parameters.coast_after_s else LaneState_STATUS_COASTING
    result.source = lane.source
    result.offset = lane.x[OFFSET] + lane.remainder[OFFSET]
    result.heading_error = lane.x[HEADING] + lane.remainder[HEADING]
    result.curvature = lane.x[CURVATURE] + lane.remainder[CURVATURE]
    result.curvature_rate = lane.x[CURVATURE_RATE] + lane.remainder[CURVATURE_RATE]
    result.width_left = lane.x[WIDTH_LEFT] + lane.remainder[WIDTH_LEFT]
    result.width_right = lane.x[WIDTH_RIGHT] + lane.remainder[WIDTH_RIGHT]
    result.side_slip = lane.x[SIDE_SLIP]
    result.left_line = line_state(&lane.left, parameters, now_ns)
    result.right_line = line_state(&lane.right, parameters, now_ns)
    result.left_type = lane.left.type
    result.right_type = lane.right.type
    look_ahead(lane, parameters, result)
