# A track as one sensor should see it: the point it reflects from, the range rate, their covariance, and whether it looks there.
#
# Ahead a sensor sees the face towards it; beside it some point of the side; behind it the front.
from libc.math cimport atan2, cos, hypot
from autonomy.msg.messages cimport TracksParameters, TracksSensor
from autonomy.estimation.tracks._bank cimport Bank, mixed, mixed_covariance

ctypedef struct Sight:
    double x                     # m, where a detection should be
    double y
    double xx                    # m2
    double xy
    double yy
    double most_xx               # the largest variance that a detection adds
    double most_yy
    double rate                  # m/s
    double rate_variance
    double wander_xx             # of the reflecting point on the body
    double wander_yy
    double wander_rate
    double offset_x              # m from the track's own point
    double offset_y
    double sight_x               # direction along which range rates are measured
    double sight_y
    double rate_x                # d(range rate)/d(place)
    double rate_y
    double own_rate              # m/s of the sensor along the sight
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
    """`sight.x, sight.y` are those of the track's own point."""
    cdef double front = sight.x + length, spread = p.reflection_spread * width
    sight.offset_x = sight.offset_y = 0.0
    sight.wander_xx = 0.01
    sight.wander_yy = spread * spread
    if box or sight.x > viewer.sensor.x_m:
        return
    if front < viewer.sensor.x_m:
        sight.offset_x = length
        sight.wander_xx = 1.0
        return
    sight.offset_x = viewer.sensor.x_m - sight.x
    sight.offset_y = -0.5 * width if sight.y > viewer.sensor.y_m else 0.5 * width
    spread = 0.3 * length if length < 6.0 else 1.8
    sight.wander_xx = spread * spread
    sight.wander_yy = 0.04


cdef inline void look(const Bank* bank, int track, const Viewer* viewer, const TracksParameters* p, bint box, double length,
                      double width, Sight* sight) noexcept nogil:
    cdef double age = viewer.age, u = viewer.own_speed, r = viewer.own_yaw_rate
    cdef double x = mixed(bank, 0, track), y = mixed(bank, 1, track), vx = mixed(bank, 2, track), vy = mixed(bank, 3, track)
    cdef double uu = mixed_covariance(bank, 11, track), uv = mixed_covariance(bank, 12, track)
    cdef double vv = mixed_covariance(bank, 15, track), dx, dy, away, bearing, turned, relative_x, relative_y
    sight.x = x - age * (vx - u + r * y)
    sight.y = y - age * (vy - r * x)
    reflecting_point(viewer, p, box, length, width, sight)
    sight.x += sight.offset_x
    sight.y += sight.offset_y
    sight.xx = mixed_covariance(bank, 0, track) - 2.0 * age * mixed_covariance(bank, 2, track) + age * age * uu
    sight.xy = mixed_covariance(bank, 1, track) - age * (mixed_covariance(bank, 3, track) + mixed_covariance(bank, 7, track)) \
        + age * age * uv
    sight.yy = mixed_covariance(bank, 6, track) - 2.0 * age * mixed_covariance(bank, 8, track) + age * age * vv
    sight.most_xx = viewer.most_xx + sight.wander_xx
    sight.most_yy = viewer.most_yy + sight.wander_yy
    dx, dy = sight.x - viewer.sensor.x_m, sight.y - viewer.sensor.y_m
    away = hypot(dx, dy)
    away = away if away > 0.5 else 0.5
    if viewer.sensor.along_sight:
        sight.sight_x, sight.sight_y = dx / away, dy / away
        sight.own_rate = sight.sight_x * (u - r * viewer.sensor.y_m) + sight.sight_y * r * viewer.sensor.x_m
        sight.rate = sight.sight_x * vx + sight.sight_y * vy - sight.own_rate
        relative_x, relative_y = vx - u + r * viewer.sensor.y_m, vy - r * viewer.sensor.x_m
        sight.rate_x = (relative_x - sight.rate * sight.sight_x) / away
        sight.rate_y = (relative_y - sight.rate * sight.sight_y) / away
    else:
        sight.sight_x, sight.sight_y, sight.rate_x, sight.rate_y = 1.0, 0.0, 0.0, 0.0
        sight.own_rate = u - r * sight.y
        sight.rate = vx - sight.own_rate
    sight.rate_variance = sight.sight_x * sight.sight_x * uu + 2.0 * sight.sight_x * sight.sight_y * uv \
        + sight.sight_y * sight.sight_y * vv + sight.rate_x * sight.rate_x * mixed_covariance(bank, 0, track) \
        + sight.rate_y * sight.rate_y * mixed_covariance(bank, 6, track)
    sight.wander_rate = sight.rate_x * sight.rate_x * sight.wander_xx + sight.rate_y * sight.rate_y * sight.wander_yy
    sight.visible = False
    if viewer.sensor.period_s > 0.0 and away <= viewer.sensor.range_m:
        bearing = atan2(dy, dx) - viewer.sensor.yaw_rad
        turned = cos(viewer.sensor.half_angle_rad)
        sight.visible = cos(bearing) >= turned
