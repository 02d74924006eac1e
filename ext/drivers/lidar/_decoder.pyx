"""Packets of lidars into scans of points; drivers/lidar/decoder_twin.py states the same plainly.

Parts: _packet.pxd and _ouster.pxd read what a packet says beside its distances, _scan.pxd orders packets and cuts scans,
_azimuth.pxd tells where a block looks, _project.pxd makes points. This one walks through the columns.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from autonomy.msg.messages cimport LAYOUT_HASH, LidarPoint, LidarPoint_FLAG_LATE

from autonomy.msg.layout import require

from drivers.lidar._azimuth cimport Azimuths, azimuths_of, nebula_delay_ns, stated, turned_by
from drivers._unaligned cimport read_u16, read_u64
from drivers.lidar._ouster cimport column_at, column_is_valid, read_ouster
from drivers.lidar._packet cimport MALFORMED, OTHER, PacketInfo, Verdict, read_packet
from drivers.lidar._project cimport LANES, Firing, project, project_of_two, project_pixels
from drivers.lidar._scan cimport (
    CLOCK_SENSOR,
    LidarState,
    begin_columns,
    forget,
    take_packet,
)
from drivers.lidar._tables cimport MOST_AZIMUTHS, MOST_BLOCKS, MOST_CHANNELS, OUSTER, LidarTables

require(__name__, LAYOUT_HASH)

cdef int64_t MOST_TIME = <int64_t>1 << 62
cdef int64_t FOLLOW_NS = 10_000_000_000     # [D] one packet in so long comes without waiting
cdef int64_t MOST_FOLLOWED_NS = 1_000_000   # in that time: 100 ppm, two quartzes of 50 ppm each [M]

cdef struct Following:
    int32_t is_open
    int64_t begins_ns            # of the stretch, as packets were received
    int64_t least_ns             # how much later than its time by the sensor's clock a packet of it came
    uint64_t clock_jumps


cdef void decode_packet(const LidarTables *tables, LidarState *state, const uint8_t *packet, uint32_t length,
                        int64_t received_ns) noexcept nogil:
    """A scan has ended when `state.spare` is NULL afterwards."""
    cdef PacketInfo info
    cdef int64_t time_ns = 0
    cdef bint is_late = False
    cdef Verdict verdict
    if tables.family == OUSTER:
        verdict = read_ouster(tables, packet, length, &info)
    else:
        verdict = read_packet(tables, packet, length, &info)
    if verdict == MALFORMED:
        state.counts.malformed += 1
        return
    if verdict == OTHER:
        state.counts.other += 1
        return
    cdef int64_t before_ns = state.sensor_ns
    cdef bint was_known = state.is_known
    if not take_packet(tables, state, &info, received_ns, &time_ns, &is_late):
        return
    state.counts.packets += 1
    if tables.family == OUSTER:
        decode_columns(tables, state, packet, time_ns - info.sensor_ns, is_late)
    else:
        decode_blocks(tables, state, packet, &info, time_ns, is_late, state.sensor_ns - before_ns if was_known else 0)


cdef void decode_columns(const LidarTables *tables, LidarState *state, const uint8_t *packet, int64_t shift_ns,
                         bint is_late) noexcept nogil:
    """Of an Ouster: each column says when it was measured and whether it was."""
    cdef uint32_t column, found
    cdef int64_t column_ns
    cdef int32_t azimuth
    cdef const uint8_t *at
    cdef Firing firing
    firing.count = tables.rings
    firing.lane = 0
    firing.step = 0.0
    firing.flags = LidarPoint_FLAG_LATE if is_late else 0
    for column in range(tables.blocks):
        at = column_at(tables, packet, column)
        column_ns = <int64_t>read_u64(at) + shift_ns
        azimuth = read_u16(at + 8)
        if column_is_valid(tables, at) and begin_columns(tables, state, azimuth, column_ns, is_late, 1):
            firing.time_offset_ns = <int32_t>(column_ns - state.stamp_ns)
            firing.column = state.column
            firing.azimuth = <float>azimuth
            found = project_pixels(tables, &firing, at + tables.block_header, &state.points[state.count])
            state.count += found
            state.counts.points += found
            state.column += 1


cdef void decode_blocks(const LidarTables *tables, LidarState *state, const uint8_t *packet, const PacketInfo *info,
                        int64_t time_ns, bint is_late, int64_t since_ns) noexcept nogil:
    """Blocks of several banks make one column (VLS-128), or one block holds several columns (VLP-16)."""
    cdef uint32_t rings = tables.rings
    cdef uint32_t banks = rings // tables.channels if rings > tables.channels else 1
    cdef uint32_t subcolumns = tables.channels // rings if tables.channels > rings else 1
    cdef uint32_t group = banks * info.returns, columns = tables.columns[info.returns - 1]
    cdef uint32_t blocks = columns // subcolumns * group
    cdef uint32_t first = 0, block, found
    cdef int64_t column_ns = time_ns + tables.first_column_ns[info.returns - 1]
    cdef int32_t azimuth = stated(tables, packet, 0)
    cdef float step = 0.0
    cdef Azimuths azimuths
    cdef Firing firing
    cdef const uint8_t *data
    if not is_late:
        if 0 < since_ns < 2 * columns * tables.column_period_ns:  # else the sensor may have turned by anything
            step = <float>turned_by(tables, state.azimuth, azimuth) * <float>tables.column_period_ns / <float>since_ns
        state.azimuth = azimuth
    azimuths_of(tables, packet, blocks, group, info.returns, <float>subcolumns, step, &azimuths)
    firing.count = tables.channels
    firing.flags = LidarPoint_FLAG_LATE if is_late else 0
    while first < blocks:
        if begin_columns(tables, state, stated(tables, packet, first), column_ns, is_late, subcolumns):
            firing.column = state.column
            for block in range(first, first + group):
                firing.time_offset_ns = <int32_t>(column_ns - state.stamp_ns
                                                  + nebula_delay_ns(tables, info.returns, first, block))
                firing.lane = (block - first) // info.returns * tables.channels
                firing.azimuth, firing.step = azimuths.start[block], azimuths.step[block]
                data = packet + tables.header + block * tables.block_size + tables.block_header
                found = take_block(tables, info, &firing, data, block % 2, &state.points[state.count])
                state.count += found
                state.counts.points += found
            state.column += subcolumns
        column_ns += subcolumns * tables.column_period_ns
        first += group


cdef inline uint32_t take_block(const LidarTables *tables, const PacketInfo *info, const Firing *firing, const uint8_t *data,
                                bint is_second, LidarPoint *points) noexcept nogil:
    if info.returns == 1:
        return project(tables, firing, data, info.kinds[0], points)
    return project_of_two(tables, firing, data, data - tables.block_size if is_second else data + tables.block_size,
                          is_second, info.kinds[is_second], info.kinds[2], points)


cdef void follow(Following *following, LidarState *state, int64_t received_ns) noexcept nogil:
    """The sensor's clock runs at a rate of its own: the packet of each stretch that waited least tells how far it has drifted."""
    cdef int64_t late_ns
    if state.clock != CLOCK_SENSOR or not state.is_known or state.received_ns != received_ns:  # not one that came late or twice
        return
    late_ns = received_ns - state.sensor_ns - state.shift_ns
    if not following.is_open or following.clock_jumps != state.counts.clock_jumps or received_ns < following.begins_ns:
        following.is_open, following.begins_ns, following.least_ns = True, received_ns, late_ns
        following.clock_jumps = state.counts.clock_jumps
    following.least_ns = min(following.least_ns, late_ns)
    if received_ns - following.begins_ns >= FOLLOW_NS:
        state.shift_ns += max(min(following.least_ns, MOST_FOLLOWED_NS), -MOST_FOLLOWED_NS)
        following.is_open = False


