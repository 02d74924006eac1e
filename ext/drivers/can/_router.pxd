"""Raw CAN frames into samples of the input frame: which signals, in which unit, into which field.

Rows are filled by drivers/can/router.py. Only the signals a route needs are decoded; conversion to SI happens here and
nowhere else. RouterState is plain memory without pointers, all zeros at start, so a snapshot is a memcpy.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from autonomy.msg.messages cimport CanFrame, InputFrame

from drivers.can._codec cimport CodecKernel
from drivers.can._tables cimport CodecTables

cdef enum:
    MAX_ROUTES = 256
    MAX_COMBINES = 8
    MAX_PARTS = 8
    MAX_SAMPLE_BYTES = 256
    SAMPLE_WORDS = 32           # the same in 8 byte words
    MAX_MAPPINGS = 4
    MAX_GUARDS = 64
    NO_ADDRESS = -1

    NOT_ROUTED = 0              # no route for this frame, or one part of a sample that is not complete yet
    NOT_AVAILABLE = -1          # a required signal, or every signal, is not available or the frame is too short
    ERROR_INDICATED = -2        # ... shows the error indicator
    CONDITION_UNMET = -3        # `valid_when` says there is nothing to report
    LIST_FULL = -4              # counted in the list's overflow
    NOT_A_MEASUREMENT = -5      # error frame, remote request or own echo
    NOT_TRUSTED = -6            # of a guarded message: another sender, or a checksum that does not hold

    FIELD_FLOAT64 = 0
    FIELD_UINT8 = 1
    FIELD_UINT16 = 2
    FIELD_UINT32 = 3
    FIELD_INT64 = 4

cdef struct TermRow:
    double scale                # physical value * scale + offset, in the field's unit
    double offset
    int32_t signal              # row in the codec's signals
    uint32_t padding

cdef struct FieldRow:
    double constant             # added to the sum of the terms
    double otherwise            # for a value that is in no mapping
    double mapping_from[MAX_MAPPINGS]
    double mapping_to[MAX_MAPPINGS]
    uint32_t first_term
    uint16_t term_count
    uint16_t offset             # in the sample
    uint8_t type                # FIELD_*
    uint8_t is_required
    uint8_t mapping_count
    uint8_t is_identifier       # the frame's identifier without the extended bit
    uint8_t padding[4]

cdef struct RouteRow:
    int64_t delay_ns
    int64_t max_age_ns          # of the parts of a combined sample
    double condition_value
    double mounting_x_m         # of a lane camera before the reference point
    double mounting_y_m         # ... and to its left
    int32_t condition_signal    # row in the codec's signals, -1 without condition
    int32_t next                # next route of the same message, -1 at the end
    uint32_t first_field
    uint16_t field_count
    uint16_t source_offset      # of `source` in the sample
    int16_t source_address      # J1939 sender this route listens to, -1 = any
    uint8_t kind
    int8_t combine              # -1 = the sample is complete by itself
    uint8_t part
    uint8_t emits               # the last part: the sample goes out with this frame
    uint8_t source_is_sender    # `source` is the J1939 source address
    uint8_t required_parts      # bit mask: parts the sample is of no use without

cdef struct GuardRow:
    int32_t message             # index of the codec
    int16_t source_address      # J1939: the one sender, NO_ADDRESS = any
    uint16_t source             # of the events that tell of it: the sender's address, else the sensor's number

cdef struct RouterTables:
    const CodecTables *codec
    const int32_t *first_route  # per message, -1 without
    const RouteRow *routes
    const FieldRow *fields
    const TermRow *terms
    const uint8_t *templates    # MAX_SAMPLE_BYTES a route: the sample before its fields are written
    const int32_t *part_routes  # MAX_PARTS a combine: the route that fills the part, -1 without
    const int32_t *guard_of     # per message: its guard, -1 without
    const GuardRow *guards
    int32_t own_address         # that we send with, NO_ADDRESS = none
    int32_t own_bus

cdef struct RouteCounts:
    uint64_t received           # frames of the route
    uint64_t used               # became (part of) a sample
    uint64_t unusable           # not available, error, list full
    uint64_t inactive           # condition not met: nothing to report

cdef struct CombineState:
    uint64_t sample[SAMPLE_WORDS]
    int64_t part_time_ns[MAX_PARTS]
    uint64_t present            # bit mask of parts

cdef struct RouterState:
    RouteCounts counts[MAX_ROUTES]
    CombineState combines[MAX_COMBINES]
    uint8_t last_counter[MAX_GUARDS]    # 1 + the last one, 0 = none yet
    uint16_t moved_to                   # 1 + the address our node claimed last, 0 = it has not said
    uint8_t dm1_bus[256]                # by J1939 address: 1 + bus of a broadcast DM1 whose first packet is to come, 0 = none
    uint64_t not_routed
    uint64_t not_measurements

cdef int route_frame(const RouterTables *tables, RouterState *state, const CanFrame *frame,
                     InputFrame *inputs) noexcept nogil

cdef class Router:
    cdef RouterTables rows
    cdef const RouterTables *tables         # == &rows
    cdef RouterState *state                 # the router's own, for use from Python
    cdef CodecKernel codec_kernel           # keeps the codec's tables alive
    cdef readonly object arrays             # the NumPy arrays the rows point into
    cdef readonly tuple route_names

    cdef dict counts_of(self, const RouterState *state)
