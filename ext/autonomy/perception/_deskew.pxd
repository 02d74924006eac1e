# Motion compensation: see _deskew.pyx.
from autonomy.msg.messages cimport LidarPoint
from autonomy.perception._cloud cimport Cloud

cdef enum:
    STEPS = 1024        # poses over a scan: 0.1 ms of a scan of 0.1 s, so 1.2 mm at 25 m/s
    MOST_KNOTS = 64     # of the cab's track

cdef struct Twist:
    double[3] velocity          # m/s of the chassis' origin, in its axes
    double[3] rate              # rad/s

cdef struct Knot:
    double time_s               # after the scan's stamp
    double[3] position          # m, sensor in the chassis
    double[3] rotation          # rad, rotation vector

cdef void deskew(const LidarPoint* points, int count, const Twist* twist, const Knot* knots, int knot_count, double reference_s,
                 float* poses, Cloud* cloud) noexcept nogil
