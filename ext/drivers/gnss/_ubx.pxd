"""UBX, the binary protocol of u-blox receivers: bytes of a line into fixes (NAV-PVT) and IMU samples (ESF-MEAS).

Source: u-blox 8 / M8 Receiver Description Including Protocol Specification, UBX-13003221, chapter 32; the F9 interface
descriptions say the same of these two messages. UbxState is plain memory without pointers, all zeros at start.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from autonomy.msg.messages cimport GnssSample

from drivers.gnss._port cimport PortCounts, PortRow
from drivers.serial._framing cimport FrameBuffer

cdef struct UbxState:
    PortCounts counts
    FrameBuffer waiting
    double readings[6]          # of the ESF-MEAS set under way: accelerations x y z, angular rates x y z, sensor axes
    uint32_t time_tag           # of the set under way
    uint32_t present            # which readings it has, bit mask

cdef uint32_t ubx_push(UbxState *state, const uint8_t *data, uint32_t length, int64_t time_ns) noexcept nogil
cdef int ubx_next(UbxState *state, const PortRow *port, void *sample) noexcept nogil
