"""Distances of one firing into points.

Thirty-two lasers at a time: over a fixed number the compiler does arithmetic eight by eight, and what was written one by one has
arrived in memory when it is read so. A point is written at any rate and kept when its distance is one: a branch there is guessed
wrong too often.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from autonomy.msg.messages cimport LidarPoint, LidarPoint_RETURN_SECOND_STRONGEST, LidarPoint_RETURN_STRONGEST

from drivers._unaligned cimport read_u16, read_u32
from drivers.lidar._tables cimport HESAI, LidarTables

cdef enum:
    LANES = 32

# What the lasers of one azimuth have in common
ctypedef struct Firing:
    uint32_t lane                # of the tables, the first one
    uint32_t count               # a multiple of LANES
    float azimuth                # in units, when their column began
    float step                   # turned by within a column's period
    int32_t time_offset_ns
    uint16_t column
    uint8_t flags

ctypedef struct Lanes:
    int32_t distance[LANES]
    uint32_t intensity[LANES]
    float turn[LANES][2]
    # A point in the three pieces it is written in: field by field that would take longer than all the rest
    float position[LANES][4]     # x, y, z and what is written over
    uint64_t measured[LANES]     # time, intensity, column
    uint32_t codes[LANES]        # ring, kind, flags


cdef inline void aim(const LidarTables *tables, const Firing *firing, uint32_t first, Lanes *lanes) noexcept nogil:
    """Azimuths at the resolution of the packets: what a sensor would state for each laser alone."""
    cdef const float *turned = &tables.turned[first]
    cdef const float *ahead = &tables.ahead[first]
    cdef float azimuth, units = <float>tables.azimuth_units
    cdef int32_t index[LANES]
    cdef int32_t all_units = tables.azimuth_units
    cdef uint32_t lane
    for lane in range(LANES):
        azimuth = firing.azimuth + firing.step * turned[lane] + ahead[lane]
        azimuth += units if azimuth < <float>0.0 else <float>0.0
        index[lane] = <int32_t>(azimuth + <float>0.5)
        index[lane] -= all_units if index[lane] >= all_units else 0
    for lane in range(LANES):
        memcpy(&lanes.turn[lane], &tables.turn[index[lane]], 8)


cdef inline void aim_together(const LidarTables *tables, const Firing *firing, Lanes *lanes) noexcept nogil:
    """All lasers at the azimuth of their column."""
    cdef const float *turn = &tables.turn[<int32_t>firing.azimuth][0]
    cdef uint32_t lane
    for lane in range(LANES):
        lanes.turn[lane][0] = turn[0]
        lanes.turn[lane][1] = turn[1]


cdef inline void place(const LidarTables *tables, uint32_t first, Lanes *lanes) noexcept nogil:
    cdef const float *beam_x = &tables.beam_x[first]
    cdef const float *beam_y = &tables.beam_y[first]
    cdef const float *beam_z = &tables.beam_z[first]
    cdef const float *origin_x = &tables.origin_x[first]
    cdef const float *origin_y = &tables.origin_y[first]
    cdef const float *origin_z = &tables.origin_z[first]
    cdef uint32_t lane
    cdef float n, x, y
    for lane in range(LANES):
        n = <float>lanes.distance[lane]
        x = beam_x[lane] * n + origin_x[lane]
        y = beam_y[lane] * n + origin_y[lane]
        lanes.position[lane][0] = x * lanes.turn[lane][0] + y * lanes.turn[lane][1]
        lanes.position[lane][1] = y * lanes.turn[lane][0] - x * lanes.turn[lane][1]
        lanes.position[lane][2] = beam_z[lane] * n + origin_z[lane]
        lanes.position[lane][3] = 0.0


cdef inline void describe(const LidarTables *tables, const Firing *firing, uint32_t first, uint32_t kind,
                          Lanes *lanes) noexcept nogil:
    cdef const int32_t *firing_ns = &tables.firing_ns[first]
    cdef const uint32_t *column = &tables.column[first]
    cdef const uint32_t *ring = &tables.ring[first]
    cdef uint32_t lane, codes = kind << 8 | <uint32_t>firing.flags << 16, numbers
    for lane in range(LANES):
        numbers = lanes.intensity[lane] | (firing.column + column[lane]) << 16
        lanes.measured[lane] = <uint64_t>numbers << 32 | <uint32_t>(firing.time_offset_ns + firing_ns[lane])
        lanes.codes[lane] = ring[lane] | codes


cdef inline void write(const Lanes *lanes, uint32_t lane, LidarPoint *point) noexcept nogil:
    """Little endian, as everywhere."""
    cdef uint8_t *at = <uint8_t *>point
    memcpy(at, &lanes.position[lane], 16)
    memcpy(at + 12, &lanes.measured[lane], 8)
    memcpy(at + 20, &lanes.codes[lane], 4)


cdef inline void lay_out(const LidarTables *tables, const Firing *firing, uint32_t first, const uint8_t *data, uint32_t kind,
                         Lanes *lanes) noexcept nogil:
    """Of Velodyne and Hesai."""
    cdef uint32_t lane, size = tables.channel_size
    cdef uint32_t raw[LANES]
    for lane in range(LANES):
        raw[lane] = read_u32(data + lane * size)  # after the last channel of three bytes something always follows
    if tables.family == HESAI:
        aim_together(tables, firing, lanes)
    else:
        aim(tables, firing, first, lanes)
    for lane in range(LANES):
        lanes.distance[lane] = <int32_t>(raw[lane] & 0xFFFF)
        lanes.intensity[lane] = raw[lane] >> 16 & 0xFF
    describe(tables, firing, first, kind, lanes)
    place(tables, first, lanes)


cdef inline uint32_t project(const LidarTables *tables, const Firing *firing, const uint8_t *data, uint8_t kind,
                             LidarPoint *points) noexcept nogil:
    """Of one return."""
    cdef uint32_t done = 0, lane, found = 0, smallest = tables.smallest, span = tables.span
    cdef Lanes lanes
    while done < firing.count:
        lay_out(tables, firing, firing.lane + done, data + done * tables.channel_size, kind, &lanes)
        for lane in range(LANES):
            write(&lanes, lane, &points[found])
            found += <uint32_t>lanes.distance[lane] - smallest <= span
        done += LANES
    return found


cdef inline uint32_t project_of_two(const LidarTables *tables, const Firing *firing, const uint8_t *data, const uint8_t *other,
                                    bint is_second, uint8_t kind, uint8_t kind_of_equal, LidarPoint *points) noexcept nogil:
    """Of one of two returns; two equal ones are one point, the first."""
    cdef uint32_t done = 0, lane, found = 0, smallest = tables.smallest, span = tables.span, size = tables.channel_size
    cdef bint is_equal
    cdef Lanes lanes
    while done < firing.count:
        lay_out(tables, firing, firing.lane + done, data + done * size, kind, &lanes)
        for lane in range(LANES):
            is_equal = lanes.distance[lane] == read_u16(other + (done + lane) * size)
            lanes.codes[lane] += (<uint32_t>kind_of_equal - kind) << 8 if is_equal else 0
            write(&lanes, lane, &points[found])
            found += (<uint32_t>lanes.distance[lane] - smallest <= span) & (1 - (is_second & is_equal))
        done += LANES
    return found


cdef inline uint32_t project_pixels(const LidarTables *tables, const Firing *firing, const uint8_t *data,
                                    LidarPoint *points) noexcept nogil:
    """Of an Ouster's column, one return after the other."""
    cdef uint32_t done, lane, one, kind, found = 0, smallest = tables.smallest, span = tables.span, size = tables.channel_size
    cdef const uint8_t *at
    cdef Lanes lanes
    aim_together(tables, firing, &lanes)
    for one in range(tables.returns):
        kind = LidarPoint_RETURN_SECOND_STRONGEST if one else LidarPoint_RETURN_STRONGEST
        done = 0
        while done < firing.count:
            at = data + done * size
            for lane in range(LANES):
                lanes.distance[lane] = read_u32(at + lane * size + tables.distance_at[one]) & tables.distance_mask
                lanes.intensity[lane] = at[lane * size + tables.intensity_at[one]]
            describe(tables, firing, done, kind, &lanes)
            place(tables, done, &lanes)
            for lane in range(LANES):
                write(&lanes, lane, &points[found])
                found += <uint32_t>lanes.distance[lane] - smallest <= span
            done += LANES
    return found
