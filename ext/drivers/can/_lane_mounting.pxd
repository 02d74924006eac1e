# Lines of a lane from a camera's place to the vehicle's reference point.
from libc.math cimport sqrt

from autonomy.msg.messages cimport LaneSample


cdef inline void move_line(double *c, double x_m, double y_m) noexcept nogil:
    """y = c0 + c1 x + c2 x2 + c3 x3 about a point x_m ahead and y_m to the left, about the reference point."""
    c[0] += y_m - x_m * (c[1] - x_m * (c[2] - x_m * c[3]))
    c[1] -= x_m * (2.0 * c[2] - 3.0 * x_m * c[3])
    c[2] -= 3.0 * x_m * c[3]


cdef inline void move_sigma(double *sigma, double x_m) noexcept nogil:
    """The slope's uncertainty counts at the reference point too."""
    sigma[0] = sqrt(sigma[0] * sigma[0] + x_m * x_m * sigma[1] * sigma[1])


cdef inline void move_lines(LaneSample *sample, double x_m, double y_m) noexcept nogil:
    move_line(sample.left, x_m, y_m)
    move_line(sample.right, x_m, y_m)
    move_line(sample.left_second, x_m, y_m)
    move_line(sample.right_second, x_m, y_m)
    move_sigma(sample.left_sigma, x_m)
    move_sigma(sample.right_sigma, x_m)
    sample.left_range_m += x_m
    sample.right_range_m += x_m
    sample.left_second_range_m += x_m
    sample.right_second_range_m += x_m
