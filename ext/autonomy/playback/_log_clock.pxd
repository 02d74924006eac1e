# The log's clock against the UTC that GNSS samples tell: sums of a line, anew behind a jump.
from libc.stdint cimport int64_t
from libc.string cimport memset

from autonomy.msg.messages cimport GnssSample

cdef extern from *:
    """
    static const double CLOCK_JUMP_S = 0.5;     /* of two clocks against each other: the scatter of a message's way stays below */
    """
    const double CLOCK_JUMP_S

cdef struct ClockSums:
    int64_t first_received_ns
    int64_t first_utc_ns
    int64_t last_received_ns
    double count
    double sum_x                 # s since the first sample
    double sum_y                 # s, change of the difference of the clocks since the first sample
    double sum_xx
    double sum_xy
    double last_y


cdef inline void watch_clock(ClockSums* c, const GnssSample* sample) noexcept nogil:
    cdef double x, y
    if sample.validity != 0 or sample.utc_time_ns <= 0 or (c.count and sample.received_time_ns <= c.last_received_ns):
        return
    x = 1e-9 * <double> (sample.received_time_ns - c.first_received_ns)
    y = 1e-9 * <double> ((sample.received_time_ns - sample.utc_time_ns) - (c.first_received_ns - c.first_utc_ns))
    if c.count == 0.0 or not (-CLOCK_JUMP_S < y - c.last_y < CLOCK_JUMP_S):
        memset(c, 0, sizeof(ClockSums))
        c.first_received_ns = sample.received_time_ns
        c.first_utc_ns = sample.utc_time_ns
        x = 0.0
        y = 0.0
    c.last_received_ns = sample.received_time_ns
    c.last_y = y
    c.count += 1.0
    c.sum_x += x
    c.sum_y += y
    c.sum_xx += x * x
    c.sum_xy += x * y


cdef inline bint clock_line(const ClockSums* c, double* offset_s, double* rate) noexcept nogil:
    """Offset at the last sample and rate of the log's clock against UTC since its last jump; False when that is too short."""
    cdef double length = 1e-9 * <double> (c.last_received_ns - c.first_received_ns)
    cdef double spread
    if c.count < 10.0 or length < 10.0:
        return False
    spread = c.sum_xx - c.sum_x * c.sum_x / c.count
    rate[0] = (c.sum_xy - c.sum_x * c.sum_y / c.count) / spread
    offset_s[0] = <double> (c.first_received_ns - c.first_utc_ns) / 1e9 + c.sum_y / c.count \
        + rate[0] * (length - c.sum_x / c.count)
    return True
