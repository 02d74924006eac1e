# Records into samples of the input frame, each sample counted by its kind.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from autonomy.inputs._append cimport (KIND_COUNT, KIND_GNSS, KIND_LANE_PATH, InputKind, append_sample, input_of, item_size,
                                      item_validity_offset, list_capacity)
from autonomy.msg.messages cimport CanFrame, GnssSample, ImuInput, ImuInput_NOT_IN_A_TICK
from autonomy.playback._feed_state cimport FRAMES, RAW_CAN, RAW_SERIAL, FeedState, KindCounts
from autonomy.playback._log_clock cimport watch_clock
from drivers._unaligned cimport read_i64, read_u32, read_u64
from drivers.can._router cimport route_frame
from drivers.serial._router cimport route_bytes

cdef enum:
    SERIAL_COUNT = 12            # of SerialBytes in a log: int64 time_ns; uint32 lost; uint32 count; the bytes
    SERIAL_FIRST = 16


cdef inline void account(FeedState* s, int kind, const uint8_t* item) noexcept nogil:
    cdef KindCounts* counts = &s.counts[kind]
    cdef GnssSample sample
    cdef int64_t received_ns = read_i64(item + 8)
    counts.received += 1
    if kind == <int> KIND_GNSS:
        memcpy(&sample, item, sizeof(GnssSample))
        watch_clock(&s.clock, &sample)
    if kind != <int> KIND_LANE_PATH and item[item_validity_offset(kind)] != 0:
        counts.unusable += 1
    else:
        counts.used += 1
    if counts.last_ns and received_ns - counts.last_ns > counts.max_gap_ns:
        counts.max_gap_ns = received_ns - counts.last_ns
    counts.last_ns = received_ns


cdef inline void count_used(FeedState* s, int kind, uint32_t count) noexcept nogil:
    s.counts[kind].received += count
    s.counts[kind].used += count


cdef inline void note_counts(FeedState* s, uint32_t* before) noexcept nogil:
    cdef int kind
    for kind in range(1, <int> KIND_COUNT):
        before[kind] = (<ImuInput*> input_of(&s.frame, kind)).count


cdef inline void account_new(FeedState* s, const uint32_t* before) noexcept nogil:
    """What came into the frame since its counts were noted."""
    cdef ImuInput* samples
    cdef uint32_t index
    cdef int kind
    for kind in range(1, <int> KIND_COUNT):
        samples = <ImuInput*> input_of(&s.frame, kind)
        for index in range(before[kind], samples.count):
            account(s, kind, input_of(&s.frame, kind) + 32 + index * item_size(kind))
        if s.dropped_kinds >> kind & 1:
            samples.count = before[kind]


cdef inline void take_sample(FeedState* s, int kind, const uint8_t* item) noexcept nogil:
    if not s.dropped_kinds >> kind & 1:
        append_sample(&s.frame, <InputKind> kind, item)
    account(s, kind, item)


cdef inline void take_can_frame(FeedState* s, const CanFrame* frame) noexcept nogil:
    """One CAN frame into samples; a frame may feed several lists."""
    cdef uint32_t[KIND_COUNT] before
    note_counts(s, before)
    if route_frame(s.can_routes, &s.router, frame, &s.frame) > 0:
        account_new(s, before)


cdef inline void take_serial_bytes(FeedState* s, int entry, const uint8_t* data, uint32_t length, int64_t time_ns) noexcept nogil:
    cdef uint32_t[KIND_COUNT] before
    note_counts(s, before)
    route_bytes(s.serial_ports, &s.serial, entry, data, length, time_ns, &s.frame)
    account_new(s, before)


cdef inline void consume(FeedState* s, int action, int kind, const uint8_t* body, uint32_t length) noexcept nogil:
    """One record. Every list message begins alike: tick, time, overflow, padding, count; its samples stand from byte 32."""
    cdef uint32_t index, count
    cdef CanFrame can_frame
    cdef GnssSample sample
    if action == RAW_CAN:
        s.consumed += 1
        if length < sizeof(CanFrame):
            s.malformed += 1
        elif s.mode != FRAMES and s.can_routes != NULL:
            # Records are not aligned in the log's buffer
            memcpy(&can_frame, body, sizeof(CanFrame))
            take_can_frame(s, &can_frame)
        return
    if action == RAW_SERIAL:
        s.consumed += 1
        if length < SERIAL_FIRST or read_u32(body + SERIAL_COUNT) > length - SERIAL_FIRST:
            s.malformed += 1
        elif s.mode != FRAMES and s.serial_ports != NULL:
            take_serial_bytes(s, kind, body + SERIAL_FIRST, read_u32(body + SERIAL_COUNT), read_i64(body))
        return
    if length < 28:
        s.malformed += 1
        return
    if read_u64(body) == ImuInput_NOT_IN_A_TICK:
        s.consumed += 1
        if s.mode == FRAMES:
            return
        count = read_u32(body + 24)
        if count == 0 or 32 + <size_t> count * item_size(kind) > length:
            s.malformed += count != 0
            return
        for index in range(count):
            take_sample(s, kind, body + 32 + index * item_size(kind))
    elif s.mode == FRAMES:
        count = read_u32(body + 24)
        if count > <uint32_t> list_capacity(kind) or (count and 32 + <size_t> count * item_size(kind) > length):
            s.malformed += 1
            return
        count_used(s, kind, count)
        if kind == <int> KIND_GNSS:
            for index in range(count):
                memcpy(&sample, body + 32 + index * item_size(kind), sizeof(GnssSample))
                watch_clock(&s.clock, &sample)
        if not s.dropped_kinds >> kind & 1:
            memcpy(input_of(&s.frame, kind), body, 28)
            if count:
                memcpy(input_of(&s.frame, kind) + 32, body + 32, count * item_size(kind))
