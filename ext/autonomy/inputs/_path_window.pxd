"""Cuts the stretch of a stored lane path around the ego vehicle into the input frame, in the ego filter's ENU frame.

The path is kept in ECEF, so it needs no origin of its own; the window is a function of the path and of the last
output only, so replay fills the same frames.
"""

from libc.math cimport M_PI, cos, sin, sqrt
from libc.stdint cimport uint32_t, uint64_t

from autonomy.msg.messages cimport EgoState, EgoState_STATUS_POSITION_VALID, InputFrame

cdef enum:
    WINDOW_POINTS = 64       # the list's bound
    POINTS_BEHIND = 6        # of them behind the vehicle, so that the lane is known under the trailer's front
    TICKS_BETWEEN = 20       # a new window every 0.2 s
    SEARCH_POINTS = 200      # how far ahead of the last position the nearest point may lie

cdef extern from * nogil:
    """
    #define EQUATOR_RADIUS_M 6378137.0                  /* WGS 84 */
    #define ECCENTRICITY_SQUARED 6.6943799901413165e-3  /* WGS 84 */
    """
    const double EQUATOR_RADIUS_M
    const double ECCENTRICITY_SQUARED

cdef struct PathPoint:
    double x                 # ECEF, m
    double y
    double z
    double width_left_m
    double width_right_m

cdef struct PathCursor:
    Py_ssize_t nearest
    int located              # 0 until the whole path was searched once


cdef inline double _squared_distance(const PathPoint* point, const double* position) noexcept nogil:
    cdef double dx = point.x - position[0]
    cdef double dy = point.y - position[1]
    cdef double dz = point.z - position[2]
    return dx * dx + dy * dy + dz * dz


cdef inline void fill_path_window(const PathPoint* path, Py_ssize_t length, PathCursor* cursor, const EgoState* ego,
                                  InputFrame* frame) noexcept nogil:
    """Puts a window into the frame on every TICKS_BETWEEN-th tick once the ego position is known."""
    cdef double latitude, longitude, sin_lat, cos_lat, sin_lon, cos_lon, radius
    cdef double[3] origin
    cdef double[3] position
    cdef double dx, dy, dz, best, distance
    cdef Py_ssize_t index, first, last
    cdef uint32_t count = 0
    if length == 0 or frame.tick_index % TICKS_BETWEEN or not ego.status & EgoState_STATUS_POSITION_VALID:
        return
    latitude = ego.origin_latitude_deg * M_PI / 180.0
    longitude = ego.origin_longitude_deg * M_PI / 180.0
    sin_lat, cos_lat = sin(latitude), cos(latitude)
    sin_lon, cos_lon = sin(longitude), cos(longitude)
    radius = EQUATOR_RADIUS_M / sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat)
    origin[0] = (radius + ego.origin_altitude_m) * cos_lat * cos_lon
    origin[1] = (radius + ego.origin_altitude_m) * cos_lat * sin_lon
    origin[2] = (radius * (1.0 - ECCENTRICITY_SQUARED) + ego.origin_altitude_m) * sin_lat
    position[0] = origin[0] - sin_lon * ego.position[0] - sin_lat * cos_lon * ego.position[1] \
        + cos_lat * cos_lon * ego.position[2]
    position[1] = origin[1] + cos_lon * ego.position[0] - sin_lat * sin_lon * ego.position[1] \
        + cos_lat * sin_lon * ego.position[2]
    position[2] = origin[2] + cos_lat * ego.position[1] + sin_lat * ego.position[2]

    first = cursor.nearest - SEARCH_POINTS if cursor.located else 0
    last = cursor.nearest + SEARCH_POINTS if cursor.located else length - 1
    first = 0 if first < 0 else first
    last = length - 1 if last > length - 1 else last
    best = 1e300
    for index in range(first, last + 1):
        distance = _squared_distance(&path[index], position)
        if distance < best:
            best = distance
            cursor.nearest = index
    cursor.located = 1

    first = cursor.nearest - POINTS_BEHIND
    first = 0 if first < 0 else first
    for index in range(first, length):
        if count == WINDOW_POINTS:
            break
        dx = path[index].x - origin[0]
        dy = path[index].y - origin[1]
        dz = path[index].z - origin[2]
        frame.lane_path.items[count].x_m = -sin_lon * dx + cos_lon * dy
        frame.lane_path.items[count].y_m = -sin_lat * cos_lon * dx - sin_lat * sin_lon * dy + cos_lat * dz
        frame.lane_path.items[count].width_left_m = path[index].width_left_m
        frame.lane_path.items[count].width_right_m = path[index].width_right_m
        count += 1
    frame.lane_path.count = count
