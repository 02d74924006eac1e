"""Lists of a Continental ARS548 out of its packets. Layout: drivers/radar/ars548.py; the same plainly: decoder_twin.py."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.math cimport NAN, cos, isfinite, sin
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

import numpy as np

from autonomy.msg.messages cimport (
    LAYOUT_HASH,
    RadarDetection,
    RadarDetection_INVALID_AZIMUTH,
    RadarDetection_INVALID_AZIMUTH_SIGMA,
    RadarDetection_INVALID_ELEVATION,
    RadarDetection_INVALID_ELEVATION_SIGMA,
    RadarDetection_INVALID_RANGE,
    RadarDetection_INVALID_RANGE_RATE,
    RadarDetection_INVALID_RANGE_RATE_SIGMA,
    RadarDetection_INVALID_RANGE_SIGMA,
    RadarObject,
)

from autonomy.msg import dtype
from autonomy.msg.layout import require

from drivers.radar._big_endian cimport read_big_float, read_big_u16, read_big_u32

require(__name__, LAYOUT_HASH)

cdef int64_t SECOND_NS = 1000000000
cdef int64_t CYCLE_NS = 50000000    # [M] 20 Hz
cdef int64_t MORE_LOST = 20         # [D] lists, more than twice what the time allows: then the sender's counter has begun anew
cdef int64_t MOST_TIME = <int64_t>1 << 62


cdef Verdict kind_of(const uint8_t* packet, uint32_t length) noexcept nogil:
    cdef uint32_t method, size
    cdef Verdict found
    if length < 16 or read_big_u16(packet) != 0:
        return OTHER
    method = read_big_u16(packet + 2)
    if method == DETECTION_METHOD:
        size, found = DETECTIONS_SIZE, DETECTIONS
    elif method == OBJECT_METHOD:
        size, found = OBJECTS_SIZE, OBJECTS
    else:
        return OTHER
    if length != size or read_big_u32(packet + 4) != size - 8 or read_big_u32(packet + 36) >= SECOND_NS:
        return MALFORMED
    if found == DETECTIONS:
        return found if read_big_u32(packet + DETECTION_COUNT) <= MOST_DETECTIONS else MALFORMED
    return found if packet[50] <= MOST_OBJECTS else MALFORMED


cdef bint is_protected(const uint8_t* packet) noexcept nogil:
    """Whether the sender fills its end-to-end header (E2E profile 7): recordings may hold zeros there."""
    cdef int i
    for i in range(16, 36):
        if packet[i]:
            return True
    return False


cdef bint is_next(Ars548State* state, Stream* stream, const uint8_t* packet, int64_t stamp_ns) noexcept nogil:
    """False for a stale list. Counts what was lost before it."""
    cdef int64_t counter = read_big_u32(packet + 28) if is_protected(packet) else -1
    cdef int64_t gap_ns = stamp_ns - stream.stamp_ns, ahead
    cdef int64_t elapsed = (gap_ns + CYCLE_NS // 2) // CYCLE_NS - 1 if gap_ns > CYCLE_NS else 0  # lists, by time
    cdef int64_t missed = elapsed if gap_ns <= SECOND_NS else 0  # beyond, the sensor's clock may have been set
    if stream.stamp_ns >= 0:
        if gap_ns > SECOND_NS or gap_ns < -SECOND_NS:
            state.counts.clock_jumps += 1
        if counter >= 0 and stream.counter >= 0:
            ahead = (counter - stream.counter) & <int64_t>0xFFFFFFFF
            if ahead == 0 or (ahead > <int64_t>0xFFFFFFFF - 3 and gap_ns > -SECOND_NS):
                return False
            if ahead - 1 <= 2 * elapsed + MORE_LOST:
                missed = ahead - 1
        elif -SECOND_NS <= gap_ns <= 0:
            return False
        state.counts.lost += <uint64_t>missed
    stream.stamp_ns, stream.counter = stamp_ns, counter
    return True


cdef inline double number(Ars548State* state, const uint8_t* at, bint is_invalid) noexcept nogil:
    cdef double value = read_big_float(at)
    if is_invalid:
        return NAN
    if not isfinite(value):
        state.counts.unreadable += 1
        return NAN
    return value


cdef void read_detection(Ars548State* state, const uint8_t* at, RadarDetection* row) noexcept nogil:
    cdef uint16_t invalid = at[8]
    cdef double flat
    row.time_ns = state.time_ns
    row.azimuth = number(state, at, invalid & RadarDetection_INVALID_AZIMUTH)
    row.azimuth_sigma = number(state, at + 4, invalid & RadarDetection_INVALID_AZIMUTH_SIGMA)
    row.elevation = number(state, at + 9, invalid & RadarDetection_INVALID_ELEVATION)
    row.elevation_sigma = number(state, at + 13, invalid & RadarDetection_INVALID_ELEVATION_SIGMA)
    row.range = number(state, at + 17, invalid & RadarDetection_INVALID_RANGE)
    row.range_sigma = number(state, at + 21, invalid & RadarDetection_INVALID_RANGE_SIGMA)
    row.range_rate = number(state, at + 25, invalid & RadarDetection_INVALID_RANGE_RATE)
    row.range_rate_sigma = number(state, at + 29, invalid & RadarDetection_INVALID_RANGE_RATE_SIGMA)
    flat = row.range * cos(row.elevation) if isfinite(row.elevation) else row.range
    row.x = flat * cos(row.azimuth)
    row.y = flat * sin(row.azimuth)
    row.rcs_dbsm = <double><int8_t>at[33]
    row.existence = 0.01 * at[36]
    row.multi_target = 0.01 * at[38]
    row.ambiguity = 0.01 * at[41]
    row.over_ground = NAN
    row.target_id = read_big_u16(at + 34)
    row.object_id = read_big_u16(at + 39)
    row.flags = invalid
    row.looks = 0
    row.classification = at[37]
    row.label = 0
    row.padding[0] = row.padding[1] = row.padding[2] = row.padding[3] = 0


cdef void read_motion(Ars548State* state, const uint8_t* at, double* values, double* sigmas, double* covariance) noexcept nogil:
    """One group of a vector in the plane: flags, x, its sigma, y, its sigma, covariance."""
    cdef bint is_invalid = at[0] != 0
    values[0] = number(state, at + 1, is_invalid)
    sigmas[0] = number(state, at + 5, is_invalid)
    values[1] = number(state, at + 9, is_invalid)
    sigmas[1] = number(state, at + 13, is_invalid)
    covariance[0] = number(state, at + 17, is_invalid)


cdef void read_object(Ars548State* state, const uint8_t* at, RadarObject* row) noexcept nogil:
    cdef bint is_invalid = read_big_u16(at + 10) != 0
    cdef int i
    row.time_ns = state.time_ns
    row.object_id = read_big_u32(at + 2)
    row.age = read_big_u16(at + 6)
    row.measured, row.movement, row.reference = at[8], at[9], at[12]
    row.x = number(state, at + 13, is_invalid)
    row.x_sigma = number(state, at + 17, is_invalid)
    row.y = number(state, at + 21, is_invalid)
    row.y_sigma = number(state, at + 25, is_invalid)
    row.z = number(state, at + 29, is_invalid)
    row.z_sigma = number(state, at + 33, is_invalid)
    row.xy_covariance = number(state, at + 37, is_invalid)
    row.yaw = number(state, at + 41, is_invalid)
    row.yaw_sigma = number(state, at + 45, is_invalid)
    row.existence = 0.01 * number(state, at + 50, at[49] != 0)
    memcpy(row.likelihood, at + 58, 10)
    read_motion(state, at + 68, &row.velocity_x, &row.velocity_x_sigma, &row.velocity_covariance)
    read_motion(state, at + 89, &row.relative_velocity_x, &row.relative_velocity_x_sigma, &row.relative_velocity_covariance)
    read_motion(state, at + 110, &row.acceleration_x, &row.acceleration_x_sigma, &row.acceleration_covariance)
    read_motion(state, at + 131, &row.relative_acceleration_x, &row.relative_acceleration_x_sigma,
                &row.relative_acceleration_covariance)
    row.yaw_rate = number(state, at + 153, at[152] != 0)
    row.yaw_rate_sigma = number(state, at + 157, at[152] != 0)
    row.length = number(state, at + 166, at[165] != 0)
    row.length_sigma = number(state, at + 170, at[165] != 0)
    row.width = number(state, at + 179, at[178] != 0)
    row.width_sigma = number(state, at + 183, at[178] != 0)
    for i in range(5):
        row.padding[i] = 0


cdef Verdict take_packet(Ars548State* state, const uint8_t* packet, uint32_t length, int64_t received_ns) noexcept nogil:
    cdef Verdict kind = kind_of(packet, length)
    cdef int64_t stamp_ns
    cdef uint32_t i
    if kind == OTHER:
        state.counts.other += 1
        return OTHER
    if kind == MALFORMED:
        state.counts.malformed += 1
        return MALFORMED
    stamp_ns = read_big_u32(packet + 40) * SECOND_NS + read_big_u32(packet + 36)
    if not is_next(state, &state.streams[0 if kind == DETECTIONS else 1], packet, stamp_ns):
        state.counts.stale += 1
        return STALE
    state.counts.packets += 1
    state.stamp_ns = stamp_ns
    state.time_ns = stamp_ns if state.is_sensor_time else received_ns
    if kind == DETECTIONS:
        state.count = read_big_u32(packet + DETECTION_COUNT)
        state.counts.detections += state.count
        for i in range(state.count):
            read_detection(state, packet + FIRST_DETECTION + i * DETECTION_SIZE, &state.detections[i])
    else:
        state.count = packet[50]
        state.counts.objects += state.count
        for i in range(state.count):
            read_object(state, packet + FIRST_OBJECT + i * OBJECT_SIZE, &state.objects[i])
    return kind


cdef class Ars548Kernel:
    """One sensor's packets."""

    cdef Ars548State* state

    def __cinit__(self, bint is_sensor_time):
        self.state = <Ars548State*>PyMem_RawCalloc(1, sizeof(Ars548State))
        if self.state == NULL:
            raise MemoryError
        self.state.is_sensor_time = is_sensor_time
        self.state.streams[0].stamp_ns = self.state.streams[1].stamp_ns = -1
        self.state.streams[0].counter = self.state.streams[1].counter = -1

    def __dealloc__(self):
        PyMem_RawFree(self.state)

    def push(self, packet, int64_t received_ns):
        """RadarDetection [n] or RadarObject [n] of a list, None for what is none."""
        cdef Py_buffer view
        cdef Verdict verdict
        if not 0 <= received_ns < MOST_TIME:
            raise ValueError(f"a packet received at {received_ns} ns; the log's clock counts from 0")
        PyObject_GetBuffer(packet, &view, PyBUF_SIMPLE)
        with nogil:
            verdict = take_packet(self.state, <const uint8_t*>view.buf, <uint32_t>view.len, received_ns)
        PyBuffer_Release(&view)
        if verdict == DETECTIONS:
            return copied("RadarDetection", <const uint8_t*>&self.state.detections[0], self.state.count, sizeof(RadarDetection))
        if verdict == OBJECTS:
            return copied("RadarObject", <const uint8_t*>&self.state.objects[0], self.state.count, sizeof(RadarObject))
        return None

    def times(self) -> tuple[int, int]:
        """Of the list taken last: on the log's clock, on the sensor's."""
        return self.state.time_ns, self.state.stamp_ns

    def counts(self) -> dict:
        return self.state.counts


cdef object copied(str name, const uint8_t* memory, uint32_t count, size_t size):
    rows = np.empty(count, dtype(name))
    cdef uint8_t[::1] room
    if count:
        room = rows.view(np.uint8)
        memcpy(&room[0], memory, count * size)
    return rows
