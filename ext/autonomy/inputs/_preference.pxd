# Whose samples of a kind are used while more than one sends them: the first of its row's list that is good and fresh. Header
# only. Twin: autonomy/inputs/preference_twin.py.
#
# The others stay in the frame of the cross-checks and the fault table, which must go on hearing them; every other step sees a
# frame without them. With one sender a kind that is the same frame, and nothing is copied.
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove
from autonomy.inputs._append cimport (
    KIND_GNSS, KIND_IMU, KIND_SHAFT, KIND_SIGNAL, LIST_FIRST_ITEM, input_of, item_size, item_validity_offset)
from autonomy.inputs._plausibility cimport is_refused
from autonomy.inputs._senders cimport PlausibilityMemory
from autonomy.msg.messages cimport *

cdef enum:
    PREFERENCES = 16
    PLACES = 4                   # sources of a row
    NOT_NAMED = -1

ctypedef struct PreferenceMemory:
    int64_t[64] good_ns          # by row and place: valid time of the newest good sample, 0 = none
    uint16_t[64] source          # ... and who sent it: a place may stand for anybody


cdef inline uint16_t item_source(int kind, const uint8_t* item) noexcept nogil:
    """Every sample has its source right before its validity."""
    return (<const uint16_t*>(item + item_validity_offset(kind) - 2))[0]


cdef inline int place_of(const SourcePreference* row, uint16_t source) noexcept nogil:
    """The first place that names the source, else the one that stands for any other."""
    cdef int place
    for place in range(PLACES):
        if row.sources[place] == source:
            return place
    for place in range(PLACES):
        if row.sources[place] == InputsParameters_ANY_SOURCE:
            return place
    return NOT_NAMED


cdef inline bint is_of(const SourcePreference* row, int kind, const uint8_t* item) noexcept nogil:
    return kind != KIND_SIGNAL or (<const SignalSample*>item).signal == row.signal


cdef inline int sender_kind(int kind) noexcept nogil:
    """As the rows of [plausibility] sender name it."""
    if kind == KIND_IMU: return PlausibilitySender_KIND_IMU
    if kind == KIND_SHAFT: return PlausibilitySender_KIND_SHAFT
    if kind == KIND_GNSS: return PlausibilitySender_KIND_GNSS
    if kind == KIND_SIGNAL: return PlausibilitySender_KIND_SIGNAL
    return PlausibilitySender_KIND_NONE


cdef inline int chosen_place(PreferenceMemory* memory, int number, const SourcePreference* row,
                             const PlausibilityMemory* known, const PlausibilityParameters* plausibility,
                             const InputFrame* frame) noexcept nogil:
    """The place of the list whose samples are used in this tick, NOT_NAMED when none is good."""
    cdef const uint8_t* head = input_of(<InputFrame*>frame, row.kind)
    cdef const uint8_t* item
    cdef int64_t time_ns
    cdef uint32_t i
    cdef int place, at
    for i in range((<const ImuInput*>head).count):
        item = head + LIST_FIRST_ITEM + i * item_size(row.kind)
        place = place_of(row, item_source(row.kind, item))
        time_ns = (<const int64_t*>item)[0]
        if place == NOT_NAMED or item[item_validity_offset(row.kind)] != 0 or not is_of(row, row.kind, item):
            continue
        if row.kind == KIND_SIGNAL and not isfinite((<const SignalSample*>item).value):
            continue
        at = PLACES * number + place
        if time_ns <= frame.tick_time_ns and time_ns > memory.good_ns[at]:
            memory.good_ns[at] = time_ns
            memory.source[at] = item_source(row.kind, item)
    for place in range(PLACES):
        at = PLACES * number + place
        if memory.good_ns[at] == 0:
            continue
        if sender_kind(row.kind) != PlausibilitySender_KIND_NONE and is_refused(
                known, plausibility, sender_kind(row.kind), memory.source[at]):
            memory.good_ns[at] = 0  # what a suspect said counts no longer
        elif <double>(frame.tick_time_ns - memory.good_ns[at]) * 1e-9 <= row.timeout_s:
            return place
    return NOT_NAMED


cdef inline bint is_left_out(const SourcePreference* row, int chosen, int kind, const uint8_t* item) noexcept nogil:
    cdef int place
    if not is_of(row, kind, item):
        return False
    place = place_of(row, item_source(kind, item))
    return place == NOT_NAMED or (chosen != NOT_NAMED and place != chosen)


cdef inline bint has_left_out(const SourcePreference* row, int chosen, const InputFrame* frame) noexcept nogil:
    cdef const uint8_t* head = input_of(<InputFrame*>frame, row.kind)
    cdef uint32_t i
    for i in range((<const ImuInput*>head).count):
        if is_left_out(row, chosen, row.kind, head + LIST_FIRST_ITEM + i * item_size(row.kind)):
            return True
    return False


cdef inline void leave_out(const SourcePreference* row, int chosen, InputFrame* kept) noexcept nogil:
    cdef uint8_t* head = input_of(kept, row.kind)
    cdef uint32_t size = item_size(row.kind)
    cdef uint32_t i, count = 0
    cdef uint8_t* item
    for i in range((<ImuInput*>head).count):
        item = head + LIST_FIRST_ITEM + i * size
        if not is_left_out(row, chosen, row.kind, item):
            memmove(head + LIST_FIRST_ITEM + count * size, item, size)
            count += 1
    (<ImuInput*>head).count = count


cdef inline const InputFrame* preferred(PreferenceMemory* memory, const InputsParameters* parameters,
                                        const PlausibilityMemory* known, const PlausibilityParameters* plausibility,
                                        const InputFrame* frame, InputFrame* kept, VehicleState* vehicle) noexcept nogil:
    """`frame`, or `kept` with what of it is used."""
    cdef const SourcePreference* row
    cdef const InputFrame* used = frame
    cdef int number, chosen
    for number in range(PREFERENCES):
        row = &parameters.preference[number]
        vehicle.preferred_source[number] = InputsParameters_ANY_SOURCE
        if row.kind == SourcePreference_KIND_NONE:
            continue
        chosen = chosen_place(memory, number, row, known, plausibility, frame)
        if chosen != NOT_NAMED:
            vehicle.preferred_source[number] = memory.source[PLACES * number + chosen]
        if has_left_out(row, chosen, used):
            if used == frame:
                memcpy(kept, frame, sizeof(InputFrame))
                used = kept
            leave_out(row, chosen, kept)
    return used
