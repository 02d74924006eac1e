# The lane path as a polyline: its arc length and curvature, the vehicle's place beside it, and a local cubic.
from libc.math cimport cos, fabs, isfinite, sin, sqrt
from libc.stdint cimport uint32_t
from autonomy.msg.messages cimport EgoState, InputFrame, LaneParameters
from autonomy.estimation.lane._lane cimport POINTS, LaneFilter
from autonomy.linalg._small cimport cholesky, cholesky_solve
from autonomy.linalg._scalar cimport clipped


cdef inline double circle_curvature(double x0, double y0, double x1, double y1, double x2, double y2) noexcept nogil:
    """Signed curvature of the circle through three points, 0 when two of them coincide."""
    cdef double a = sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))
    cdef double b = sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1))
    cdef double c = sqrt((x2 - x0) * (x2 - x0) + (y2 - y0) * (y2 - y0))
    cdef double product = a * b * c
    if product < 1e-9:
        return 0.0
    return 2.0 * ((x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)) / product


cdef inline void take_path(LaneFilter* lane, const LaneParameters* parameters, const InputFrame* frame) noexcept nogil:
    """Keeps a new window: its finite points without repetitions, their arc length and the path's curvature there."""
    cdef uint32_t i, back, ahead, n = 0
    cdef uint32_t count = frame.lane_path.count if frame.lane_path.count < POINTS else POINTS
    cdef double step
    for i in range(count):
        if not (isfinite(frame.lane_path.items[i].x_m) and isfinite(frame.lane_path.items[i].y_m)):
            continue
        lane.path[n] = frame.lane_path.items[i]
        if n == 0:
            lane.distance[0] = 0.0
        else:
            step = sqrt((lane.path[n].x_m - lane.path[n - 1].x_m) * (lane.path[n].x_m - lane.path[n - 1].x_m)
                        + (lane.path[n].y_m - lane.path[n - 1].y_m) * (lane.path[n].y_m - lane.path[n - 1].y_m))
            if step < 1e-3:
                continue
            lane.distance[n] = lane.distance[n - 1] + step
        n += 1
    if n < 3:
        return
    lane.points = n
    lane.segment = 0
    for i in range(n):
        back = i
        while back > 0 and lane.distance[i] - lane.distance[back] < parameters.preview_half_base_m:
            back -= 1
        ahead = i
        while ahead < n - 1 and lane.distance[ahead] - lane.distance[i] < parameters.preview_half_base_m:
            ahead += 1
        lane.curvature[i] = 0.0
        if back < i and i < ahead:
            lane.curvature[i] = circle_curvature(lane.path[back].x_m, lane.path[back].y_m, lane.path[i].x_m,
                                                 lane.path[i].y_m, lane.path[ahead].x_m, lane.path[ahead].y_m)
    lane.curvature[0] = lane.curvature[1]
    lane.curvature[n - 1] = lane.curvature[n - 2]


cdef inline double squared_distance(const LaneFilter* lane, uint32_t segment, double x, double y,
                                    double* along) noexcept nogil:
    """From a point to one segment of the path; leaves the foot point's arc length in `along`."""
    cdef double ex = lane.path[segment + 1].x_m - lane.path[segment].x_m
    cdef double ey = lane.path[segment + 1].y_m - lane.path[segment].y_m
    cdef double dx = x - lane.path[segment].x_m
    cdef double dy = y - lane.path[segment].y_m
    cdef double length = lane.distance[segment + 1] - lane.distance[segment]
    cdef double t = (dx * ex + dy * ey) / (length * length)
    t = clipped(t, 0.0, 1.0)
    along[0] = lane.distance[segment] + t * length
    return (dx - t * ex) * (dx - t * ex) + (dy - t * ey) * (dy - t * ey)


cdef inline bint match_path(LaneFilter* lane, const LaneParameters* parameters, const EgoState* ego, bint anew) noexcept nogil:
    """Finds the vehicle's foot point, walking on from the last segment; all segments when the window is new."""
    cdef double along = 0.0, candidate = 0.0, best, distance
    cdef uint32_t segment
    if lane.points < 3:
        return False
    if anew:
        best = 1e300
        for segment in range(lane.points - 1):
            distance = squared_distance(lane, segment, ego.position[0], ego.position[1], &candidate)
            if distance < best:
                best = distance
                along = candidate
                lane.segment = segment
    else:
        best = squared_distance(lane, lane.segment, ego.position[0], ego.position[1], &along)
        while lane.segment + 2 < lane.points:
            distance = squared_distance(lane, lane.segment + 1, ego.position[0], ego.position[1], &candidate)
            if distance > best:
                break
            best = distance
            along = candidate
            lane.segment += 1
    lane.along = along
    # A foot point at an end of the window means the vehicle has left it
    return best < parameters.lateral_range_m * parameters.lateral_range_m and along > 0.0 \
        and along < lane.distance[lane.points - 1]


cdef inline bint fit_cubic(const LaneFilter* lane, const LaneParameters* parameters, const EgoState* ego,
                           double* c) noexcept nogil:
    """Least-squares cubic y = c0 + c1 x + c2 x2 + c3 x3 of the near path in the vehicle frame, by Cholesky.

    x is scaled by the fitted length so that the normal equations stay well conditioned.
    """
    cdef double cosine = cos(ego.yaw), sine = sin(ego.yaw)
    cdef double scale = parameters.path_ahead_m
    cdef double[7] moments
    cdef double[4] right
    cdef double[16] L
    cdef double dx, dy, x, y, power
    cdef uint32_t i
    cdef int row, column, k, used = 0
    for k in range(7):
        moments[k] = 0.0
    for k in range(4):
        right[k] = 0.0
    for i in range(lane.points):
        if lane.distance[i] < lane.along - parameters.path_behind_m:
            continue
        if lane.distance[i] > lane.along + parameters.path_ahead_m:
            break
        dx = lane.path[i].x_m - ego.position[0]
        dy = lane.path[i].y_m - ego.position[1]
        x = (cosine * dx + sine * dy) / scale
        y = -sine * dx + cosine * dy
        power = 1.0
        for k in range(7):
            moments[k] += power
            if k < 4:
                right[k] += power * y
            power = power * x
        used += 1
    if used < 5:
        return False
    for row in range(4):
        for column in range(row + 1):
            L[4 * row + column] = moments[row + column]
    if not cholesky(L, 4):
        return False
    for row in range(4):
        if L[5 * row] < 1e-5:
            return False
    cholesky_solve(L, 4, right)
    c[0] = right[0]
    c[1] = right[1] / scale
    c[2] = right[2] / (scale * scale)
    c[3] = right[3] / (scale * scale * scale)
    return True


cdef inline double path_curvature(const LaneFilter* lane, double along, uint32_t* segment) noexcept nogil:
    """Curvature at an arc length, linear between points; `segment` is where the search goes on."""
    cdef double t
    while segment[0] + 2 < lane.points and lane.distance[segment[0] + 1] < along:
        segment[0] += 1
    t = (along - lane.distance[segment[0]]) / (lane.distance[segment[0] + 1] - lane.distance[segment[0]])
    t = clipped(t, 0.0, 1.0)
    return lane.curvature[segment[0]] + t * (lane.curvature[segment[0] + 1] - lane.curvature[segment[0]])
