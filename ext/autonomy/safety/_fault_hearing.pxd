# What each row's sender said, and when it was heard last. Header only.
#
# Arrival counts here, not the time stamp: a sender that stamps well but is late is as good as silent.
from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t
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


ctypedef fused Sample:
    SteeringSample
    WheelSample
    ShaftSample
    ImuSample
    GnssSample
    SignalSample


cdef inline double told_value(const Sample* sample) noexcept nogil:
    """What a frozen or missing value shows by; of a wheel, whether it tells a speed at all is what matters."""
    if Sample is SteeringSample:
        return sample.steering_wheel_angle
    elif Sample is WheelSample:
        return sample.vehicle_speed if isfinite(sample.vehicle_speed) else sample.front_left
    elif Sample is ShaftSample:
        return sample.shaft_speed
    elif Sample is ImuSample:
        return sample.angular_rate_z
    elif Sample is GnssSample:
        return sample.latitude_deg
    else:
        return sample.value


cdef inline void hear_list(RowHearing* heard, const FaultRow* row, const Sample* items, uint32_t count,
                           int64_t now_ns) noexcept nogil:
    cdef uint32_t i
    for i in range(count):
        if Sample is SignalSample:
            if items[i].signal != row.signal:
                continue
        if row.source == 65535 or row.source == items[i].source:
            arrive(heard, told_value(&items[i]), items[i].validity, now_ns)


cdef inline void hear_row(RowHearing* heard, const FaultRow* row, const InputFrame* frame) noexcept nogil:
    if row.subject == FaultRow_SUBJECT_STEERING:
        hear_list(heard, row, &frame.steering.items[0], frame.steering.count, frame.tick_time_ns)
    elif row.subject == FaultRow_SUBJECT_WHEEL:
        hear_list(heard, row, &frame.wheel.items[0], frame.wheel.count, frame.tick_time_ns)
    elif row.subject == FaultRow_SUBJECT_SHAFT:
        hear_list(heard, row, &frame.shaft.items[0], frame.shaft.count, frame.tick_time_ns)
    elif row.subject == FaultRow_SUBJECT_IMU:
        hear_list(heard, row, &frame.imu.items[0], frame.imu.count, frame.tick_time_ns)
    elif row.subject == FaultRow_SUBJECT_GNSS:
        hear_list(heard, row, &frame.gnss.items[0], frame.gnss.count, frame.tick_time_ns)
    elif row.subject == FaultRow_SUBJECT_SIGNAL:
        hear_list(heard, row, &frame.signal.items[0], frame.signal.count, frame.tick_time_ns)
