"""Where each block of a packet looks when it begins, and how far it turns until the next.

Packets state one azimuth a block, of its beginning (Velodyne) or for all of it (Hesai). Between two of them the sensor turns
evenly; over the last it turns as over the one before. A single column is carried on by what the packets before it turned.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from drivers._unaligned cimport read_u16
from drivers.lidar._tables cimport MOST_BLOCKS, VELODYNE, LidarTables

ctypedef struct Azimuths:
    float start[MOST_BLOCKS]
    float step[MOST_BLOCKS]      # within the period of one column


cdef inline int32_t stated(const LidarTables *tables, const uint8_t *packet, uint32_t block) noexcept nogil:
    return read_u16(packet + tables.header + block * tables.block_size + tables.block_header - 2)


cdef inline int32_t turned_by(const LidarTables *tables, int32_t earlier, int32_t later) noexcept nogil:
    return later - earlier if later >= earlier else later - earlier + tables.azimuth_units


cdef inline float plausible(float step) noexcept nogil:
    """A disturbed azimuth turns nothing: no sensor goes through 10 degrees in a column's 50 us."""
    return step if step < 1000.0 else 0.0


cdef inline void azimuths_of(const LidarTables *tables, const uint8_t *packet, uint32_t blocks, uint32_t group, uint32_t returns,
                             float columns, float step_before, Azimuths *azimuths) noexcept nogil:
    """`group` blocks state the same azimuth and hold that many columns; a lone group turns by `step_before`."""
    cdef uint32_t first = 0, block
    cdef float step = step_before
    if tables.is_nebula and tables.family == VELODYNE:
        nebula_azimuths(tables, packet, blocks, returns, columns, azimuths)
        return
    while first < blocks:
        if tables.family != VELODYNE:
            step = 0.0
        elif first + group < blocks:
            step = <float>turned_by(tables, stated(tables, packet, first), stated(tables, packet, first + group)) / columns
        for block in range(first, first + group):
            azimuths.start[block] = <float>stated(tables, packet, first)
            azimuths.step[block] = plausible(step)
        first += group


cdef inline void nebula_azimuths(const LidarTables *tables, const uint8_t *packet, uint32_t blocks, uint32_t returns,
                                 float columns, Azimuths *azimuths) noexcept nogil:
    """As the open driver nebula has them, for comparison with what it decoded.

    It does not turn any model within the packet's last block; turns a VLS-128 from block to block, of which four state the same
    azimuth; and gives the second return of a VLP-16 the azimuth of the pair that follows.
    """
    cdef uint32_t block
    cdef int32_t azimuth, following = stated(tables, packet, 0), turn = 0
    for block in range(blocks):
        azimuth = following
        if block < tables.blocks - returns:
            following = stated(tables, packet, block + returns)
            turn = turned_by(tables, azimuth, following)
        elif block == (blocks if blocks < tables.blocks else tables.blocks - returns + 1) - 1:
            turn = 0
        azimuths.start[block] = <float>azimuth
        azimuths.step[block] = plausible(<float>turn / columns)


cdef inline int64_t nebula_delay_ns(const LidarTables *tables, uint32_t returns, uint32_t first, uint32_t block) noexcept nogil:
    """By which that driver has a block later than it was: it counts the blocks of two returns as if they held one."""
    if tables.is_nebula and tables.rings == 16 and returns == 2:
        return <int64_t>(2 * block - first) * tables.column_period_ns
    return 0
