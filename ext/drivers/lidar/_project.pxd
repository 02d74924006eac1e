"""Distances of one firing into points."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

from autonomy.msg.messages cimport LidarPoint

from drivers._unaligned cimport read_u16
from drivers.lidar._tables cimport LidarTables

ctypedef struct Firing:
    uint32_t channel             # the first one
    uint32_t count
    float azimuth                # in units, when the column began
    float step                   # turned by within a column's period
    int32_t time_offset_ns
    uint16_t column
    uint8_t flags


cdef inline void set_point(const LidarTables *tables, const Firing *firing, uint32_t channel, uint32_t distance, uint16_t intensity,
                           uint8_t kind, const float *turn, LidarPoint *point) noexcept nogil:
    cdef float n = <float>distance
    cdef float x = tables.beam_x[channel] * n + tables.origin_x[channel]
    cdef float y = tables.beam_y[channel] * n + tables.origin_y[channel]
    point.x = x * turn[0] + y * turn[1]
    point.y = y * turn[0] - x * turn[1]
    point.z = tables.beam_z[channel] * n + tables.origin_z[channel]
    point.time_offset_ns = firing.time_offset_ns + tables.firing_ns[channel]
    point.intensity = intensity
    point.column = firing.column
    point.ring = tables.ring[channel]
    point.return_kind = kind
    point.flags = firing.flags
    point.padding = 0


cdef inline const float *turn_of(const LidarTables *tables, const Firing *firing, uint32_t channel) noexcept nogil:
    """At the resolution of the packets: what a driver would state for this laser alone."""
    cdef float azimuth = firing.azimuth + firing.step * tables.turned[channel] + tables.ahead[channel]
    cdef int32_t index
    if azimuth < 0.0:
        azimuth += <float>tables.azimuth_units
    index = <int32_t>(azimuth + <float>0.5)
    if index >= tables.azimuth_units:
        index -= tables.azimuth_units
    return &tables.turn[index][0]


cdef inline uint32_t project(const LidarTables *tables, const Firing *firing, const uint8_t *data, uint8_t kind,
                             LidarPoint *points) noexcept nogil:
    """Of one return. A point is written at any rate and kept when its distance is one: a branch here is guessed wrong too often."""
    cdef uint32_t place, distance, found = 0
    for place in range(firing.count):
        distance = read_u16(data)
        set_point(tables, firing, firing.channel + place, distance, data[2], kind,
                  turn_of(tables, firing, firing.channel + place), &points[found])
        found += distance - tables.smallest <= tables.span
        data += tables.channel_size
    return found


cdef inline uint32_t project_of_two(const LidarTables *tables, const Firing *firing, const uint8_t *data, const uint8_t *other,
                                    bint is_second, uint8_t kind, uint8_t kind_of_equal, LidarPoint *points) noexcept nogil:
    """Of one of two returns; two equal ones are one point, the first."""
    cdef uint32_t place, distance, found = 0
    cdef bint is_equal
    for place in range(firing.count):
        distance = read_u16(data)
        is_equal = distance == read_u16(other)
        set_point(tables, firing, firing.channel + place, distance, data[2], kind_of_equal if is_equal else kind,
                  turn_of(tables, firing, firing.channel + place), &points[found])
        found += not (is_second and is_equal) and distance - tables.smallest <= tables.span
        data += tables.channel_size
        other += tables.channel_size
    return found
