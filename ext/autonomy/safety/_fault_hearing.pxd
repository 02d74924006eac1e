# What each row's sender said, and when it was heard last. Header only.
#
# Arrival counts here, not the time stamp: a sender that stamps well but is late is as good as silent.
from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from autonomy.msg.messages cimport *

cdef enum:
    EVENTS = 4                   # the newest of them; a threshold asks for no more

ctypedef struct RowHearing:
    double value                 # the newest good one
    int64_t[4] event_ns          # arrivals, the newest at `newest`
    int64_t heard_ns             # tick of the last arrival, 0 = never
    int64_t void_ns              # since when its samples have no value, 0 = the last one had
    int64_t changed_ns           # when the value changed last
    uint32_t repeats             # arrivals with the same value
    uint32_t newest


cdef inline bint is_sender(const FaultRow* row, uint16_t source) noexcept nogil:
    return row.source == 65535 or row.source == source


cdef inline void arrive(RowHearing* heard, double value, uint8_t validity, int64_t now_ns) noexcept nogil:
    heard.heard_ns = now_ns
    if validity != 0 or not isfinite(value):
        if heard.void_ns == 0:
            heard.void_ns = now_ns
        return
    heard.void_ns = 0
    if value != heard.value:
        heard.value = value
        heard.changed_ns = now_ns
        heard.repeats = 0
    else:
        heard.repeats += 1
    heard.newest = (heard.newest + 1) % EVENTS
    heard.event_ns[heard.newest] = now_ns


cdef inline uint32_t events_since(const RowHearing* heard, int64_t then_ns) noexcept nogil:
    cdef uint32_t i, found = 0
    for i in range(EVENTS):
        if heard.event_ns[i] > then_ns:
            found += 1
    return found


cdef inline double wheel_value(const WheelSample* sample) noexcept nogil:
    """Whether it tells a speed at all is what matters here."""
    return sample.vehicle_speed if isfinite(sample.vehicle_speed) else sample.front_left


cdef inline void hear_row(RowHearing* heard, const FaultRow* row, const InputFrame* frame) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef uint32_t i
    if row.subject == FaultRow_SUBJECT_STEERING:
        for i in range(frame.steering.count):
            if is_sender(row, frame.steering.items[i].source):
                arrive(heard, frame.steering.items[i].steering_wheel_angle, frame.steering.items[i].validity, now_ns)
    elif row.subject == FaultRow_SUBJECT_WHEEL:
        for i in range(frame.wheel.count):
            if is_sender(row, frame.wheel.items[i].source):
                arrive(heard, wheel_value(&frame.wheel.items[i]), frame.wheel.items[i].validity, now_ns)
    elif row.subject == FaultRow_SUBJECT_SHAFT:
        for i in range(frame.shaft.count):
            if is_sender(row, frame.shaft.items[i].source):
                arrive(heard, frame.shaft.items[i].shaft_speed, frame.shaft.items[i].validity, now_ns)
    elif row.subject == FaultRow_SUBJECT_IMU:
        for i in range(frame.imu.count):
            if is_sender(row, frame.imu.items[i].source):
                arrive(heard, frame.imu.items[i].angular_rate_z, frame.imu.items[i].validity, now_ns)
    elif row.subject == FaultRow_SUBJECT_GNSS:
        for i in range(frame.gnss.count):
            if is_sender(row, frame.gnss.items[i].source):
                arrive(heard, frame.gnss.items[i].latitude_deg, frame.gnss.items[i].validity, now_ns)
    elif row.subject == FaultRow_SUBJECT_SIGNAL:
        for i in range(frame.signal.count):
            if frame.signal.items[i].signal == row.signal and is_sender(row, frame.signal.items[i].source):
                arrive(heard, frame.signal.items[i].value, frame.signal.items[i].validity, now_ns)
