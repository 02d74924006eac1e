"""Distances of one firing into points.

Sixteen channels at a time: the compiler does arithmetic over so many, and no other number, eight by eight. Then the points are
written one by one; a point is written at any rate and kept when its distance is one: a branch there is guessed wrong too often.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from autonomy.msg.messages cimport LidarPoint, LidarPoint_RETURN_SECOND_STRONGEST, LidarPoint_RETURN_STRONGEST

from drivers._unaligned cimport read_u16, read_u32
from drivers.lidar._tables cimport HESAI, LidarTables

cdef enum:
    LANES = 16

ctypedef struct Firing:
    uint32_t channel             # the first one
    uint32_t count               # a multiple of LANES
    float azimuth                # in units, when the column began
    float step                   # turned by within a column's period
    int32_t time_offset_ns
    uint16_t column
    uint8_t flags

# Of channels next to each other
ctypedef struct Lanes:
    int32_t distance[LANES]
    float cosine[LANES]
    float sine[LANES]
    float x[LANES]
    float y[LANES]
    float z[LANES]


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
        lanes.cosine[lane] = tables.turn[index[lane]][0]
        lanes.sine[lane] = tables.turn[index[lane]][1]


cdef inline void aim_together(const LidarTables *tables, const Firing *firing, Lanes *lanes) noexcept nogil:
    """All lasers at the azimuth of their column."""
    cdef const float *turn = &tables.turn[<int32_t>firing.azimuth][0]
    cdef uint32_t lane
    for lane in range(LANES):
        lanes.cosine[lane] = turn[0]
        lanes.sine[lane] = turn[1]


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
        lanes.x[lane] = x * lanes.cosine[lane] + y * lanes.sine[lane]
        lanes.y[lane] = y * lanes.cosine[lane] - x * lanes.sine[lane]
        lanes.z[lane] = beam_z[lane] * n + origin_z[lane]


cdef inline void set_point(const LidarTables *tables, const Firing *firing, const Lanes *lanes, uint32_t first, uint32_t lane,
                           uint32_t intensity, uint32_t kind, LidarPoint *point) noexcept nogil:
    """The last eight bytes in two pieces: field by field they would take longer than all the rest."""
    cdef uint32_t numbers = intensity | <uint32_t>firing.column << 16
    cdef uint32_t codes = tables.ring[first + lane] | kind << 8 | <uint32_t>firing.flags << 16
    point.x = lanes.x[lane]
    point.y = lanes.y[lane]
    point.z = lanes.z[lane]
    point.time_offset_ns = firing.time_offset_ns + tables.firing_ns[first + lane]
    memcpy(&point.intensity, &numbers, 4)
    memcpy(&point.ring, &codes, 4)


cdef inline uint32_t project(const LidarTables *tables, const Firing *firing, const uint8_t *data, uint8_t kind,
                             LidarPoint *points) noexcept nogil:
    """Of one return."""
    cdef uint32_t first = firing.channel, lane, found = 0, smallest = tables.smallest, span = tables.span
    cdef uint32_t size = tables.channel_size
    cdef Lanes lanes
    while first < firing.channel + firing.count:
        for lane in range(LANES):
            lanes.distance[lane] = read_u16(data + lane * size)
        if tables.family == HESAI:
            aim_together(tables, firing, &lanes)
        else:
            aim(tables, firing, first, &lanes)
        place(tables, first, &lanes)
        for lane in range(LANES):
            set_point(tables, firing, &lanes, first, lane, data[lane * size + 2], kind, &points[found])
            found += <uint32_t>lanes.distance[lane] - smallest <= span
        first += LANES
        data += LANES * size
    return found


cdef inline uint32_t project_of_two(const LidarTables *tables, const Firing *firing, const uint8_t *data, const uint8_t *other,
                                    bint is_second, uint8_t kind, uint8_t kind_of_equal, LidarPoint *points) noexcept nogil:
    """Of one of two returns; two equal ones are one point, the first."""
    cdef uint32_t first = firing.channel, lane, found = 0, smallest = tables.smallest, span = tables.span
    cdef uint32_t size = tables.channel_size
    cdef bint is_equal
    cdef Lanes lanes
    while first < firing.channel + firing.count:
        for lane in range(LANES):
            lanes.distance[lane] = read_u16(data + lane * size)
        if tables.family == HESAI:
            aim_together(tables, firing, &lanes)
        else:
            aim(tables, firing, first, &lanes)
        place(tables, first, &lanes)
        for lane in range(LANES):
            is_equal = lanes.distance[lane] == read_u16(other + lane * size)
            set_point(tables, firing, &lanes, first, lane, data[lane * size + 2], kind_of_equal if is_equal else kind,
                      &points[found])
            found += (<uint32_t>lanes.distance[lane] - smallest <= span) & (1 - (is_second & is_equal))
        first += LANES
        data += LANES * size
        other += LANES * size
    return found


cdef inline uint32_t project_pixels(const LidarTables *tables, const Firing *firing, const uint8_t *data,
                                    LidarPoint *points) noexcept nogil:
    """Of an Ouster's column, one return after the other."""
    cdef uint32_t first, lane, one, kind, found = 0, smallest = tables.smallest, span = tables.span
    cdef uint32_t size = tables.channel_size
    cdef const uint8_t *distances
    cdef const uint8_t *intensities
    cdef Lanes lanes
    aim_together(tables, firing, &lanes)
    for one in range(tables.returns):
        kind = LidarPoint_RETURN_SECOND_STRONGEST if one else LidarPoint_RETURN_STRONGEST
        distances, intensities = data + tables.distance_at[one], data + tables.intensity_at[one]
        first = 0
        while first < firing.count:
            for lane in range(LANES):
                lanes.distance[lane] = read_u32(distances + lane * size) & tables.distance_mask
            place(tables, first, &lanes)
            for lane in range(LANES):
                set_point(tables, firing, &lanes, first, lane, intensities[lane * size], kind, &points[found])
                found += <uint32_t>lanes.distance[lane] - smallest <= span
            first += LANES
            distances += LANES * size
            intensities += LANES * size
    return found
