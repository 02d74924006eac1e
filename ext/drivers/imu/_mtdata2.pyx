"""Xbus messages into IMU samples; see _mtdata2.pxd for the source, drivers/imu/mtdata2_twin.py for the same stated plainly.

A sample is one MTData2 message with acceleration and rate of turn. Its time: with SampleTimeFine the sensor's own clock, held to
the messages that came least late, so that a line which holds bytes back does not scatter them; without it the arrival.
"""

from libc.math cimport NAN, isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from autonomy.inputs._append cimport KIND_IMU, KIND_NONE
from autonomy.msg.messages cimport LAYOUT_HASH, ImuSample

from autonomy.msg.layout import require

from drivers.gnss._port cimport PROTOCOL_MTDATA2, VALIDITY_ERROR, PortRow, fill_imu
from drivers.imu._mtdata2_frame cimport XBUS_EXTENDED
from drivers.serial._framing cimport frames_drop, frames_next, frames_push

require(__name__, LAYOUT_HASH)

cdef enum:
    MTDATA2 = 0x36
    SAMPLE_TIME_FINE = 0x1060   # data identifiers: group and type; the lowest four bits are axes (of orientations) and format
    ACCELERATION = 0x4020       # m/s2, gravity included
    RATE_OF_TURN = 0x8020       # rad/s
    STATUS_WORD = 0xE020
    IDENTIFIER_MASK = 0xFFF0
    FORMAT_MASK = 0x3           # float32, fixed point 12.20 and 16.32, float64
    CLIPPED = 0x3F00            # of the status word: accelerometer x y z, gyroscope x y z beyond their range
    HAS_ACCELERATION = 1
    HAS_RATE = 2
    HAS_TIME = 4
    IS_CLIPPED = 8
    IS_MALFORMED = 16

cdef int64_t TICK_NS = 100_000              # SampleTimeFine counts 10 kHz
cdef int64_t LONGEST_STEP_NS = 1_000_000_000    # between samples; beyond it the sensor's clock was set, or it was away
cdef int64_t DRIFT_PPM = 200                # two quartzes: each 100 ppm at most [D]


cdef uint32_t mtdata2_push(Mtdata2State *state, const uint8_t *data, uint32_t length, int64_t time_ns) noexcept nogil:
    return frames_push(&state.waiting, &state.counts, data, length, time_ns)


cdef int mtdata2_next(Mtdata2State *state, const PortRow *port, void *sample) noexcept nogil:
    """The next sample of the bytes taken: its kind, KIND_NONE when they hold no more."""
    cdef uint32_t position = 0
    cdef int32_t size
    cdef int kind = KIND_NONE
    while kind == KIND_NONE:
        size = frames_next(&state.waiting, &state.counts, PROTOCOL_MTDATA2, &position)
        if size == 0:
            break
        kind = take_message(state, port, &state.waiting.bytes[position], size, state.waiting.arrival_ns[position + size - 1],
                            <ImuSample *>sample)
        position += size
    frames_drop(&state.waiting, position)
    state.counts.samples += kind != KIND_NONE
    return kind


cdef int take_message(Mtdata2State *state, const PortRow *port, const uint8_t *frame, int32_t size, int64_t received_ns,
                      ImuSample *sample) noexcept nogil:
    cdef int32_t head = 6 if frame[3] == XBUS_EXTENDED else 4
    cdef uint32_t ticks = 0
    cdef int found
    cdef bint sound
    if frame[2] != MTDATA2 or not port.gives_imu:
        state.counts.unused += 1
        return KIND_NONE
    found = take_packets(state, &frame[head], size - head - 1, &ticks)
    if found & IS_MALFORMED:
        state.counts.malformed += 1
        return KIND_NONE
    if found & (HAS_ACCELERATION | HAS_RATE) != HAS_ACCELERATION | HAS_RATE:
        if found & (HAS_ACCELERATION | HAS_RATE):
            state.counts.incomplete += 1
        else:
            state.counts.unused += 1
        return KIND_NONE
    sound = not found & IS_CLIPPED and all_finite(state)
    fill_imu(port, state.readings, sample)
    if not sound:
        sample.validity = VALIDITY_ERROR
        sample.acceleration_x = sample.acceleration_y = sample.acceleration_z = NAN
        sample.angular_rate_x = sample.angular_rate_y = sample.angular_rate_z = NAN
    sample.received_time_ns = received_ns
    sample.valid_time_ns = (steady_time(state, ticks, received_ns) if found & HAS_TIME else received_ns) - port.delay_ns
    return KIND_IMU


