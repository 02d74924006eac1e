# The commands on their way: sent, but not yet acting.
from autonomy.msg.messages cimport LateralParameters_TICK_PERIOD_S
from autonomy.control._control cimport COMMANDS, ControlMemory
from autonomy.control._preview cimport curvature_at
from autonomy.control._yaw_plane cimport *


cdef inline double sent(const ControlMemory* memory, int ticks_ago) noexcept nogil:
    """rad, the command sent so many ticks before the last one, less the play."""
    return memory.sent[(memory.newest - ticks_ago) & (COMMANDS - 1)]


cdef inline int whole_ticks(double delay, double* rest) noexcept nogil:
    """Dead time in whole ticks, within the buffer, and the rest of it in seconds."""
    cdef int whole = <int>(delay / LateralParameters_TICK_PERIOD_S + 1e-6)
    if whole > COMMANDS - 3:
        whole = COMMANDS - 3
    rest[0] = delay - whole * LateralParameters_TICK_PERIOD_S
    if not 1e-9 < rest[0] < LateralParameters_TICK_PERIOD_S:
        rest[0] = 0.0
    return whole


cdef inline double roll_dead_time(const ControlMemory* memory, const double* rates_matrix, const double* transition,
                                  const double* preview, double delay, double speed, double* x) noexcept nogil:
    """From now to the first moment a command given now can act; returns the metres driven until then."""
    cdef double rest, driven = 0.0
    cdef double[144] partial
    cdef double[12] moved
    cdef const double* step = transition
    cdef int whole = whole_ticks(delay, &rest)
    cdef int i, k, ago
    for ago in range(whole, -1, -1):
        if ago == whole:
            if rest == 0.0:
                continue
            exponential(rates_matrix, rest, partial)
            step = partial
        x[COMMAND] = sent(memory, ago)
        x[CURVATURE] = curvature_at(preview, driven + 0.5 * speed * (rest if ago == whole else LateralParameters_TICK_PERIOD_S))
        x[COMMAND_RATE] = 0.0
        for i in range(STATES):
            moved[i] = 0.0
            for k in range(11):
                moved[i] += step[12 * i + k] * x[k]
        for i in range(STATES):
            x[i] = moved[i]
        driven += speed * (rest if ago == whole else LateralParameters_TICK_PERIOD_S)
        step = transition
    x[COMMAND] = sent(memory, 0)
    return driven
