"""How a UBX frame is known from any bytes: B5 62, class, id, length (uint16), payload, two bytes of Fletcher's checksum.

Source: see _ubx.pxd. Header only.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t

from drivers._unaligned cimport read_u16

cdef enum:
    UBX_FRAMING = 8             # bytes of a frame beside its payload
    UBX_LONGEST = 1024          # bytes of the longest frame that is waited for
    NAV_PVT = 0x0107            # class, id
    NAV_PVT_LENGTH = 92
    NAV_PVT_LENGTH_7 = 84       # u-blox 7, protocol version 14: without headVeh and the magnetic declination
    ESF_MEAS = 0x1002


cdef inline int32_t ubx_frame_size(const uint8_t *frame, uint32_t remaining) noexcept nogil:
    """See drivers/serial/_framing.pxd. A length that no message of this class and id has is known before its bytes come."""
    cdef int32_t size
    cdef int name
    cdef bint possible
    if frame[0] != 0xB5 or (remaining > 1 and frame[1] != 0x62):
        return -1
    if remaining < 6:
        return 0
    size, name = UBX_FRAMING + read_u16(&frame[4]), frame[2] << 8 | frame[3]
    if name == NAV_PVT:
        possible = size == UBX_FRAMING + NAV_PVT_LENGTH or size == UBX_FRAMING + NAV_PVT_LENGTH_7
    elif name == ESF_MEAS:
        possible = UBX_FRAMING + 8 <= size <= UBX_FRAMING + 8 + 4 * 32 and size % 4 == 0
    else:
        possible = size <= UBX_LONGEST
    return size if possible else -2


cdef inline bint ubx_checksum_holds(const uint8_t *frame, int32_t size) noexcept nogil:
    cdef uint8_t a = 0, b = 0
    cdef int32_t place
    for place in range(2, size - 2):
        a += frame[place]
        b += a
    return a == frame[size - 2] and b == frame[size - 1]
