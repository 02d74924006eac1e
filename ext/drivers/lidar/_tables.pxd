"""One lidar as numbers: how its packets are laid out and where each beam goes. Filled once, from drivers/lidar/tables.py."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef enum:
    MOST_CHANNELS = 128
    MOST_AZIMUTHS = 36000
    MOST_BLOCKS = 12
    VELODYNE = 0
    HESAI = 1
    OUSTER = 2

ctypedef struct LidarTables:
    int32_t family
    int32_t is_nebula            # azimuths as that driver has them, see _azimuth.pxd
    int32_t rings
    int32_t azimuth_units        # of a turn
    int32_t cut                  # azimuth at which a scan begins
    uint32_t model               # what a packet says it is
    uint32_t size, header, blocks, block_size, block_header, channels, channel_size
    uint32_t columns[2]          # of a packet with one return, with two
    int64_t first_column_ns[2]
    int64_t column_period_ns
    # Of an Ouster's pixel: where distance and reflectivity of each return stand
    uint32_t returns
    uint32_t distance_at[2]
    uint32_t intensity_at[2]
    uint32_t distance_mask
    uint32_t smallest, span      # of distances that are given: smallest .. smallest + span, in units of the packet
    # Of each lane, a place in a block or, where a column takes several blocks, in the column. Before the turn a distance of n
    # units lies at beam * n + origin
    float beam_x[MOST_CHANNELS]
    float beam_y[MOST_CHANNELS]
    float beam_z[MOST_CHANNELS]
    float origin_x[MOST_CHANNELS]
    float origin_y[MOST_CHANNELS]
    float origin_z[MOST_CHANNELS]
    float turned[MOST_CHANNELS]  # share of a column's turn when it fires
    float ahead[MOST_CHANNELS]   # units of azimuth before rounding; the rest of a channel's offset is part of its beam
    int32_t firing_ns[MOST_CHANNELS]
    uint32_t column[MOST_CHANNELS]  # after the first: a block of a VLP-16 holds two
    uint32_t ring[MOST_CHANNELS]
    float turn[MOST_AZIMUTHS][2]  # cosine and sine
