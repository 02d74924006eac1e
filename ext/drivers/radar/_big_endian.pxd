"""Big-endian numbers out of bytes where nothing is aligned."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy


cdef inline uint16_t read_big_u16(const uint8_t* at) noexcept nogil:
    return <uint16_t>(at[0] << 8 | at[1])


cdef inline uint32_t read_big_u32(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline double read_big_float(const uint8_t* at) noexcept nogil:
    cdef uint32_t bits = read_big_u32(at)
    cdef float value
    memcpy(&value, &bits, sizeof(value))
    return value
