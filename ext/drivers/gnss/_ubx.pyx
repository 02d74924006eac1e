"""UBX frames into samples; see _ubx.pxd for the source, drivers/gnss/ubx_twin.py for the same stated plainly.

Frames are found by drivers/serial/_framing.pxd.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from autonomy.inputs._append cimport KIND_GNSS, KIND_IMU, KIND_NONE
from autonomy.msg.messages cimport LAYOUT_HASH, GnssSample, ImuSample

from autonomy.msg.layout import require

from drivers._unaligned cimport read_i32, read_u16, read_u32
from drivers.gnss._port cimport PROTOCOL_UBX, VALIDITY_NOT_AVAILABLE, PortRow, empty_fix, fill_imu, utc_ns
from drivers.gnss._ubx_frame cimport ESF_MEAS, NAV_PVT, UBX_FRAMING
from drivers.serial._framing cimport frames_drop, frames_next, frames_push

require(__name__, LAYOUT_HASH)

cdef enum:
    DATE_AND_TIME_VALID = 3     # `valid`: validDate, validTime
    FIX_OK = 1                  # `flags`: gnssFixOK
    DEAD_RECKONING = 1          # `fixType`; 5 is time only
    TWO_D = 2
    THREE_D = 3
    COMBINED = 4
    INVALID_POSITION = 1        # `flags3`: invalidLlh
    WHOLE_SET = 63

cdef double GYROSCOPE_UNIT = 3.141592653589793 / 180.0 / 4096.0  # deg/s 2^-12
cdef double ACCELEROMETER_UNIT = 1.0 / 1024.0                    # m/s2 2^-10


cdef uint32_t ubx_push(UbxState *state, const uint8_t *data, uint32_t length, int64_t time_ns) noexcept nogil:
    return frames_push(&state.waiting, &state.counts, data, length, time_ns)


cdef int ubx_next(UbxState *state, const PortRow *port, void *sample) noexcept nogil:
    """The next sample of the bytes taken: its kind, KIND_NONE when they hold no more."""
    cdef uint32_t position = 0
    cdef int32_t size
    cdef int kind = KIND_NONE
    while kind == KIND_NONE:
        size = frames_next(&state.waiting, &state.counts, PROTOCOL_UBX, &position)
        if size == 0:
            break
        kind = take_message(state, port, position, size, sample)
        position += size
    frames_drop(&state.waiting, position)
    state.counts.samples += kind != KIND_NONE
    return kind


cdef int take_message(UbxState *state, const PortRow *port, uint32_t position, uint32_t size, void *sample) noexcept nogil:
    cdef const uint8_t *frame = &state.waiting.bytes[position]
    cdef int64_t received_ns = state.waiting.arrival_ns[position + size - 1]
    cdef int name = frame[2] << 8 | frame[3]
    if name == NAV_PVT and port.gives_gnss:
        take_fix(&frame[6], size - UBX_FRAMING, <GnssSample *>sample)
        (<GnssSample *>sample).source = port.source
        (<GnssSample *>sample).received_time_ns = received_ns
        (<GnssSample *>sample).valid_time_ns = received_ns - port.delay_ns
        return KIND_GNSS
    if name == ESF_MEAS and port.gives_imu:
        if not take_readings(state, &frame[6], size - UBX_FRAMING):
            return KIND_NONE
        fill_imu(port, state.readings, <ImuSample *>sample)
        (<ImuSample *>sample).received_time_ns = received_ns
        (<ImuSample *>sample).valid_time_ns = received_ns - port.delay_ns
        return KIND_IMU
    state.counts.unused += 1
    return KIND_NONE


cdef void take_fix(const uint8_t *payload, uint32_t length, GnssSample *fix) noexcept nogil:
    """NAV-PVT. Without a fix the sample says so (not available) and keeps the time alone."""
    cdef int type = payload[20]
    empty_fix(fix)
    fix.satellites = payload[23]
    fix.fix_type = type if type == TWO_D or type == THREE_D else THREE_D if type == COMBINED else 0
    if payload[11] & DATE_AND_TIME_VALID == DATE_AND_TIME_VALID:
        fix.utc_time_ns = utc_ns(read_u16(payload + 4), payload[6], payload[7],
                                 ((payload[8] * 60 + payload[9]) * 60 + payload[10]) * <int64_t>1_000_000_000
                                 + read_i32(payload + 16))
    if not payload[21] & FIX_OK or not DEAD_RECKONING < type <= COMBINED or payload[78] & INVALID_POSITION:
        fix.validity = VALIDITY_NOT_AVAILABLE
        return
    fix.longitude_deg = read_i32(payload + 24) / 1e7
    fix.latitude_deg = read_i32(payload + 28) / 1e7
    fix.altitude_m = read_i32(payload + 32) / 1e3        # above the ellipsoid
    fix.position_sigma = read_u32(payload + 40) / 1e3  # hAcc, taken as it is
    fix.altitude_sigma = read_u32(payload + 44) / 1e3
    fix.velocity_north = read_i32(payload + 48) / 1e3
    fix.velocity_east = read_i32(payload + 52) / 1e3
    fix.velocity_up = -(read_i32(payload + 56) / 1e3)
    fix.speed = read_i32(payload + 60) / 1e3
    fix.course_deg = read_i32(payload + 64) / 1e5
    fix.speed_sigma = read_u32(payload + 68) / 1e3
    fix.course_sigma_deg = read_u32(payload + 72) / 1e5


cdef bint take_readings(UbxState *state, const uint8_t *payload, uint32_t length) noexcept nogil:
    """ESF-MEAS: the readings of one time tag come in one message or in several. True when the set of six is whole."""
    cdef uint32_t tag = read_u32(payload), count = read_u16(payload + 4) >> 11, place, word
    cdef int reading
    if 8 + 4 * count > length:
        state.counts.malformed += 1
        return False
    if state.present and tag != state.time_tag:
        state.counts.incomplete += 1
        state.present = 0
    state.time_tag = tag
    for place in range(count):
        word = read_u32(payload + 8 + 4 * place)
        reading = reading_of(word >> 24 & 63)
        if reading >= 0:
            # 24 bits with a sign
            state.readings[reading] = <double>(<int32_t>(word << 8) >> 8) \
                * (ACCELEROMETER_UNIT if reading < 3 else GYROSCOPE_UNIT)
            state.present |= <uint32_t>1 << reading
    if state.present != WHOLE_SET:
        return False
    state.present = 0
    return True


cdef int reading_of(uint32_t type) noexcept nogil:
    """Place among the readings: accelerometer x y z are types 16 17 18, gyroscope x y z are 14 13 5."""
    if 16 <= type <= 18:
        return <int>type - 16
    return 3 if type == 14 else 4 if type == 13 else 5 if type == 5 else -1
