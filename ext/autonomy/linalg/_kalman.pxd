# The update of a Kalman filter by one scalar, z = row' x + noise, in two halves: a caller may judge the residual between them.


cdef inline double carry_row(const double* covariance, int size, const double* row, double noise,
                             double* carried) noexcept nogil:
    """carried = P row; returns the variance of the residual, row' P row + noise."""
    cdef double variance = noise
    cdef int i, k
    for i in range(size):
        carried[i] = 0.0
        for k in range(size):
            carried[i] += covariance[size * i + k] * row[k]
    for i in range(size):
        variance += row[i] * carried[i]
    return variance


cdef inline void take_scalar(double* x, double* covariance, int size, const double* carried, double variance,
                             double residual) noexcept nogil:
    """x += K residual, P -= K carried', with the gain K = carried / variance; keeps a symmetric P symmetric to the last bit."""
    cdef int i, k
    for i in range(size):
        x[i] += carried[i] / variance * residual
        for k in range(size):
            covariance[size * i + k] -= carried[i] * carried[k] / variance
