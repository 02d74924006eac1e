"""The inline algebra of _small.pxd over NumPy arrays, for its tests: nothing else calls it through Python."""
import numpy as np
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
