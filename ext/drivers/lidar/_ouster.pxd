"""What the packets of an Ouster say beside their distances. Layouts: drivers/lidar/ouster.py."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from drivers._unaligned cimport read_u16, read_u32, read_u64
from drivers.lidar._packet cimport MALFORMED, OTHER, SOUND, PacketInfo, Verdict
from drivers.lidar._tables cimport LidarTables

cdef enum:
    LEGACY_HEADER = 16           # bytes of a column's; 12 since there is a packet header

cdef extern from *:
    """
    static const uint64_t MOST_TIME_NS = 1ull << 62;
    static const int64_t LONGEST_PACKET_NS = 100000000;
    """
    const uint64_t MOST_TIME_NS
    const int64_t LONGEST_PACKET_NS


cdef inline const uint8_t *column_at(const LidarTables *tables, const uint8_t *packet, uint32_t column) noexcept nogil:
    return packet + tables.header + column * tables.block_size


cdef inline bint column_is_valid(const LidarTables *tables, const uint8_t *column) noexcept nogil:
    if tables.block_header == LEGACY_HEADER:
        return read_u32(column + tables.block_size - 4) == <uint32_t>0xFFFFFFFF
    return column[10] & 1


cdef inline Verdict read_ouster(const LidarTables *tables, const uint8_t *packet, uint32_t length,
                                PacketInfo *info) noexcept nogil:
    cdef uint32_t column, frame, per_turn = tables.azimuth_units // tables.blocks
    cdef const uint8_t *at = column_at(tables, packet, 0)
    cdef uint64_t time_ns
    if length != tables.size:
        return MALFORMED
    if tables.header and read_u16(packet) != 1:  # packet type: lidar
        return OTHER
    info.sensor_ns = <int64_t>read_u64(at)
    for column in range(tables.blocks):
        at = column_at(tables, packet, column)
        time_ns = read_u64(at)
        if time_ns >= MOST_TIME_NS or read_u16(at + 8) >= tables.azimuth_units:
            return MALFORMED
        if not -LONGEST_PACKET_NS < <int64_t>time_ns - info.sensor_ns < LONGEST_PACKET_NS:
            return MALFORMED
    at = column_at(tables, packet, 0)
    frame = read_u16(packet + 2) if tables.header else read_u16(at + 10)
    info.period_ns = 0
    info.returns = 1
    # Frames and columns are counted: so is the packet
    info.sequence = <int64_t>frame * per_turn + read_u16(at + 8) // tables.blocks
    return SOUND
