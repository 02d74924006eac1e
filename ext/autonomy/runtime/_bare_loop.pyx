"""A loop that does nothing: what the machine alone makes of the loop's deadlines."""

from libc.stdint cimport int64_t

import numpy as np

from autonomy.inputs._clock cimport PERIOD_NS
from drivers._clocks cimport monotonic_ns
from autonomy.runtime._deadline cimport sleep_until


def bare_lateness(int64_t first_ns, int ticks, int64_t period_ns=PERIOD_NS) -> np.ndarray:
    """ns, int64 (ticks,): how late this thread wakes on deadlines of that period, the loop's, when it does nothing else."""
    cdef int64_t[::1] late = np.zeros(ticks, np.int64)
    cdef int64_t deadline_ns = first_ns
    cdef int place
    with nogil:
        for place in range(ticks):
            sleep_until(deadline_ns)
            late[place] = monotonic_ns() - deadline_ns
            deadline_ns += period_ns
    return np.asarray(late)
