# What the loop keeps between ticks, and what it was told to do.
from libc.stdint cimport int64_t, uint64_t

from autonomy.inputs._path_window cimport PathCursor
from autonomy.msg.messages cimport InputFrame, OutputFrame
from autonomy.runtime._account cimport LoopAccount
from autonomy.runtime._response cimport Arrivals
from drivers.can._router cimport RouterState
from drivers.serial._router cimport SerialState

cdef enum:
    MAY_NOT = 0
    MAY_DRIVE = 1
    MUST_STOP = 2               # InputFrame.engage: an engaged stack comes to a stop, one that is not does not begin

cdef struct LoopState:
    InputFrame frame
    OutputFrame out
    RouterState router
    SerialState serial
    PathCursor cursor
    uint64_t tick_index
    uint64_t records
    int64_t last_tick_ns
    uint64_t stop
    uint64_t permission         # PERMISSION_*, told by whoever stands for us on the bus
    int64_t first_output_ns
    int engaged
    Arrivals arrivals
    LoopAccount account

cdef struct LoopPlan:
    int64_t engage_tick         # from this tick on the stack may take over; negative = never
    double set_speed_mps
    int sends
    int command_event           # eventfd that wakes the sender, -1 without
