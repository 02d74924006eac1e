# How late a loop's ticks are, how long they take and in which stage: counts and histograms, without allocation.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from autonomy.inputs._clock cimport PERIOD_NS

cdef enum:
    HISTOGRAM_BINS = 20_001     # one a microsecond, the last for everything longer
    STAGES = 5                  # wake (from the deadline on), take, tick, send, record
    LATE_NS = 1_000_000

cdef struct LoopAccount:
    uint64_t late               # woken more than LATE_NS after the deadline
    uint64_t overrun            # finished after the next deadline
    uint64_t missed             # grid points without a tick
    uint64_t deferred           # ticks that left arrivals for the next one
    uint64_t[STAGES] late_in    # ticks late or overrun, by the stage that took longest
    int64_t[STAGES] stage_max_ns
    int64_t lateness_max_ns
    int64_t work_max_ns
    int64_t response_max_ns     # the sender's, as response_us
    uint32_t[HISTOGRAM_BINS] lateness_us
    uint32_t[HISTOGRAM_BINS] work_us
    uint32_t[HISTOGRAM_BINS] response_us


cdef inline int bin_of(int64_t duration_ns) noexcept nogil:
    if duration_ns < 0:
        return 0
    return <int> min(duration_ns // 1000, <int64_t> HISTOGRAM_BINS - 1)


cdef inline void account_tick(LoopAccount* a, int64_t deadline_ns, int64_t woken_ns, int64_t finished_ns,
                              const int64_t* stage_ns) noexcept nogil:
    cdef int64_t late_ns = woken_ns - deadline_ns
    cdef bint overrun = finished_ns - deadline_ns > PERIOD_NS
    cdef int stage, longest = 0
    a.late += late_ns > LATE_NS
    a.overrun += overrun
    for stage in range(STAGES):
        a.stage_max_ns[stage] = max(a.stage_max_ns[stage], stage_ns[stage])
        if stage_ns[stage] > stage_ns[longest]:
            longest = stage
    a.late_in[longest] += late_ns > LATE_NS or overrun
    a.lateness_us[bin_of(late_ns)] += 1
    a.work_us[bin_of(finished_ns - woken_ns)] += 1
    a.lateness_max_ns = max(a.lateness_max_ns, late_ns)
    a.work_max_ns = max(a.work_max_ns, finished_ns - woken_ns)


cdef inline void account_response(LoopAccount* a, int64_t response_ns) noexcept nogil:
    """From the arrival of what a tick took to its command on the bus."""
    a.response_us[bin_of(response_ns)] += 1
    a.response_max_ns = max(a.response_max_ns, response_ns)
