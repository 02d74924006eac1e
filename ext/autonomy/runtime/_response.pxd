# How long it takes from a byte's arrival to the command that knows it: what each tick took is kept until its command is on
# the bus. The loop writes, the sender reads what the ring of commands has told it of, long before the slot is written again.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    TICKS_KEPT = 64             # 0.64 s; a sender gives a command up after 5 ms
    ARRIVALS_KEPT = 256         # of a tick; of more than that the first

ctypedef struct TickArrivals:
    int64_t tick_time_ns
    uint32_t count
    uint32_t padding
    int64_t[ARRIVALS_KEPT] stamps_ns

ctypedef struct Arrivals:
    TickArrivals[TICKS_KEPT] ticks


cdef inline void arrivals_begin(Arrivals* kept, uint64_t tick_index, int64_t tick_time_ns) noexcept nogil:
    cdef TickArrivals* tick = &kept.ticks[tick_index % TICKS_KEPT]
    tick.tick_time_ns = tick_time_ns
    tick.count = 0


cdef inline void arrivals_add(Arrivals* kept, uint64_t tick_index, int64_t stamp_ns) noexcept nogil:
    cdef TickArrivals* tick = &kept.ticks[tick_index % TICKS_KEPT]
    if tick.count < ARRIVALS_KEPT:
        tick.stamps_ns[tick.count] = stamp_ns
        tick.count += 1


cdef inline const TickArrivals* arrivals_of(const Arrivals* kept, int64_t tick_time_ns) noexcept nogil:
    """NULL when that tick is not kept any more."""
    cdef int place
    for place in range(TICKS_KEPT):
        if kept.ticks[place].tick_time_ns == tick_time_ns:
            return &kept.ticks[place]
    return NULL
