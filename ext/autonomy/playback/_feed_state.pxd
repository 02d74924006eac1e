# What a feed keeps from record to record, and what may be asked of it.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from autonomy.inputs._append cimport KIND_COUNT
from autonomy.inputs._path_window cimport PathCursor
from autonomy.msg.messages cimport InputFrame, OutputFrame
from autonomy.playback._log_clock cimport ClockSums
from drivers.can._router cimport RouterState, RouterTables
from drivers.serial._router cimport PortRow, SerialState

cdef enum Action:                # what a channel's records are for
    IGNORE = 0
    RAW_CAN = 1
    SAMPLES = 2
    TICK_FRAME = 3
    CUT = 4
    RAW_SERIAL = 5

cdef enum Mode:                  # what makes a tick due: the grid, a logged cut, a logged frame
    RAW = 0
    CUTS = 1
    FRAMES = 2

cdef struct ChannelRoute:
    int32_t action
    int32_t kind                 # of samples; of raw serial bytes the first entry that reads the port

cdef struct KindCounts:
    uint64_t received
    uint64_t used
    uint64_t unusable
    int64_t last_ns
    int64_t max_gap_ns

cdef struct FeedState:
    InputFrame frame
    ClockSums clock
    OutputFrame last
    RouterState router
    SerialState serial
    PathCursor cursor
    KindCounts[KIND_COUNT] counts
    int64_t next_tick_ns
    uint64_t tick_index
    uint64_t consumed            # input records so far
    uint64_t late                # records older than the tick before the one they went into
    uint64_t clock_jumps
    uint64_t beyond_time         # records before zero or after LATEST_NS: left out
    uint64_t malformed           # records too short for their type
    uint64_t cut_mismatches      # cuts whose count disagrees with the records read
    int started
    int mode
    uint32_t dropped_kinds       # bit mask of the kinds that are left out
    const RouterTables* can_routes       # NULL: raw CAN is left aside
    const PortRow* serial_ports          # NULL: raw serial bytes are left aside
