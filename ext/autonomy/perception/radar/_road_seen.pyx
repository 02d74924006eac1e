"""Whether a scan of a lidar shows road where a radar says that something stands: by rays that went through the place.

A ray that met the road's surface well behind a place passed over it at a height that follows from both and from the ground before
the place. Where such rays went through a body's height, low and high, over the whole width at which a body could stand, and none
ended in it, nothing stands on the road there. Silence is no evidence: without rays that went through, nothing is said.
Twin: autonomy/perception/radar/road_seen_twin.py.
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport uint8_t

from autonomy.msg.messages cimport LAYOUT_HASH

from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

NOTHING, ROAD, STANDS = 0, 1, 2

cdef enum:
    BINS = 10           # of 0.3 m: what is 0.6 m wide fills one
    GROUND = 1              # labels of ext/autonomy/perception/_cloud.pxd
    MARKING = 3
    LEAST_GROUND = 6

cdef struct RoadParameters:
    double half_width_m, before_m, low_m, low_to_m, high_m, high_to_m, low_behind_m, high_behind_m
    double body_before_m, body_behind_m, body_low_m, body_high_m, ground_apart_m, ground_gap_m


cdef int look_through(const RoadParameters* p, const float* points, const uint8_t* labels, int count, double eye_x, double eye_y,
                      double eye_z, double x, double y) noexcept nogil:
    """`points` [count][4]: x, y, z, height above the ground. The place is `x`, `y`."""
    cdef double distance = sqrt((x - eye_x) * (x - eye_x) + (y - eye_y) * (y - eye_y))
    cdef double ux, uy, dx, dy, along, across, n = 0.0, s = 0.0, ss = 0.0, z = 0.0, sz = 0.0, nearest = 1e9, farthest = -1e9
    cdef double ground, height, spread
    cdef int[10] low
    cdef int[10] high
    cdef int i, bin
    cdef bint is_ground
    if distance < 1.0:
        return 0
    ux, uy = (x - eye_x) / distance, (y - eye_y) / distance
    for i in range(count):  # the ground before the place, and what ends in it
        dx, dy = points[4 * i] - eye_x, points[4 * i + 1] - eye_y
        along, across = dx * ux + dy * uy, dy * ux - dx * uy
        if along < distance - p.before_m or along > distance + p.body_behind_m or fabs(across) > p.half_width_m:
            continue
        is_ground = labels[i] == GROUND or labels[i] == MARKING
        if not is_ground and along > distance - p.body_before_m and p.body_low_m < points[4 * i + 3] < p.body_high_m:
            return 2
        if is_ground and along <= distance:
            along -= distance
            n += 1.0
            s += along
            ss += along * along
            z += points[4 * i + 2]
            sz += along * points[4 * i + 2]
            nearest = along if along < nearest else nearest
            farthest = along if along > farthest else farthest
    if n < LEAST_GROUND or farthest - nearest < p.ground_apart_m or farthest < -p.ground_gap_m:
        return 0
    spread = n * ss - s * s
    ground = (z * ss - s * sz) / spread
    for bin in range(BINS):
        low[bin] = high[bin] = 0
    for i in range(count):
        if labels[i] != GROUND and labels[i] != MARKING:
            continue
        dx, dy = points[4 * i] - eye_x, points[4 * i + 1] - eye_y
        along = dx * ux + dy * uy
        if along < distance + p.low_behind_m:
            continue
        across = (dy * ux - dx * uy) * distance / along
        if fabs(across) >= p.half_width_m:
            continue
        height = eye_z + (points[4 * i + 2] - eye_z) * distance / along - ground
        bin = <int>((across + p.half_width_m) * (0.5 * BINS / p.half_width_m))
        bin = bin if bin < BINS else BINS - 1
        if p.low_m < height < p.low_to_m:
            low[bin] += 1
        elif p.high_m < height < p.high_to_m and along > distance + p.high_behind_m:
            high[bin] += 1
    for bin in range(BINS):
        if low[bin] == 0 or high[bin] == 0:
            return 0
    return 1


cdef class RoadKernel:
    """`parameters`: RoadParameters of autonomy/perception/radar/parameters.py."""

    cdef RoadParameters parameters

    def __cinit__(self, parameters):
        self.parameters = vars(parameters)

    def look_through(self, const float[:, ::1] points not None, const uint8_t[::1] labels not None, eye, double x,
                     double y) -> int:
        """NOTHING, ROAD or STANDS at the place; `eye`: x, y, z of the sensor, in the points' frame. Raises ValueError."""
        cdef int found, count = <int>points.shape[0]
        cdef double eye_x, eye_y, eye_z
        eye_x, eye_y, eye_z = eye
        if points.shape[1] != 4 or labels.shape[0] != count:
            raise ValueError(f"points ({points.shape[0]}, {points.shape[1]}) and {labels.shape[0]} labels: must be (n, 4) and n")
        if not count:
            return 0
        with nogil:
            found = look_through(&self.parameters, &points[0, 0], &labels[0], count, eye_x, eye_y, eye_z, x, y)
        return found
