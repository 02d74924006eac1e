"""The scan in the making: order and time of packets, where one scan ends and the next begins, and what was amiss."""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t

from autonomy.msg.messages cimport LidarPoint

from drivers.lidar._packet cimport PacketInfo
from drivers.lidar._tables cimport LidarTables

cdef enum:
    CLOCK_SENSOR = 0
    CLOCK_LOCKED = 1
    CLOCK_RECEIVED = 2
    REMEMBERED = 8               # packets, to know one that comes twice
    MOST_OF_A_COLUMN = 256       # points: 128 lasers with two returns
    LATE_IN_A_ROW = 5            # [D] packets: no way exchanges so many with one; the sensor's clock was set back

cdef extern from *:
    """
    static const int64_t JUMP_NS = 1000000000;          /* no outage is that short */
    static const int64_t LATEST_NS = 250000000;         /* [D] no packet is that late; what is belongs to no scan anymore */
    static const int64_t LONGEST_SCAN_NS = 220000000;  /* the slowest turn takes 0.2 s */
    static const int64_t EARLIEST_NS = 20000000;       /* before the scan's stamp: jitter of arrivals */
    """
    const int64_t JUMP_NS, LATEST_NS, LONGEST_SCAN_NS, EARLIEST_NS

ctypedef struct LidarCounts:
    uint64_t packets             # decoded
    uint64_t points
    uint64_t scans
    uint64_t malformed           # packets: wrong length, mark, mode, azimuth or date
    uint64_t other               # packets: of another model or kind
    uint64_t lost                # packets: told by their count or, without one, by their time
    uint64_t reordered           # packets that came after a later one
    uint64_t duplicated          # packets that came twice, left out the second time
    uint64_t clock_jumps         # of the sensor's clock: on by more than a second, or back
    uint64_t hour_wraps
    uint64_t cut_by_time         # scans that had to end although the cut was not reached
    uint64_t dropped_columns     # without room, or late for a scan that was given away

ctypedef struct LidarState:
    LidarPoint *points           # of the scan in the making
    LidarPoint *spare            # of the next one; taken when a scan ends, NULL until it is given back
    uint32_t capacity
    uint32_t count
    int64_t stamp_ns
    int32_t is_open              # a scan has begun
    int32_t begins_at_cut
    int64_t lost                 # packets: before its first column, and within
    uint16_t column
    int32_t phase                # of the last column after the cut
    # The scan that ended
    uint32_t ended_count
    int64_t ended_stamp_ns
    int32_t ended_begins_at_cut
    int32_t ended_at_cut
    int64_t ended_lost           # packets: before it, within, and between its last column and the next scan's first
    # Packets
    int32_t clock
    int32_t is_known             # a packet came before
    int64_t sensor_ns            # of the newest one
    int64_t received_ns
    int64_t shift_ns             # of the log's clock against the sensor's
    int64_t sequence
    uint32_t late_in_a_row
    int32_t has_jumped           # the sensor's clock, since the last column
    int64_t missing              # packets, just before the one that is decoded; 0 after its first column
    int64_t remembered[REMEMBERED]
    uint32_t remember_next
    int32_t azimuth              # at which it began
    LidarCounts counts


cdef inline void forget(LidarState *state) noexcept nogil:
    """The sensor's clock begins anew."""
    cdef uint32_t place
    for place in range(REMEMBERED):
        state.remembered[place] = -1
    state.is_known = False
    state.late_in_a_row = 0


cdef inline void jump(LidarState *state) noexcept nogil:
    """Packets before and after do not go together: how long lies between them, and how far the sensor turned, is not known."""
    state.counts.clock_jumps += 1
    state.has_jumped = True
    forget(state)


cdef inline int64_t unwrapped(const LidarState *state, const PacketInfo *info, int64_t received_ns) noexcept nogil:
    """Of a time that begins anew each hour the one that is nearest to what is to be expected."""
    cdef int64_t expected, half = info.period_ns // 2
    if info.period_ns == 0:
        return info.sensor_ns
    if state.clock == CLOCK_LOCKED:
        expected = received_ns
    elif state.is_known:
        expected = state.sensor_ns + (received_ns - state.received_ns)
    else:
        return info.sensor_ns
    expected += half - info.sensor_ns
    # Division towards minus infinity
    return info.sensor_ns + (expected - (info.period_ns - 1 if expected < 0 else 0)) // info.period_ns * info.period_ns


