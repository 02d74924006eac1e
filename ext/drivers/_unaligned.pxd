"""Little-endian numbers out of bytes where nothing is aligned."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef inline uint16_t read_u16(const uint8_t* at) noexcept nogil:
    cdef uint16_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline uint32_t read_u32(const uint8_t* at) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline int32_t read_i32(const uint8_t* at) noexcept nogil:
    return <int32_t> read_u32(at)


cdef inline uint64_t read_u64(const uint8_t* at) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline int64_t read_i64(const uint8_t* at) noexcept nogil:
    return <int64_t> read_u64(at)
