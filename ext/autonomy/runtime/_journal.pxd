# The rows that the loop writes down for the recorder, in the order in which it took them.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from autonomy.msg.messages cimport CanFrame, InputFrame, OutputFrame

cdef enum:
    PIECE_BYTES = 496
    LIST_BYTES = 12320          # the longest list that perception makes: ObstacleInput

# SerialBytes with room for a piece, as a line's ring holds it
ctypedef struct SerialPiece:
    int64_t time_ns
    uint32_t lost
    uint32_t count
    uint8_t[496] data

# A piece in the order in which the loop took it
ctypedef struct JournalPiece:
    int64_t log_time_ns
    int32_t line                # its place in `lines`
    uint32_t padding
    SerialPiece piece

# What a process beside the loop has found: the body of an /in/<kind> record that no tick has taken yet
ctypedef struct SampleList:
    int64_t time_ns             # when it was there
    int32_t kind                # KIND_*, see _append.pxd
    uint32_t size               # bytes of `body` in use
    uint8_t[12320] body

# A list in the order in which the loop took it
ctypedef struct JournalList:
    int64_t log_time_ns
    SampleList samples

# A frame in the order in which the loop took it
ctypedef struct JournalFrame:
    int64_t log_time_ns
    CanFrame frame

# What one tick was and took
ctypedef struct JournalTick:
    int64_t woken_ns
    int64_t finished_ns
    uint64_t records            # frames taken since the start
    InputFrame frame
    OutputFrame out
