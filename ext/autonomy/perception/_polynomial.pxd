# y = c0 + c1 x + c2 x^2 + c3 x^3 by weighted least squares around a prior, with its covariance. Lengths in m.
from libc.math cimport sqrt

cdef struct Cubic:
    double[4] c
    double[16] covariance       # of c

cdef inline double value_at(const double* c, double x) noexcept nogil:
    return c[0] + x * (c[1] + x * (c[2] + x * c[3]))

cdef struct Normal:
    double[16] matrix
    double[4] vector

cdef inline void begin_normal(Normal* normal, const double* prior, const double* sigma) noexcept nogil:
    """Information of the prior alone."""
    cdef int i
    for i in range(16):
        normal.matrix[i] = 0.0
    for i in range(4):
        normal.matrix[5 * i] = 1.0 / (sigma[i] * sigma[i])
        normal.vector[i] = prior[i] * normal.matrix[5 * i]

cdef inline void add_point(Normal* normal, double x, double y, double weight) noexcept nogil:
    cdef double[4] row
    cdef int i, k
    row[0] = 1.0
    row[1] = x
    row[2] = x * x
    row[3] = x * x * x
    for i in range(4):
        for k in range(4):
            normal.matrix[4 * i + k] += weight * row[i] * row[k]
        normal.vector[i] += weight * row[i] * y

cdef inline bint solve_normal(const Normal* normal, Cubic* found) noexcept nogil:
    """Gauss-Jordan of the 4 x 4 symmetric positive matrix, scaled first; False when it is singular."""
    cdef double[4][8] a
    cdef double[4] scale
    cdef double factor
    cdef int i, k, m
    for i in range(4):
        if not normal.matrix[5 * i] > 0.0:
            return False
        scale[i] = 1.0 / sqrt(normal.matrix[5 * i])
    for i in range(4):
        for k in range(4):
            a[i][k] = normal.matrix[4 * i + k] * scale[i] * scale[k]
            a[i][4 + k] = 1.0 if i == k else 0.0
    for i in range(4):
        if not a[i][i] > 1e-12:
            return False
        factor = 1.0 / a[i][i]
        for k in range(8):
            a[i][k] *= factor
        for m in range(4):
            if m != i:
                factor = a[m][i]
                for k in range(8):
                    a[m][k] -= factor * a[i][k]
    for i in range(4):
        found.c[i] = 0.0
        for k in range(4):
            found.covariance[4 * i + k] = a[i][4 + k] * scale[i] * scale[k]
            found.c[i] += found.covariance[4 * i + k] * normal.vector[k]
    return True
