"""How an Xbus message is known from any bytes: FA FF, message, length, payload, a byte that makes the sum of all but the first 0.

Source: see _mtdata2.pxd. Header only.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t

cdef enum:
    XBUS_LONGEST = 1024         # bytes of the longest message that is waited for
    XBUS_EXTENDED = 255         # `length`: the next two bytes, most significant first, tell it


cdef inline int32_t xbus_frame_size(const uint8_t *frame, uint32_t remaining) noexcept nogil:
    """See drivers/serial/_framing.pxd."""
    cdef int32_t size
    if frame[0] != 0xFA or (remaining > 1 and frame[1] != 0xFF):
        return -1
    if remaining < 4 or (frame[3] == XBUS_EXTENDED and remaining < 6):
        return 0
    size = 5 + frame[3] if frame[3] != XBUS_EXTENDED else 7 + (frame[4] << 8 | frame[5])
    return size if size <= XBUS_LONGEST else -2


cdef inline bint xbus_checksum_holds(const uint8_t *frame, int32_t size) noexcept nogil:
    cdef uint8_t total = 0
    cdef int32_t place
    for place in range(1, size):
        total += frame[place]
    return total == 0
