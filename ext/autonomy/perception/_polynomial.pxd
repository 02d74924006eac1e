# y = c0 + c1 x + c2 x^2 + c3 x^3 by weighted least squares around a prior, with its covariance. Lengths in m.
from libc.math cimport sqrt
from autonomy.linalg._small cimport cholesky, cholesky_inverse

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

cdef inline void powers(double x, double* row) noexcept nogil:
    """1, x, x^2, x^3."""
    row[0] = 1.0
    row[1] = x
    row[2] = x * x
    row[3] = x * x * x

cdef inline double sigma_at(const Cubic* cubic, double x) noexcept nogil:
    """m, of the cubic at a distance."""
    cdef double[4] row
    cdef double sum = 0.0
    cdef int i, k
    powers(x, row)
    for i in range(4):
        for k in range(4):
            sum += row[i] * row[k] * cubic.covariance[4 * i + k]
    return sqrt(sum) if sum > 0.0 else 0.0

cdef inline void add_point(Normal* normal, double x, double y, double weight) noexcept nogil:
    cdef double[4] row
    cdef int i, k
    powers(x, row)
    for i in range(4):
        for k in range(4):
            normal.matrix[4 * i + k] += weight * row[i] * row[k]
        normal.vector[i] += weight * row[i] * y

cdef inline bint solve_normal(const Normal* normal, Cubic* found) noexcept nogil:
    """The 4 x 4 symmetric positive matrix is scaled first; False when it is singular."""
    cdef double[16] a
    cdef double[4] scale
    cdef int i, k
    for i in range(4):
        if not normal.matrix[5 * i] > 0.0:
            return False
        scale[i] = 1.0 / sqrt(normal.matrix[5 * i])
    for i in range(4):
        for k in range(4):
            a[4 * i + k] = normal.matrix[4 * i + k] * scale[i] * scale[k]
    if not cholesky(a, 4):
        return False
    for i in range(4):
        if not a[5 * i] * a[5 * i] > 1e-12:
            return False
    cholesky_inverse(a, 4, found.covariance)
    for i in range(4):
        found.c[i] = 0.0
        for k in range(4):
            found.covariance[4 * i + k] *= scale[i] * scale[k]
            found.c[i] += found.covariance[4 * i + k] * normal.vector[k]
    return True
