"""What the packets of Velodyne and Hesai say beside their distances. Layouts: drivers/lidar/velodyne.py, hesai.py."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from autonomy.msg.messages cimport (
    LidarPoint_RETURN_FIRST,
    LidarPoint_RETURN_LAST,
    LidarPoint_RETURN_SECOND_STRONGEST,
    LidarPoint_RETURN_STRONGEST,
    LidarPoint_RETURN_STRONGEST_AND_LAST,
    LidarPoint_RETURN_UNKNOWN,
)

from drivers._unaligned cimport read_u16, read_u32
from drivers.gnss._port cimport utc_ns
from drivers.lidar._tables cimport HESAI, VELODYNE, LidarTables

cdef enum Verdict:
    SOUND
    MALFORMED
    OTHER

cdef enum:
    POSITION_SIZE = 512          # Velodyne's other packet: GNSS sentence and status

cdef extern from *:
    """
    static const int64_t HOUR_NS = 3600000000000ll;
    """
    const int64_t HOUR_NS

ctypedef struct PacketInfo:
    int64_t sensor_ns            # the sensor's time
    int64_t period_ns            # after which that begins anew, 0 = never
    int64_t sequence             # -1 = not counted
    uint32_t returns             # 1 or 2
    uint8_t kinds[3]             # of the first return, of the second, of two equal ones


cdef inline Verdict read_packet(const LidarTables *tables, const uint8_t *packet, uint32_t length,
                                 PacketInfo *info) noexcept nogil:
    if tables.family == VELODYNE:
        return read_velodyne(tables, packet, length, info)
    return read_hesai(tables, packet, length, info)


cdef inline bint azimuths_hold(const LidarTables *tables, const uint8_t *packet, uint32_t blocks) noexcept nogil:
    cdef uint32_t block
    for block in range(blocks):
        if read_u16(packet + tables.header + block * tables.block_size + tables.block_header - 2) >= tables.azimuth_units:
            return False
    return True


cdef inline Verdict read_velodyne(const LidarTables *tables, const uint8_t *packet, uint32_t length,
                                   PacketInfo *info) noexcept nogil:
    cdef uint32_t block, bank, banks = tables.rings // tables.channels if tables.rings > <int>tables.channels else 1
    cdef uint32_t used, micro
    if length != tables.size:
        return OTHER if length == POSITION_SIZE else MALFORMED
    if packet[1205] != tables.model:
        return OTHER if packet[0] == 0xFF and packet[1] == 0xEE else MALFORMED
    info.returns = 2 if packet[1204] == 0x39 else 1
    set_kinds(info, packet[1204])
    if info.kinds[0] == LidarPoint_RETURN_UNKNOWN:
        return MALFORMED
    micro = read_u32(packet + 1200)
    info.period_ns = HOUR_NS
    info.sensor_ns = <int64_t>micro * 1000
    info.sequence = -1
    if info.sensor_ns >= HOUR_NS:
        return MALFORMED
    used = 8 if banks == 4 and info.returns == 2 else tables.blocks  # a VLS-128 with two returns leaves four blocks empty
    for block in range(used):
        bank = block // info.returns % banks
        if read_u16(packet + block * tables.block_size) != <uint32_t>(0xEEFF - 0x1100 * bank):
            return MALFORMED
    return SOUND if azimuths_hold(tables, packet, used) else MALFORMED


cdef inline Verdict read_hesai(const LidarTables *tables, const uint8_t *packet, uint32_t length,
                                PacketInfo *info) noexcept nogil:
    """Of a Pandar64 (header of 8 bytes) and an XT32 (12). The count at the end may be switched off."""
    cdef const uint8_t *tail = packet + tables.header + tables.blocks * tables.block_size
    cdef bint is_long = tables.header == 12
    cdef const uint8_t *date
    cdef uint32_t micro
    cdef uint8_t mode
    if length != tables.size and length != tables.size - 4:
        return MALFORMED
    if packet[0] != 0xEE or packet[1] != 0xFF:
        return MALFORMED
    if packet[6 if is_long else 2] != tables.rings or packet[7 if is_long else 3] != tables.blocks:
        return OTHER
    if packet[9 if is_long else 5] != 4:  # mm: the unit of distances
        return OTHER
    # Return mode, speed and time of day stand in another order
    mode = tail[10 if is_long else 14]
    date = tail + (13 if is_long else 16)
    micro = read_u32(tail + (19 if is_long else 10))
    info.returns = 2 if mode >= 0x39 else 1
    set_kinds(info, mode)
    if info.kinds[0] == LidarPoint_RETURN_UNKNOWN or micro >= 1_000_000:
        return MALFORMED
    if not (1 <= date[1] <= 12 and 1 <= date[2] <= 31 and date[3] < 24 and date[4] < 60 and date[5] <= 60):
        return MALFORMED
    info.period_ns = 0
    info.sensor_ns = utc_ns(1900 + date[0], date[1], date[2],
                            ((date[3] * 60 + date[4]) * 60 + date[5]) * <int64_t>1_000_000_000 + <int64_t>micro * 1000)
    info.sequence = read_u32(packet + tables.size - 4) if length == tables.size else -1
    return SOUND if azimuths_hold(tables, packet, tables.blocks) else MALFORMED


cdef inline void set_kinds(PacketInfo *info, uint8_t mode) noexcept nogil:
    """Both vendors number the modes alike."""
    info.kinds[2] = LidarPoint_RETURN_STRONGEST_AND_LAST
    info.kinds[1] = LidarPoint_RETURN_STRONGEST
    if mode == 0x37:
        info.kinds[0] = LidarPoint_RETURN_STRONGEST
    elif mode == 0x38 or mode == 0x39:
        info.kinds[0] = LidarPoint_RETURN_LAST
    elif mode == 0x33:
        info.kinds[0] = LidarPoint_RETURN_FIRST
    elif mode == 0x3B:
        info.kinds[0] = LidarPoint_RETURN_LAST
        info.kinds[1] = LidarPoint_RETURN_FIRST
    elif mode == 0x3C:
        info.kinds[0] = LidarPoint_RETURN_FIRST
    else:
        info.kinds[0] = LidarPoint_RETURN_UNKNOWN