cdef class Kernel:
    """One lidar's stream. `plan` as drivers/lidar/tables.py makes it; `spare` and `points` are buffers of LidarPoint."""

    cdef LidarTables *tables
    cdef LidarState state
    cdef Following following
    cdef object kept, kept_spare

    def __cinit__(self, dict plan, int32_t clock, points, spare):
        self.tables = <LidarTables *>PyMem_RawCalloc(1, sizeof(LidarTables))
        if self.tables == NULL:
            raise MemoryError
        memset(&self.state, 0, sizeof(LidarState))
        memset(&self.following, 0, sizeof(Following))
        fill(self.tables, plan)
        self.state.clock = clock
        self.state.sequence = -1
        forget(&self.state)
        self.state.capacity = <uint32_t>len(points)
        self.state.points = address(points)
        self.kept = points
        self.give(spare)

    def __dealloc__(self):
        PyMem_RawFree(self.tables)

    def give(self, spare):
        """The buffer for the scan after the one in the making."""
        if len(spare) != self.state.capacity:
            raise ValueError(f"a buffer of {len(spare)} points instead of {self.state.capacity}")
        self.kept_spare = spare
        self.state.spare = address(spare)

    def push(self, packet, int64_t received_ns) -> bool:
        """Takes one packet; true when a scan has ended: `take` it."""
        cdef Py_buffer view
        if not 0 <= received_ns < MOST_TIME:
            raise ValueError(f"a packet received at {received_ns} ns; the log's clock counts from 0")
        PyObject_GetBuffer(packet, &view, PyBUF_SIMPLE)
        with nogil:
            decode_packet(self.tables, &self.state, <const uint8_t *>view.buf, <uint32_t>view.len, received_ns)
            follow(&self.following, &self.state, received_ns)
        PyBuffer_Release(&view)
        return self.state.spare == NULL

    def push_run(self, const uint8_t[::1] data, const int64_t[::1] offsets, const int64_t[::1] lengths,
                 const int64_t[::1] received_ns, Py_ssize_t begin) -> int:
        """Takes packets that lie in one buffer, from number `begin` on, until one has ended a scan: `take` it. Returns how many
        packets there are up to that one, or -1 when none has. Raises ValueError for a place beyond the buffer or a wrong time."""
        cdef Py_ssize_t place, ended = -1, beyond = -1, late = -1
        with nogil:
            for place in range(begin, offsets.shape[0]):
                if offsets[place] < 0 or lengths[place] < 0 or offsets[place] + lengths[place] > data.shape[0]:
                    beyond = place
                    break
                if not 0 <= received_ns[place] < MOST_TIME:
                    late = place
                    break
                decode_packet(self.tables, &self.state, &data[0] + offsets[place], <uint32_t>lengths[place], received_ns[place])
                follow(&self.following, &self.state, received_ns[place])
                if self.state.spare == NULL:
                    ended = place + 1
                    break
        if beyond >= 0:
            raise ValueError(f"packet {beyond} lies beyond the {data.shape[0]} bytes there are")
        if late >= 0:
            raise ValueError(f"a packet received at {received_ns[late]} ns; the log's clock counts from 0")
        return ended

    def take(self):
        """(buffer, points in it, stamp, whether it begins at the cut, whether it ends there, packets lost) of the scan that has
        ended. `give` another buffer now."""
        ended, self.kept, self.kept_spare = self.kept, self.kept_spare, None
        return (ended, self.state.ended_count, self.state.ended_stamp_ns, bool(self.state.ended_begins_at_cut),
                bool(self.state.ended_at_cut), self.state.ended_lost)

    def rest(self):
        """As `take`, of the scan in the making, which goes on and has not come to the cut."""
        return (self.kept, self.state.count, self.state.stamp_ns, bool(self.state.begins_at_cut), False, self.state.lost)

    def counts(self) -> dict:
        return self.state.counts


