# A track as one sensor should see it: the point it reflects from, its motion, their covariance, whether the sensor looks there.
#
# Ahead a sensor sees the face towards it; beside it some point of the side; behind it the front.
from libc.math cimport atan2, cos, erfc, hypot, sqrt
from autonomy.msg.messages cimport TracksParameters, TracksSensor
from autonomy.estimation.tracks._bank cimport Bank, mixed, mixed_covariance
from autonomy.estimation.tracks._detection cimport Detection

cdef extern from *:
    """
    static const double SIDE_YY = 0.2;   /* m2, of a point on the side: its place and half the width are not known better [D] */
    """
    const double SIDE_YY

ctypedef struct Sight:
    double x                     # m, where a detection should be
    double y
    double xx                    # m2
    double xy
    double yy
    double most_xx               # the largest variance that a detection adds
    double most_yy
    double relative_x            # m/s, of the track seen from the sensor
    double relative_y
    double velocity_x            # m/s over ground
    double velocity_y
    double uu                    # (m/s)2
    double uv
    double vv
    double wander_xx             # of the reflecting point on the body
    double wander_yy
    double offset_x              # m from the track's own point
    double offset_y
    bint spans                   # reaches from behind the sensor to before it
    bint visible                 # within angle and range: its silence says something

ctypedef struct Viewer:
    TracksSensor sensor
    double age                   # s, of the scan
    double own_speed             # m/s when it was taken
    double own_yaw_rate
    double most_xx               # of the scan's detections
    double most_yy


cdef inline void reflecting_point(const Viewer* viewer, const TracksParameters* p, bint box, double length, double width,
                                  Sight* sight) noexcept nogil:
    """`sight.x, sight.y, sight.xx` are those of the track's own point."""
    cdef double front = sight.x + length, spread = p.reflection_spread * width, beside, aside
    sight.offset_x = sight.offset_y = 0.0
    sight.spans = False
    sight.wander_xx = 0.01
    sight.wander_yy = spread * spread
    if box:
        return
    if front < viewer.sensor.x_m:
        sight.offset_x = length
        sight.wander_xx = 1.0
        return
    # Whether its rear has passed the sensor is as sure as its place
    beside = 0.5 * erfc((sight.x - viewer.sensor.x_m) / sqrt(2.0 * (sight.xx + 0.01)))
    if beside < 0.1:
        return
    aside = -0.5 * width if sight.y > viewer.sensor.y_m else 0.5 * width
    sight.spans = True
    sight.offset_x = beside * (viewer.sensor.x_m - sight.x)
    sight.offset_y = beside * aside
    spread = 0.3 * length if length < 6.0 else 1.8
    sight.wander_xx += beside * spread * spread
    sight.wander_yy = beside * SIDE_YY + (1.0 - beside) * (sight.wander_yy + beside * aside * aside)


cdef inline void look(const Bank* bank, int track, const Viewer* viewer, const TracksParameters* p, bint box, double length,
                      double width, Sight* sight) noexcept nogil:
    cdef double age = viewer.age, u = viewer.own_speed, r = viewer.own_yaw_rate
    cdef double x = mixed(bank, 0, track), y = mixed(bank, 1, track), vx = mixed(bank, 2, track), vy = mixed(bank, 3, track)
    cdef double uu = mixed_covariance(bank, 11, track), uv = mixed_covariance(bank, 12, track)
    cdef double vv = mixed_covariance(bank, 15, track), dx, dy, away, bearing, turned
    sight.x = x - age * (vx - u + r * y)
    sight.y = y - age * (vy - r * x)
    sight.xx = mixed_covariance(bank, 0, track) - 2.0 * age * mixed_covariance(bank, 2, track) + age * age * uu
    reflecting_point(viewer, p, box, length, width, sight)
    sight.x += sight.offset_x
    sight.y += sight.offset_y
    sight.xy = mixed_covariance(bank, 1, track) - age * (mixed_covariance(bank, 3, track) + mixed_covariance(bank, 7, track)) \
        + age * age * uv
    sight.yy = mixed_covariance(bank, 6, track) - 2.0 * age * mixed_covariance(bank, 8, track) + age * age * vv
    sight.most_xx = viewer.most_xx + sight.wander_xx
    sight.most_yy = viewer.most_yy + sight.wander_yy
    dx, dy = sight.x - viewer.sensor.x_m, sight.y - viewer.sensor.y_m
    away = hypot(dx, dy)
    away = away if away > 0.5 else 0.5
    sight.velocity_x, sight.velocity_y, sight.uu, sight.uv, sight.vv = vx, vy, uu, uv, vv
    if viewer.sensor.along_sight:
        sight.relative_x, sight.relative_y = vx - u + r * viewer.sensor.y_m, vy - r * viewer.sensor.x_m
    else:
        sight.relative_x, sight.relative_y = vx - u + r * sight.y, 0.0
    sight.visible = False
    if viewer.sensor.period_s > 0.0 and away <= viewer.sensor.range_m:
        bearing = atan2(dy, dx) - viewer.sensor.yaw_rad
        turned = cos(viewer.sensor.half_angle_rad)
        sight.visible = cos(bearing) >= turned


cdef inline void aim(const Viewer* viewer, Detection* item) noexcept nogil:
    """The line along which a range rate was measured: through the detection itself, wherever on the body it lies."""
    cdef double dx = item.x - viewer.sensor.x_m, dy = item.y - viewer.sensor.y_m, away = hypot(dx, dy)
    item.sight_x, item.sight_y, item.bearing_variance = 1.0, 0.0, 0.0
    if viewer.sensor.along_sight and away > 0.5:
        item.sight_x, item.sight_y = dx / away, dy / away
        item.bearing_variance = (item.sight_y * item.sight_y * item.xx + item.sight_x * item.sight_x * item.yy) / (away * away)


cdef inline double rate_seen(const Sight* sight, const Detection* item) noexcept nogil:
    """m/s, of the track along the line of a detection."""
    return item.sight_x * sight.relative_x + item.sight_y * sight.relative_y


cdef inline double rate_noise(const Sight* sight, const Detection* item) noexcept nogil:
    """(m/s)2 of a measured range rate: its own, and what the error of the bearing makes of the motion across."""
    cdef double across = item.sight_x * sight.relative_y - item.sight_y * sight.relative_x
    return item.rate_variance + item.bearing_variance * across * across


cdef inline double rate_known(const Sight* sight, const Detection* item) noexcept nogil:
    """(m/s)2 of the track's own speed along that line."""
    return item.sight_x * item.sight_x * sight.uu + 2.0 * item.sight_x * item.sight_y * sight.uv \
        + item.sight_y * item.sight_y * sight.vv
