# Time between two ticks as the steps use it.
from libc.stdint cimport int64_t

cdef enum:
    PERIOD_NS = 10000000          # of the tick; also LateralParameters.TICK_PERIOD_S and autonomy/tick_period.py
    LONGEST_STEP_NS = 100000000   # ten ticks: a longer gap is a break, not an integration step


cdef inline double elapsed_s(int64_t now_ns, int64_t last_ns) noexcept nogil:
    """Seconds since the last tick, within [0, 0.1]; 0 on the first tick (last_ns = 0) and when time runs backwards."""
    if last_ns == 0 or now_ns <= last_ns:
        return 0.0
    if now_ns - last_ns > LONGEST_STEP_NS:
        return 0.1
    return <double>(now_ns - last_ns) * 1e-9
