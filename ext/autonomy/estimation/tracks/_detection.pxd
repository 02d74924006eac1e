# What sensors report, in one form and in an order of its own: the order in which items arrive changes nothing.
from libc.math cimport INFINITY, NAN, cos, fabs, isfinite, sin
from libc.stdint cimport int64_t, uint16_t, uint8_t
from autonomy.msg.messages cimport (
    InputFrame, ObstacleSample, ObstacleSample_CLASSIFICATION_NOTHING, RadarPoint, TracksParameters, TracksSensor_KIND_OBSTACLE,
    TracksSensor_KIND_RADAR)

cdef enum:
    DETECTIONS = 256             # of one tick: 128 radar targets, 128 obstacles
    SCAN_NS = 20000000           # items of one sensor closer in time than this are one scan
    PEDESTRIAN = 4               # ObstacleSample.classification

cdef extern from *:
    """
    static const double FARTHEST_M = 1000.0;   /* no sensor of a vehicle sees so far: beyond, a number is wrong [D] */
    static const double FASTEST_MPS = 200.0;   /* nothing on a road [D] */
    static const double FULL_TURN = 6.2832;    /* rad */
    """
    const double FARTHEST_M
    const double FASTEST_MPS
    const double FULL_TURN

ctypedef struct Detection:
    double x                     # m, of the face nearest in x, or of the reflecting point
    double y
    double xx                    # m2
    double yy
    double reflection            # 1 = what it reflects from may wander over the body, beside the variances
    double rate                  # m/s, NaN when not measured
    double rate_variance
    double sight_x               # direction along which the range rate was measured
    double sight_y
    double bearing_variance      # rad2
    double yaw                   # NaN when not told, as length and width
    double length
    double width
    int64_t time_ns
    uint16_t source
    uint8_t kind
    uint8_t classification
    uint8_t is_none              # a scan that saw nothing, at x = -infinity

ctypedef struct Detections:
    Detection[256] items
    int count


cdef inline double known_or(double value, double default) noexcept nogil:
    return value if 0.0 < value < FARTHEST_M else default


cdef inline bint seen_at(double x, double y) noexcept nogil:
    """A place that a sensor can tell; NaN is none."""
    return fabs(x) < FARTHEST_M and fabs(y) < FARTHEST_M


cdef inline bint in_order(const Detection* a, const Detection* b) noexcept nogil:
    if a.kind != b.kind: return a.kind < b.kind
    if a.source != b.source: return a.source < b.source
    if a.time_ns != b.time_ns: return a.time_ns < b.time_ns
    if a.x != b.x: return a.x < b.x
    if a.y != b.y: return a.y < b.y
    return not a.rate > b.rate


cdef inline void insert(Detections* list, const Detection* item) noexcept nogil:
    cdef int i = list.count
    if i == DETECTIONS:
        return
    while i > 0 and not in_order(&list.items[i - 1], item):
        list.items[i] = list.items[i - 1]
        i -= 1
    list.items[i] = item[0]
    list.count += 1


cdef inline bint recent(const TracksParameters* parameters, int64_t valid_ns, int64_t now_ns) noexcept nogil:
    return valid_ns <= now_ns and <double>(now_ns - valid_ns) * 1e-9 <= parameters.delete_after_s


cdef inline void take_point(Detections* list, const TracksParameters* parameters, const RadarPoint* point,
                            int64_t now_ns) noexcept nogil:
    cdef Detection item
    cdef double x_sigma = known_or(point.x_sigma, parameters.x_sigma), y_sigma = known_or(point.y_sigma, parameters.y_sigma)
    if point.validity != 0 or not seen_at(point.x, point.y) or not fabs(point.range_rate) < FASTEST_MPS \
            or not recent(parameters, point.valid_time_ns, now_ns):
        return
    item.x, item.y, item.xx, item.yy = point.x, point.y, x_sigma * x_sigma, y_sigma * y_sigma
    # Sigmas that a sensor tells are those of the point; ours are those of the vehicle
    item.reflection = 1.0 if isfinite(point.y_sigma) else 0.0
    item.rate, item.rate_variance = point.range_rate, parameters.range_rate_sigma * parameters.range_rate_sigma
    item.yaw = item.length = item.width = NAN
    item.time_ns, item.source, item.kind, item.classification = point.valid_time_ns, point.source, TracksSensor_KIND_RADAR, 0
    item.is_none = 0
    insert(list, &item)


cdef inline void take_obstacle(Detections* list, const TracksParameters* parameters, const ObstacleSample* box,
                               int64_t now_ns) noexcept nogil:
    cdef Detection item
    cdef double reach = 0.0
    item.is_none = box.classification == ObstacleSample_CLASSIFICATION_NOTHING
    if box.validity != 0 or not recent(parameters, box.valid_time_ns, now_ns) \
            or not (item.is_none or seen_at(box.x, box.y)):
        return
    item.yaw = box.yaw if fabs(box.yaw) < FULL_TURN else 0.0
    item.length, item.width = known_or(box.length, NAN), known_or(box.width, NAN)
    if isfinite(item.length) and isfinite(item.width):
        reach = 0.5 * (item.length * fabs(cos(item.yaw)) + item.width * fabs(sin(item.yaw)))
    item.x, item.y, item.reflection = box.x - reach, box.y, 0.0
    item.xx = parameters.box_x_sigma * parameters.box_x_sigma
    item.yy = parameters.box_y_sigma * parameters.box_y_sigma \
        + parameters.box_angle_sigma * parameters.box_angle_sigma * box.x * box.x
    item.rate = box.range_rate if fabs(box.range_rate) < FASTEST_MPS else NAN
    item.rate_variance = parameters.range_rate_sigma * parameters.range_rate_sigma
    item.time_ns, item.source, item.kind, item.classification = box.valid_time_ns, box.source, TracksSensor_KIND_OBSTACLE, \
        box.classification
    if item.is_none:
        item.x, item.y = -INFINITY, 0.0
    insert(list, &item)


cdef inline void take_all(Detections* list, const TracksParameters* parameters, const InputFrame* frame) noexcept nogil:
    cdef int i
    list.count = 0
    for i in range(<int>frame.radar.count):
        take_point(list, parameters, &frame.radar.items[i], frame.tick_time_ns)
    for i in range(<int>frame.obstacle.count):
        take_obstacle(list, parameters, &frame.obstacle.items[i], frame.tick_time_ns)


cdef inline int scan_end(const Detections* list, int first) noexcept nogil:
    """Index behind the last item of the scan that begins with `first`. What says that nothing was seen is one by itself."""
    cdef const Detection* head = &list.items[first]
    cdef int i = first + 1
    while i < list.count and list.items[i].kind == head.kind and list.items[i].source == head.source \
            and list.items[i].time_ns - head.time_ns <= SCAN_NS and list.items[i].is_none == head.is_none:
        i += 1
    return i
