"""Ranges and intensities into the blocks of packets; drivers/lidar/encoder.py writes what stands around them."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from autonomy.msg.messages cimport LAYOUT_HASH

from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

ctypedef struct Layout:
    uint32_t size, header, block_size, block_header, channels, channel_size
    uint32_t rings, returns, columns  # of a packet
    float per_unit                    # units of a distance in a metre


cdef inline uint16_t distance_of(float range_m, float per_unit) noexcept nogil:
    """0 = no return: also for one that is not a number, not positive or beyond what 16 bits hold."""
    cdef float n = range_m * per_unit + <float>0.5
    return <uint16_t>n if 1.0 <= n < 65536.0 else 0


cdef inline uint8_t intensity_of(float intensity) noexcept nogil:
    if not intensity > 0.0:
        return 0
    return <uint8_t>(intensity + <float>0.5) if intensity < 255.0 else 255


cdef void fill_packet(const Layout *layout, const float *range_m, const float *intensity, const float *range_offset_m,
                      const int32_t *ring, uint8_t *packet) noexcept nogil:
    """Of `columns` columns; both arrays are [columns, rings, returns] there."""
    cdef uint32_t banks = layout.rings // layout.channels if layout.rings > layout.channels else 1
    cdef uint32_t subcolumns = layout.channels // layout.rings if layout.channels > layout.rings else 1
    cdef uint32_t of_bank = layout.rings // banks
    cdef uint32_t column, bank, one, channel, place, start = 0
    cdef uint16_t distance
    cdef uint8_t *at
    for column in range(layout.columns):
        for bank in range(banks):
            for one in range(layout.returns):
                at = packet + layout.header + layout.block_header + (column % subcolumns) * layout.rings * layout.channel_size \
                    + ((column // subcolumns * banks + bank) * layout.returns + one) * layout.block_size
                for channel in range(bank * of_bank, (bank + 1) * of_bank):
                    place = start + ring[channel] * layout.returns + one
                    distance = distance_of(range_m[place] - range_offset_m[channel], layout.per_unit)
                    if one and distance == 0:  # a sensor with one return tells it twice
                        place -= 1
                        distance = distance_of(range_m[place] - range_offset_m[channel], layout.per_unit)
                    memcpy(at, &distance, 2)
                    at[2] = intensity_of(intensity[place]) if distance else 0
                    at += layout.channel_size
        start += layout.rings * layout.returns


def fill_blocks(dict layout, const float[:, :, ::1] range_m, const float[:, :, ::1] intensity, const float[::1] range_offset_m,
                const int32_t[::1] ring, uint8_t[:, ::1] packets):
    """Writes distance and intensity of every channel of every packet."""
    cdef Layout known = layout
    cdef Py_ssize_t packet
    if range_m.shape[0] != packets.shape[0] * known.columns or intensity.shape[0] != range_m.shape[0]:
        raise ValueError("columns and packets do not fit")
    with nogil:
        for packet in range(packets.shape[0]):
            fill_packet(&known, &range_m[packet * known.columns, 0, 0], &intensity[packet * known.columns, 0, 0],
                        &range_offset_m[0], &ring[0], &packets[packet, 0])
