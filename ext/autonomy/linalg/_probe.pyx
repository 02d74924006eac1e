"""The inline algebra of _small.pxd and _kalman.pxd over NumPy arrays, for its tests: nothing else calls it through Python."""
import numpy as np
from autonomy.linalg._kalman cimport carry_row, take_scalar
from autonomy.linalg._small cimport cholesky, cholesky_solve
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH

require(__name__, LAYOUT_HASH)


def solve(matrix, right):
    """(factor (n, n), its lower triangle written; matrix^-1 right (n,)), or None when `cholesky` refuses the matrix."""
    factor = np.array(matrix, dtype=np.float64, order="C")
    answer = np.array(right, dtype=np.float64)
    cdef double[:, ::1] rows = factor
    cdef double[::1] column = answer
    if rows.shape[0] != rows.shape[1] or column.shape[0] != rows.shape[0] or rows.shape[0] == 0:
        raise ValueError("solve: a square matrix and a column of the same length")
    if not cholesky(&rows[0, 0], rows.shape[0]):
        return None
    cholesky_solve(&rows[0, 0], rows.shape[0], &column[0])
    return factor, answer


def scalar_update(state, covariance, row, double value, double noise):
    """(x (n,), P (n, n), variance of the residual) after a measured value of row' x with the variance `noise`; n up to 32."""
    cdef double[32] carried
    after, reduced = np.array(state, dtype=np.float64), np.array(covariance, dtype=np.float64, order="C")
    cdef double[::1] x = after
    cdef double[:, ::1] P = reduced
    cdef const double[::1] h = np.array(row, dtype=np.float64)
    cdef int size = x.shape[0]
    if not 0 < size <= 32 or P.shape[0] != size or P.shape[1] != size or h.shape[0] != size:
        raise ValueError("scalar_update: a state of up to 32, a square covariance and a row of the same length")
    cdef double residual = value - np.dot(row, state)
    cdef double variance = carry_row(&P[0, 0], size, &h[0], noise, carried)
    take_scalar(&x[0], &P[0, 0], size, carried, variance, residual)
    return after, reduced, variance