cdef LidarPoint *address(buffer) except NULL:
    cdef uint8_t[::1] memory = buffer.view(np.uint8)
    return <LidarPoint *>&memory[0]


cdef fill(LidarTables *tables, dict plan):
    cdef const float[::1] row
    cdef const float[:, ::1] turn = plan["turn"]
    cdef uint32_t place
    shape = plan["shape"]
    tables.family, tables.is_nebula, tables.model = plan["family"], plan["is_nebula"], plan["model"]
    tables.rings, tables.azimuth_units, tables.cut = plan["rings"], plan["azimuth_units"], plan["cut"]
    tables.size, tables.header, tables.blocks, tables.block_size = shape.size, shape.header, shape.blocks, shape.block_size
    tables.block_header, tables.channels, tables.channel_size = shape.block_header, shape.channels, shape.channel_size
    tables.columns[0], tables.columns[1] = shape.columns, shape.dual_columns
    tables.first_column_ns[0], tables.first_column_ns[1] = plan["first_column_ns"]
    tables.column_period_ns = plan["column_period_ns"]
    tables.smallest, tables.span = plan["smallest"], plan["span"]
    pixel = shape.pixel
    if pixel is not None:
        tables.returns, tables.distance_mask = len(pixel.distance_at), pixel.distance_mask
        for place in range(tables.returns):
            tables.distance_at[place], tables.intensity_at[place] = pixel.distance_at[place], pixel.intensity_at[place]
    if len(plan["beams"]) % LANES or not (len(plan["beams"]) <= MOST_CHANNELS and tables.azimuth_units <= MOST_AZIMUTHS
                                         and (tables.family == OUSTER or tables.blocks <= MOST_BLOCKS)):
        raise ValueError("a lidar that does not fit the tables")
    for place in range(len(plan["beams"])):
        row = plan["beams"][place]
        tables.beam_x[place], tables.beam_y[place], tables.beam_z[place] = row[0], row[1], row[2]
        tables.origin_x[place], tables.origin_y[place], tables.origin_z[place] = row[3], row[4], row[5]
        tables.turned[place], tables.ahead[place] = row[6], row[7]
        tables.firing_ns[place], tables.ring[place] = plan["firing_ns"][place], plan["ring"][place]
        tables.column[place] = plan["column"][place]
    for place in range(tables.azimuth_units):
        tables.turn[place][0], tables.turn[place][1] = turn[place, 0], turn[place, 1]