cdef int take_packets(Mtdata2State *state, const uint8_t *payload, int32_t length, uint32_t *ticks) noexcept nogil:
    """Identifier (2 bytes), size, data, again and again, most significant byte first; which of them were there."""
    cdef int32_t position = 0, size
    cdef int found = 0, identifier, format
    while position < length:
        if position + 3 > length:
            return IS_MALFORMED
        identifier, size = payload[position] << 8 | payload[position + 1], payload[position + 2]
        position += 3
        if position + size > length:
            return IS_MALFORMED
        format = identifier & FORMAT_MASK
        identifier &= IDENTIFIER_MASK
        if identifier == ACCELERATION or identifier == RATE_OF_TURN:
            if size != 3 * width_of(format):
                return IS_MALFORMED
            take_vector(&payload[position], format, &state.readings[0 if identifier == ACCELERATION else 3])
            found |= HAS_ACCELERATION if identifier == ACCELERATION else HAS_RATE
        elif identifier == SAMPLE_TIME_FINE or identifier == STATUS_WORD:
            if size != 4:
                return IS_MALFORMED
            if identifier == SAMPLE_TIME_FINE:
                ticks[0] = read_big_u32(&payload[position])
                found |= HAS_TIME
            elif read_big_u32(&payload[position]) & CLIPPED:
                found |= IS_CLIPPED
        position += size
    return found


cdef inline int width_of(int format) noexcept nogil:
    return 6 if format == 2 else 8 if format == 3 else 4


cdef void take_vector(const uint8_t *data, int format, double *vector) noexcept nogil:
    cdef int place, width = width_of(format)
    for place in range(3):
        vector[place] = number_of(&data[place * width], format)


cdef double number_of(const uint8_t *data, int format) noexcept nogil:
    cdef uint32_t word = read_big_u32(data)
    cdef uint64_t both
    cdef float single
    cdef double value
    if format == 0:
        memcpy(&single, &word, sizeof(single))
        return single
    if format == 1:
        return <double><int32_t>word / 1048576.0
    if format == 2:  # the fraction first, then the whole part with its sign
        both = <uint64_t>(data[4] << 8 | data[5]) << 48 | <uint64_t>word << 16
        return <double>(<int64_t>both >> 16) / 4294967296.0
    both = <uint64_t>word << 32 | read_big_u32(&data[4])
    memcpy(&value, &both, sizeof(value))
    return value


cdef inline uint32_t read_big_u32(const uint8_t *at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef bint all_finite(const Mtdata2State *state) noexcept nogil:
    cdef int place
    for place in range(6):
        if not isfinite(state.readings[place]):
            return False
    return True


cdef int64_t steady_time(Mtdata2State *state, uint32_t ticks, int64_t received_ns) noexcept nogil:
    """When the sample was taken, but for the least way that any message had; never behind its arrival."""
    cdef int64_t step_ns = <int64_t><uint32_t>(ticks - state.ticks) * TICK_NS  # the counter wraps
    state.ticks = ticks
    if not state.clock_runs or step_ns > LONGEST_STEP_NS:
        state.clock_runs, state.sensor_ns, state.offset_ns = 1, 0, received_ns
        return received_ns
    state.sensor_ns += step_ns
    state.offset_ns = min(state.offset_ns + step_ns * DRIFT_PPM // 1_000_000, received_ns - state.sensor_ns)
    return state.sensor_ns + state.offset_ns