cdef inline bint came_before(LidarState *state, int64_t sensor_ns) noexcept nogil:
    cdef uint32_t place
    for place in range(REMEMBERED):
        if state.remembered[place] == sensor_ns:
            return True
    state.remembered[state.remember_next] = sensor_ns
    state.remember_next = (state.remember_next + 1) % REMEMBERED
    return False


cdef inline bint take_packet(const LidarTables *tables, LidarState *state, const PacketInfo *info, int64_t received_ns,
                             int64_t *time_ns, bint *is_late) noexcept nogil:
    """The packet's time on the log's clock; false for one that came before."""
    cdef int64_t sensor_ns = unwrapped(state, info, received_ns), since = sensor_ns - state.sensor_ns, interval_ns, missing
    is_late[0] = False
    state.missing = 0
    if state.is_known and not -LATEST_NS < since < JUMP_NS:
        jump(state)
    if came_before(state, sensor_ns):
        state.counts.duplicated += 1
        return False
    state.late_in_a_row = state.late_in_a_row + 1 if state.is_known and since < 0 else 0
    if state.late_in_a_row == LATE_IN_A_ROW:
        jump(state)
        came_before(state, sensor_ns)  # remembers it
    if not state.is_known:
        state.shift_ns = received_ns - sensor_ns if state.clock == CLOCK_SENSOR else 0
    elif since < 0:
        is_late[0] = True
        state.counts.reordered += 1
        state.counts.lost -= state.counts.lost > 0  # it was taken for lost
        state.lost -= state.lost > 0
    else:
        if info.sequence >= 0 and state.sequence >= 0:
            missing = <uint32_t>(info.sequence - state.sequence - 1)
        else:
            interval_ns = tables.columns[info.returns - 1] * tables.column_period_ns
            missing = (since + interval_ns // 2) // interval_ns - 1
        if 0 < missing < 1_000_000:
            state.counts.lost += missing
            state.lost += missing
            state.missing = missing
        if info.period_ns and sensor_ns // info.period_ns != state.sensor_ns // info.period_ns:
            state.counts.hour_wraps += 1
    if not is_late[0]:
        state.sensor_ns, state.received_ns, state.sequence = sensor_ns, received_ns, info.sequence
        state.is_known = True
    time_ns[0] = received_ns if state.clock == CLOCK_RECEIVED else sensor_ns + state.shift_ns
    return True


cdef inline bint begin_columns(const LidarTables *tables, LidarState *state, int32_t azimuth, int64_t time_ns, bint is_late,
                               uint32_t columns) noexcept nogil:
    """Ends the scan before these columns where it has to; false when there is no place for them."""
    cdef int32_t phase = azimuth - tables.cut if azimuth >= tables.cut else azimuth - tables.cut + tables.azimuth_units
    cdef int64_t since = time_ns - state.stamp_ns, missing = state.missing
    cdef bint goes_on = not state.has_jumped and -EARLIEST_NS <= since < LONGEST_SCAN_NS
    cdef bint reached = goes_on and phase < state.phase - tables.azimuth_units // 2
    if is_late:
        if not state.is_open or not 0 <= since < LONGEST_SCAN_NS or state.count + MOST_OF_A_COLUMN > state.capacity:
            state.counts.dropped_columns += columns
            return False
        return True
    state.phase, state.has_jumped, state.missing = phase, False, 0
    if state.is_open and not reached:
        if goes_on and state.count + MOST_OF_A_COLUMN <= state.capacity:
            return True
        state.counts.cut_by_time += 1
    if state.is_open:
        if state.spare == NULL:  # one scan of this packet has ended already
            state.counts.dropped_columns += columns
            return False
        state.ended_count, state.ended_stamp_ns = state.count, state.stamp_ns
        state.ended_begins_at_cut, state.ended_at_cut, state.ended_lost = state.begins_at_cut, reached, state.lost
        state.points, state.spare = state.spare, NULL
        state.counts.scans += 1
    state.begins_at_cut = state.is_open and reached
    state.lost = missing
    state.is_open = True
    state.count = state.column = 0
    state.stamp_ns = time_ns
    return True
