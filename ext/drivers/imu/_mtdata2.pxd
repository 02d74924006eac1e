"""MTData2, what Xsens MTi inertial sensors say over Xbus: bytes of a line into IMU samples.

Source: Xsens, MT Low Level Communication Protocol Documentation, MT0101P: MTData2 (message 0x36), data identifiers, formats [M].
Mtdata2State is plain memory without pointers, all zeros at start.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from drivers.gnss._port cimport PortCounts, PortRow
from drivers.serial._framing cimport FrameBuffer

cdef struct Mtdata2State:
    PortCounts counts
    FrameBuffer waiting
    double readings[6]          # accelerations x y z, angular rates x y z, sensor axes
    int64_t sensor_ns           # since its clock was first heard
    int64_t offset_ns           # our clock less that: the least of late, for a message can come late only
    uint32_t ticks              # SampleTimeFine of the last sample
    uint32_t clock_runs

cdef uint32_t mtdata2_push(Mtdata2State *state, const uint8_t *data, uint32_t length, int64_t time_ns) noexcept nogil
cdef int mtdata2_next(Mtdata2State *state, const PortRow *port, void *sample) noexcept nogil
