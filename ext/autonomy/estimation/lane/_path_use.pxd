# What the lane path does to the filter: all of it while no lines are seen, else its shape alone, and its place is learned.
from libc.math cimport atan, cos, exp, isfinite, sin, sqrt
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport EgoState, LaneParameters
from autonomy.estimation.lane._filter cimport test_ratio
from autonomy.estimation.lane._history cimport add_scalar, go_through, tick_back
from autonomy.estimation.lane._lane cimport (
    CURVATURE, CURVATURE_RATE, HEADING, OFFSET, SCALARS, WIDTH_LEFT, WIDTH_RIGHT, LaneFilter, LaneTick)
from autonomy.estimation.lane._observe cimport SCALARS_OF_LINES, SOURCE_PATH, restart
from autonomy.estimation.lane._path cimport fit_cubic
from autonomy.estimation.lane._start cimport start


cdef inline double between(double t, double first, double second) noexcept nogil:
    return first + t * (second - first)


cdef inline void use_path(LaneFilter* lane, const LaneParameters* parameters, const EgoState* ego,
                          int64_t now_ns) noexcept nogil:
    cdef LaneTick* tick = tick_back(lane, 0)
    cdef double[4] c
    cdef double cosine, offset, heading, curvature, rate, t
    cdef double since_s = <double>(now_ns - lane.last_path_use_ns) * 1e-9
    cdef bint lines = lane.last_line_ns != 0 and <double>(now_ns - lane.last_line_ns) * 1e-9 <= parameters.coast_after_s
    if tick.count + SCALARS_OF_LINES > SCALARS or not fit_cubic(lane, parameters, ego, c):
        return
    # Distances to the path count along its normal: c0 is along the vehicle's y axis
    cosine = 1.0 / sqrt(1.0 + c[1] * c[1])
    offset = -c[0] * cosine
    heading = -atan(c[1])
    curvature = 2.0 * c[2] * cosine * cosine * cosine
    rate = 6.0 * c[3]
    lane.last_path_use_ns = now_ns
    if lane.initialised and lines:
        if test_ratio(lane.x, lane.P, CURVATURE, curvature, parameters.path_curvature_sigma, parameters.gate) > 1.0:
            return
        # The path's error is that of the position: it stays for seconds. Lines are exact where they are seen
        if lane.path_shifted:
            lane.path_shift += (lane.x[OFFSET] - offset - lane.path_shift) * (1.0 - exp(-since_s / parameters.path_shift_time_s))
        else:
            lane.path_shift = lane.x[OFFSET] - offset
            lane.path_shifted = 1
        add_scalar(tick, CURVATURE, curvature, parameters.path_curvature_sigma)
        add_scalar(tick, CURVATURE_RATE, rate, parameters.path_curvature_rate_sigma)
        go_through(lane, parameters, 0)
        return
    offset += lane.path_shift
    if not lane.initialised:
        start(lane, parameters, 0, offset, heading)
    elif test_ratio(lane.x, lane.P, OFFSET, offset, parameters.path_offset_sigma, parameters.gate) > 1.0:
        lane.path_rejected += 1
        if lane.path_rejected < parameters.reject_limit or not restart(lane, parameters, 0, offset, heading):
            return
    lane.path_rejected = 0
    add_scalar(tick, OFFSET, offset, parameters.path_offset_sigma)
    add_scalar(tick, HEADING, heading, parameters.path_heading_sigma)
    add_scalar(tick, CURVATURE, curvature, parameters.path_curvature_sigma)
    add_scalar(tick, CURVATURE_RATE, rate, parameters.path_curvature_rate_sigma)
    if not lane.path_shifted:
        t = (lane.along - lane.distance[lane.segment]) / (lane.distance[lane.segment + 1] - lane.distance[lane.segment])
        use_width(tick, parameters, WIDTH_LEFT,
                  between(t, lane.path[lane.segment].width_left_m, lane.path[lane.segment + 1].width_left_m))
        use_width(tick, parameters, WIDTH_RIGHT,
                  between(t, lane.path[lane.segment].width_right_m, lane.path[lane.segment + 1].width_right_m))
    go_through(lane, parameters, 0)
    lane.last_observation_ns = now_ns
    lane.unseen_s = 0.0
    lane.source = SOURCE_PATH


cdef inline void use_width(LaneTick* tick, const LaneParameters* parameters, int side, double width) noexcept nogil:
    if isfinite(width) and width > 0.0:
        add_scalar(tick, side, width, parameters.path_width_sigma)


cdef inline double lateral_variance(const EgoState* ego) noexcept nogil:
    """m2, of the vehicle's position across its heading: what the path's offset cannot be better than."""
    cdef double c = cos(ego.yaw), s = sin(ego.yaw)
    cdef double variance = s * s * ego.sigma[0] * ego.sigma[0] + c * c * ego.sigma[1] * ego.sigma[1] \
        - 2.0 * s * c * ego.covariance_xy
    return variance if isfinite(variance) and variance > 0.0 else 0.0
