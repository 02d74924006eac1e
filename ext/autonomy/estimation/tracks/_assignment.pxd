# Assignment of rows to columns at least cost, exact: successive shortest augmenting paths (Jonker, Volgenant 1987; Crouse 2016).
#
# A row may also stay without a column, at cost 0; a column may stay without a row. So only pairs of negative cost can help.

cdef enum:
    SIDE = 128                   # rows and columns at most; a row of the cost table is SIDE long

cdef extern from *:
    """
    static const double FORBIDDEN = 1e30;
    """
    const double FORBIDDEN


cdef inline void assign(const double* cost, int rows, int columns, int* row_of) noexcept nogil:
    """row_of[column] = row or -1. `cost`: (rows, SIDE), FORBIDDEN where a pair is impossible."""
    cdef double[128] u
    cdef double[128] v
    cdef double[128] least
    cdef int[128] way
    cdef char[128] visited
    cdef double current, delta, leave
    cdef int r, i, j, j0, j1, leave_at
    for i in range(rows):
        u[i] = 0.0
    for j in range(columns):
        v[j] = 0.0
        row_of[j] = -1
    for r in range(rows):
        for j in range(columns):
            least[j] = FORBIDDEN
            visited[j] = 0
            way[j] = -1
        leave, leave_at = FORBIDDEN, -1
        j0, i = -1, r
        while True:
            # From row i, reached through column j0: to each column, or out without one
            if -u[i] < leave:
                leave, leave_at = -u[i], j0
            delta, j1 = FORBIDDEN, -1
            for j in range(columns):
                if visited[j]:
                    continue
                if cost[i * SIDE + j] < FORBIDDEN:
                    current = cost[i * SIDE + j] - u[i] - v[j]
                    if current < least[j]:
                        least[j], way[j] = current, j0
                if least[j] < delta:
                    delta, j1 = least[j], j
            if leave <= delta:
                delta, j1 = leave, -1
            u[r] += delta
            for j in range(columns):
                if visited[j]:
                    u[row_of[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            leave -= delta
            if j1 < 0:
                j0 = leave_at
                break
            j0 = j1
            visited[j0] = 1
            if row_of[j0] < 0:
                break
            i = row_of[j0]
        while j0 >= 0:
            j1 = way[j0]
            row_of[j0] = r if j1 < 0 else row_of[j1]
            j0 = j1
