"""Frames of a radar on CAN into scans: which target frames belong together, what is lost, stale or malformed.

The rows of signals are filled from drivers/radar/model.py.
"""

from libc.math cimport NAN, atan2, cos, sin, sqrt
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from autonomy.msg.messages cimport (
    CanFrame,
    RadarDetection,
    RadarDetection_FLAG_BRIDGE,
    RadarDetection_FLAG_COASTED,
    RadarDetection_FLAG_NEW,
    RadarDetection_FLAG_ONCOMING,
    RadarDetection_INVALID_ELEVATION,
    RadarDetection_INVALID_ELEVATION_SIGMA,
)

cdef extern from *:
    uint64_t reverse_word "__builtin_bswap64"(uint64_t word) noexcept nogil

cdef enum:
    MOST_TARGETS = 64
    LATE = 3                    # scans by which a counter may be behind and be late, not begun anew [D]
    # Order of drivers.radar.model.FIELDS
    X = 0
    Y = 1
    RANGE = 2
    AZIMUTH = 3
    RANGE_RATE = 4
    STATUS = 5
    IS_NEW = 6
    IS_BRIDGE = 7
    IS_ONCOMING = 8
    COUNTER = 9
    FIELD_COUNT = 10

cdef struct SignalRow:
    uint32_t length             # 0 = the radar has none
    uint32_t shift              # of its lowest bit in the big-endian word
    uint64_t sign_bit           # 0 = unsigned
    double scale

cdef struct CanRadarTables:
    SignalRow[10] signals
    SignalRow counter
    uint32_t first_identifier
    uint32_t count
    uint32_t header_identifier  # 0xFFFFFFFF: none
    uint32_t target_length      # bytes that its signals need
    uint32_t header_length
    uint32_t valid_mask         # bit s: status s is a target
    uint32_t new_mask
    uint32_t coasted_mask
    bint is_checked
    uint64_t whole              # `seen` of a whole scan
    int64_t cycle_ns
    double range_sigma
    double azimuth_sigma
    double range_rate_sigma

ctypedef struct CanScanCounts:
    uint64_t frames             # taken
    uint64_t targets            # given in scans
    uint64_t scans
    uint64_t empty              # places of the list that hold nothing
    uint64_t other              # frames of others, echoes, error frames, requests
    uint64_t malformed          # too short, or with a wrong sum
    uint64_t stale              # of a scan that was given already (repeated, late, a sensor that hangs), or without its header
    uint64_t missing            # target frames that a scan was given without
    uint64_t lost               # whole scans, by the counter or, over a long pause, by time

cdef struct CanScanState:
    CanScanCounts counts
    int64_t counter             # of the scan in the making or given last; -1 before the first
    int64_t begun_ns
    bint is_open
    uint64_t seen               # bit per place
    uint64_t valid
    RadarDetection[64] targets  # by place
    # The scan that has ended
    RadarDetection[64] ended
    uint32_t ended_count
    uint32_t ended_missing
    int64_t ended_ns
    int64_t ended_counter


cdef inline uint64_t bits(const SignalRow* signal, uint64_t word) noexcept nogil:
    return (word >> signal.shift) & ((<uint64_t>1 << signal.length) - 1)


cdef inline double value(const SignalRow* signal, uint64_t word) noexcept nogil:
    cdef uint64_t raw = bits(signal, word)
    return <double><int64_t>((raw ^ signal.sign_bit) - signal.sign_bit) * signal.scale


cdef inline bint sum_holds(const CanFrame* frame) noexcept nogil:
    """Toyota's: the last byte is the sum of the identifier's bytes, the length and all bytes before it."""
    cdef uint32_t total = frame.length, i
    for i in range(4):
        total += frame.id >> 8 * i & 0xFF
    for i in range(frame.length - 1):
        total += frame.data[i]
    return (total & 0xFF) == frame.data[frame.length - 1]


cdef inline void read_target(const CanRadarTables* tables, const CanFrame* frame, uint64_t word,
                             CanScanState* state) noexcept nogil:
    cdef uint32_t place = frame.id - tables.first_identifier
    cdef uint32_t status = <uint32_t>bits(&tables.signals[STATUS], word)
    cdef uint32_t status_bit = <uint32_t>1 << status
    cdef RadarDetection* row = &state.targets[place]
    cdef uint16_t flags = RadarDetection_INVALID_ELEVATION | RadarDetection_INVALID_ELEVATION_SIGMA
    state.seen |= <uint64_t>1 << place
    if not tables.valid_mask & status_bit:
        state.valid &= ~(<uint64_t>1 << place)
        return
    state.valid |= <uint64_t>1 << place
    if tables.signals[RANGE].length:
        row.range = value(&tables.signals[RANGE], word)
        row.azimuth = value(&tables.signals[AZIMUTH], word)
        row.x = row.range * cos(row.azimuth)
        row.y = row.range * sin(row.azimuth)
    else:
        row.x = value(&tables.signals[X], word)
        row.y = value(&tables.signals[Y], word)
        row.range = sqrt(row.x * row.x + row.y * row.y)
        row.azimuth = atan2(row.y, row.x)
    row.range_rate = value(&tables.signals[RANGE_RATE], word)
    row.time_ns = frame.time_ns
    row.target_id = frame.id
    if tables.new_mask & status_bit or (tables.signals[IS_NEW].length and bits(&tables.signals[IS_NEW], word)):
        flags |= RadarDetection_FLAG_NEW
    if tables.coasted_mask & status_bit:
        flags |= RadarDetection_FLAG_COASTED
    if tables.signals[IS_BRIDGE].length and bits(&tables.signals[IS_BRIDGE], word):
        flags |= RadarDetection_FLAG_BRIDGE
    if tables.signals[IS_ONCOMING].length and bits(&tables.signals[IS_ONCOMING], word):
        flags |= RadarDetection_FLAG_ONCOMING
    row.flags = flags


