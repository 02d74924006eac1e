"""Bytes of a line with the times they came, and the sound frames among them, for protocols of binary frames. Header only.

What turns out to be no frame is given up from its second byte on, so a disturbed byte costs the message it stands in and no
other. A frame found late keeps the time of its own last byte.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memmove

from drivers.gnss._port cimport PROTOCOL_UBX, PortCounts
from drivers.gnss._ubx_frame cimport ubx_checksum_holds, ubx_frame_size
from drivers.imu._mtdata2_frame cimport xbus_checksum_holds, xbus_frame_size

cdef enum:
    FRAMES_ROOM = 1024          # bytes of the longest frame of any of them
    BEGINS_NONE = -1            # of a frame's size: no frame begins with this byte; 0: more bytes are needed to tell
    IMPOSSIBLE = -2             # it begins as one, and its length cannot be
    # A frame of 1024 bytes takes 0.27 s at 38 400 baud, the slowest default. One that is not whole then had a wrong length.
    LONGEST_FRAME_NS = 300_000_000

cdef struct FrameBuffer:
    int64_t arrival_ns[FRAMES_ROOM]     # of each byte
    uint8_t bytes[FRAMES_ROOM]
    uint32_t length                     # bytes that wait
    uint32_t padding


cdef inline uint32_t frames_push(FrameBuffer *waiting, PortCounts *counts, const uint8_t *data, uint32_t length,
                                 int64_t time_ns) noexcept nogil:
    """Takes what there is room for and returns how many bytes that were; `frames_drop` makes room."""
    cdef uint32_t place, taken = min(length, <uint32_t>FRAMES_ROOM - waiting.length)
    memcpy(&waiting.bytes[waiting.length], data, taken)
    for place in range(waiting.length, waiting.length + taken):
        waiting.arrival_ns[place] = time_ns
    waiting.length += taken
    counts.bytes += taken
    return taken


cdef inline int32_t frames_next(const FrameBuffer *waiting, PortCounts *counts, int protocol, uint32_t *position) noexcept nogil:
    """The size of the next sound frame from `position` on, which goes to its first byte; 0 when there is no more."""
    cdef uint32_t remaining
    cdef int32_t size
    cdef const uint8_t *frame
    while position[0] < waiting.length:
        remaining, frame = waiting.length - position[0], &waiting.bytes[position[0]]
        size = ubx_frame_size(frame, remaining) if protocol == PROTOCOL_UBX else xbus_frame_size(frame, remaining)
        if size == BEGINS_NONE:
            position[0] += 1
            counts.skipped += 1
            continue
        if size == 0 or size > <int32_t>remaining:
            if waiting.arrival_ns[waiting.length - 1] - waiting.arrival_ns[position[0]] <= LONGEST_FRAME_NS:
                return 0
        elif size != IMPOSSIBLE and (ubx_checksum_holds(frame, size) if protocol == PROTOCOL_UBX
                                     else xbus_checksum_holds(frame, size)):
            counts.messages += 1
            return size
        position[0] += 1
        counts.malformed += 1
        counts.skipped += 1
    return 0


cdef inline void frames_drop(FrameBuffer *waiting, uint32_t position) noexcept nogil:
    """Forgets the bytes before `position`."""
    if position:
        waiting.length -= position
        memmove(waiting.bytes, &waiting.bytes[position], waiting.length)
        memmove(waiting.arrival_ns, &waiting.arrival_ns[position], waiting.length * sizeof(int64_t))
