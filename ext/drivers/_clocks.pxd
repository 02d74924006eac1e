"""The system's clocks in nanoseconds."""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, clockid_t, timespec


cdef inline int64_t clock_ns(clockid_t clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef inline int64_t monotonic_ns() noexcept nogil:
    """The clock that ticks are on."""
    return clock_ns(CLOCK_MONOTONIC)