cdef inline void prepare(const CanRadarTables* tables, CanScanState* state) noexcept nogil:
    """What no frame tells, once for all rows."""
    cdef uint32_t place
    cdef RadarDetection* row
    for place in range(MOST_TARGETS):
        row = &state.targets[place]
        row.elevation = row.elevation_sigma = row.rcs_dbsm = row.existence = NAN
        row.multi_target = row.ambiguity = row.over_ground = NAN
        row.range_sigma = tables.range_sigma
        row.azimuth_sigma = tables.azimuth_sigma
        row.range_rate_sigma = tables.range_rate_sigma


cdef inline void end_scan(const CanRadarTables* tables, CanScanState* state) noexcept nogil:
    cdef uint32_t place, count = 0, seen = 0
    for place in range(tables.count):
        seen += state.seen >> place & 1
        if state.seen & state.valid & <uint64_t>1 << place:
            memcpy(&state.ended[count], &state.targets[place], sizeof(RadarDetection))
            count += 1
    state.is_open = False
    state.ended_count = count
    state.ended_missing = tables.count - seen
    state.ended_ns = state.begun_ns
    state.ended_counter = state.counter
    state.counts.scans += 1
    state.counts.targets += count
    state.counts.empty += seen - count
    state.counts.missing += state.ended_missing


cdef inline uint64_t elapsed_scans(const CanRadarTables* tables, int64_t gap_ns) noexcept nogil:
    """Whole scans that a pause has swallowed."""
    cdef int64_t scans = (gap_ns + tables.cycle_ns // 2) // tables.cycle_ns - 1
    return <uint64_t>scans if scans > 0 else 0


cdef inline bint begins_scan(const CanRadarTables* tables, CanScanState* state, int64_t counter, int64_t time_ns) noexcept nogil:
    """Whether a frame of this counter begins a new scan; counts what was lost before it. After a long pause the counter may
    have come round, and a sensor that was switched off begins anew: then time tells."""
    cdef int64_t modulo = <int64_t>1 << tables.counter.length
    cdef int64_t ahead, gap_ns = time_ns - state.begun_ns
    if state.counter < 0:
        return True
    ahead = (counter - state.counter) & (modulo - 1)
    if ahead == 0 and 4 * gap_ns < 3 * modulo * tables.cycle_ns:
        return False
    if modulo - ahead <= LATE and 2 * gap_ns < modulo * tables.cycle_ns:
        return False
    if 2 * ahead < modulo and 2 * gap_ns < modulo * tables.cycle_ns:
        state.counts.lost += <uint64_t>(ahead - 1)
    else:
        state.counts.lost += elapsed_scans(tables, gap_ns)
    return True


cdef inline void open_scan(CanScanState* state, int64_t counter, int64_t time_ns) noexcept nogil:
    state.is_open = True
    state.counter = counter
    state.begun_ns = time_ns
    state.seen = 0
    state.valid = 0


cdef inline bint take_frame(const CanRadarTables* tables, CanScanState* state, const CanFrame* frame) noexcept nogil:
    """True when a scan has ended: the one in the making is complete, or this frame is of the next."""
    cdef bint is_header = frame.id == tables.header_identifier
    cdef bint is_target = tables.first_identifier <= frame.id < tables.first_identifier + tables.count
    cdef bint ended = False
    cdef uint64_t word = 0
    cdef int64_t counter
    if frame.flags != 0 or not (is_header or is_target):
        state.counts.other += 1
        return False
    if frame.length < (tables.header_length if is_header else tables.target_length) or frame.length > 8 \
            or (tables.is_checked and not sum_holds(frame)):
        state.counts.malformed += 1
        return False
    memcpy(&word, frame.data, frame.length)
    word = reverse_word(word)
    if is_header or tables.signals[COUNTER].length:
        counter = <int64_t>bits(&tables.counter, word)
        if begins_scan(tables, state, counter, frame.time_ns):
            if state.is_open:
                end_scan(tables, state)
                ended = True
            open_scan(state, counter, frame.time_ns)
        elif not state.is_open or counter != state.counter:
            state.counts.stale += 1
            return False
    if is_target and not (state.is_open and not state.seen >> (frame.id - tables.first_identifier) & 1):
        state.counts.stale += 1  # a second time, or without the header of its scan
        return ended
    state.counts.frames += 1
    if is_target:
        read_target(tables, frame, word, state)
        if state.seen == tables.whole:
            end_scan(tables, state)
            ended = True
    return ended
