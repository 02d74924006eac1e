# Sleeping until a moment of the monotonic clock.
from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, timespec

cdef extern from "time.h" nogil:
    int clock_nanosleep(int clock, int flags, const timespec *until, timespec *remaining)
    int TIMER_ABSTIME


cdef inline void sleep_until(int64_t deadline_ns) noexcept nogil:
    cdef timespec until
    until.tv_sec = deadline_ns // 1_000_000_000
    until.tv_nsec = deadline_ns % 1_000_000_000
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0:
        pass  # a signal
