# Fixed-size algebra of the estimators: quaternions (w, x, y, z), 3-vectors, row-major 3x3 matrices, small Cholesky factors.
# Inline, no allocation, sums in a fixed order.
from libc.math cimport cos, sin, sqrt


cdef inline void cross(const double* a, const double* b, double* out) noexcept nogil:
    """out = a x b; out must not be a or b."""
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]


cdef inline void rotate(const double* matrix, const double* a, double* out) noexcept nogil:
    """out = matrix a."""
    out[0] = matrix[0] * a[0] + matrix[1] * a[1] + matrix[2] * a[2]
    out[1] = matrix[3] * a[0] + matrix[4] * a[1] + matrix[5] * a[2]
    out[2] = matrix[6] * a[0] + matrix[7] * a[1] + matrix[8] * a[2]


cdef inline void rotate_back(const double* matrix, const double* a, double* out) noexcept nogil:
    """out = transposed matrix times a."""
    out[0] = matrix[0] * a[0] + matrix[3] * a[1] + matrix[6] * a[2]
    out[1] = matrix[1] * a[0] + matrix[4] * a[1] + matrix[7] * a[2]
    out[2] = matrix[2] * a[0] + matrix[5] * a[1] + matrix[8] * a[2]


cdef inline void multiply_3x3(const double* a, const double* b, double* out) noexcept nogil:
    """out = a b."""
    cdef int i, j
    for i in range(3):
        for j in range(3):
            out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j]


cdef inline void multiply_3x3_transposed(const double* a, const double* b, double* out) noexcept nogil:
    """out = a b'."""
    cdef int i, j
    for i in range(3):
        for j in range(3):
            out[3 * i + j] = a[3 * i] * b[3 * j] + a[3 * i + 1] * b[3 * j + 1] + a[3 * i + 2] * b[3 * j + 2]


cdef inline void matrix_of(const double* q, double* out) noexcept nogil:
    """Rotation matrix of a unit quaternion."""
    cdef double w = q[0]
    cdef double x = q[1]
    cdef double y = q[2]
    cdef double z = q[3]
    out[0] = 1.0 - 2.0 * (y * y + z * z)
    out[1] = 2.0 * (x * y - w * z)
    out[2] = 2.0 * (x * z + w * y)
    out[3] = 2.0 * (x * y + w * z)
    out[4] = 1.0 - 2.0 * (x * x + z * z)
    out[5] = 2.0 * (y * z - w * x)
    out[6] = 2.0 * (x * z - w * y)
    out[7] = 2.0 * (y * z + w * x)
    out[8] = 1.0 - 2.0 * (x * x + y * y)


cdef inline void quaternion_product(const double* a, const double* b, double* out) noexcept nogil:
    """out = a b, made a unit quaternion; out may be a or b."""
    cdef double w = a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3]
    cdef double x = a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2]
    cdef double y = a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1]
    cdef double z = a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0]
    cdef double scale = 1.0 / sqrt(w * w + x * x + y * y + z * z)
    out[0] = w * scale
    out[1] = x * scale
    out[2] = y * scale
    out[3] = z * scale


cdef inline void small_rotation(const double* angle, double* out) noexcept nogil:
    """Quaternion of a rotation vector, by series to the sixth order: relative error below 1e-9 up to 0.3 rad.

    The product that uses it normalises, so larger angles still give a rotation.
    """
    cdef double square = 0.25 * (angle[0] * angle[0] + angle[1] * angle[1] + angle[2] * angle[2])
    cdef double sine = 0.5 * (1.0 - square / 6.0 * (1.0 - square / 20.0))
    out[0] = 1.0 - 0.5 * square * (1.0 - square / 12.0 * (1.0 - square / 30.0))
    out[1] = sine * angle[0]
    out[2] = sine * angle[1]
    out[3] = sine * angle[2]


cdef inline void matrix_of_vector(const double* vector, double* out) noexcept nogil:
    """Rotation matrix of a rotation vector (Rodrigues)."""
    cdef double x = vector[0], y = vector[1], z = vector[2]
    cdef double squared = x * x + y * y + z * z, angle = sqrt(squared)
    cdef double a = sin(angle) / angle if angle > 1e-9 else 1.0
    cdef double b = (1.0 - cos(angle)) / squared if angle > 1e-5 else 0.5
    out[0] = 1.0 - b * (y * y + z * z)
    out[1] = b * x * y - a * z
    out[2] = b * x * z + a * y
    out[3] = b * x * y + a * z
    out[4] = 1.0 - b * (x * x + z * z)
    out[5] = b * y * z - a * x
    out[6] = b * x * z - a * y
    out[7] = b * y * z + a * x
    out[8] = 1.0 - b * (x * x + y * y)


cdef inline bint cholesky(double* matrix, int size) noexcept nogil:
    """Lower factor in place (row-major, size x size); False when the matrix is not positive definite or not finite."""
    cdef int i, j, k
    cdef double total
    for j in range(size):
        for i in range(j, size):
            total = matrix[size * i + j]
            for k in range(j):
                total -= matrix[size * i + k] * matrix[size * j + k]
            if i == j:
                if not (0.0 < total < 1e300):
                    return False
                matrix[size * j + j] = sqrt(total)
            else:
                matrix[size * i + j] = total / matrix[size * j + j]
    return True


cdef inline void cholesky_solve(const double* factor, int size, double* right) noexcept nogil:
    """right = (L L')^-1 right, L the lower factor that `cholesky` leaves."""
    cdef int i, k
    for i in range(size):
        for k in range(i):
            right[i] -= factor[size * i + k] * right[k]
        right[i] /= factor[size * i + i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= factor[size * k + i] * right[k]
        right[i] /= factor[size * i + i]


cdef inline void cholesky_inverse(const double* factor, int size, double* inverse) noexcept nogil:
    """inverse = (L L')^-1, size x size, L the lower factor that `cholesky` leaves."""
    cdef int i
    for i in range(size * size):
        inverse[i] = 1.0 if i % (size + 1) == 0 else 0.0
    for i in range(size):
        cholesky_solve(factor, size, inverse + size * i)  # symmetric: its rows are its columns
