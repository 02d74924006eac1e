"""Raw CAN frames into samples of the input frame; the Python face and the configuration are in drivers/can/router.py."""

from libc.math cimport NAN, rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from autonomy.inputs._append cimport KIND_LANE, KIND_SIGNAL, InputKind, append_sample, item_size, item_validity_offset
from autonomy.msg.messages cimport (
    LAYOUT_HASH, LaneSample, SignalSample, CanFrame_FLAG_ERROR, CanFrame_FLAG_REMOTE, CanFrame_FLAG_TRANSMITTED,
    SignalSample_CHECKSUM_ERROR, SignalSample_COUNTER_ERROR, SignalSample_OWN_ADDRESS, SignalSample_SECOND_SENDER,
)

from autonomy.msg import dtype
from autonomy.msg.layout import require

from drivers.can._lane_mounting cimport move_lines
from drivers.can._codec cimport address_of, decode_signal, far_bits, load_word
from drivers.can._encode cimport checksum_holds
from drivers.can._tables cimport (
    EXTENDED, VALIDITY_ERROR, VALIDITY_NOT_AVAILABLE, VALIDITY_OK, MessageRow, SignalRow, find_message, pgn_of)

require(__name__, LAYOUT_HASH)

ROW_SIZES = {"route": sizeof(RouteRow), "field": sizeof(FieldRow), "term": sizeof(TermRow), "guard": sizeof(GuardRow)}
LIMITS = {"routes": MAX_ROUTES, "combines": MAX_COMBINES, "parts": MAX_PARTS, "mappings": MAX_MAPPINGS, "guards": MAX_GUARDS,
          "sample_bytes": MAX_SAMPLE_BYTES}
cdef int NOT_MEASUREMENT_FLAGS = CanFrame_FLAG_ERROR | CanFrame_FLAG_REMOTE | CanFrame_FLAG_TRANSMITTED

# What is read without a database. Of the transport protocol that is the lamps of a long DM1, which stand in its first packet
cdef enum:
    ADDRESS_CLAIMED = 0xEE00
    NULL_ADDRESS = 0xFE
    TRANSPORT_CONTROL = 0xEC00
    TRANSPORT_DATA = 0xEB00
    BROADCAST = 32
    DM1 = 0xFECA
    DM1_IDENTIFIER = 0x18FECA00

# One CAN frame while it is being routed
cdef struct Arrival:
    const CanFrame *frame
    const MessageRow *message
    uint64_t word
    uint16_t length


cdef int route_frame(const RouterTables *tables, RouterState *state, const CanFrame *frame,
                     InputFrame *inputs) noexcept nogil:
    """Appends the samples of one frame; returns the kind of the first one, 0 (not routed) or a negative reason."""
    cdef Arrival arrival
    cdef int32_t message, route, guard
    cdef int status, result = NOT_ROUTED
    cdef bint heard = False
    cdef int own
    cdef CanFrame lamps
    if frame.flags & NOT_MEASUREMENT_FLAGS:
        note_own_claim(tables, state, frame)
        state.not_measurements += 1
        return NOT_A_MEASUREMENT
    own = state.moved_to - 1 if state.moved_to else tables.own_address
    if own >= 0 and frame.bus == tables.own_bus and frame.id & EXTENDED and <int>(frame.id & 0xFF) == own:
        tell(frame, SignalSample_OWN_ADDRESS, <uint16_t>own, inputs)
    if frame.id & EXTENDED and opens_dm1(state, frame, &lamps):
        frame = &lamps
    message = find_message(tables.codec, frame.bus, frame.id)
    guard = tables.guard_of[message] if message >= 0 else -1
    route = tables.first_route[message] if message >= 0 else -1
    if route >= 0:
        arrival.frame = frame
        arrival.message = &tables.codec.messages[message]
        arrival.length = frame.length if frame.length <= 8 else 8
        arrival.word = load_word(frame.data, arrival.length)
        if guard >= 0 and not is_trusted(tables, state, guard, route, &arrival, inputs):
            state.not_routed += 1
            return NOT_TRUSTED
    while route >= 0:
        if tables.routes[route].source_address < 0 or tables.routes[route].source_address == <int>(frame.id & 0xFF):
            heard = True
            status = apply_route(tables, state, route, &arrival, guard >= 0, inputs)
            if result == NOT_ROUTED or (result < 0 and status > 0):
                result = status
        route = tables.routes[route].next
    if not heard:
        state.not_routed += 1
    return result


cdef void note_own_claim(const RouterTables *tables, RouterState *state, const CanFrame *frame) noexcept nogil:
    """Our node's claim that we sent tells our address: it may have had to move."""
    if frame.flags & CanFrame_FLAG_TRANSMITTED and frame.id & EXTENDED and frame.bus == tables.own_bus \
            and tables.own_address >= 0 and pgn_of(frame.id & 0x1FFFFFFF) == ADDRESS_CLAIMED \
            and frame.id & 0xFF != NULL_ADDRESS:
        state.moved_to = <uint16_t>(1 + (frame.id & 0xFF))


cdef bint opens_dm1(RouterState *state, const CanFrame *frame, CanFrame *lamps) noexcept nogil:
    """Whether this is the first packet of a DM1 of more than eight bytes; `lamps` is then the DM1 with its first trouble code."""
    cdef uint32_t group = pgn_of(frame.id & 0x1FFFFFFF)
    cdef uint8_t source = <uint8_t>(frame.id & 0xFF)
    if frame.length != 8:
        return False
    if group == TRANSPORT_CONTROL and frame.data[0] == BROADCAST:
        state.dm1_bus[source] = frame.bus + 1 if (
            frame.data[5] | frame.data[6] << 8 | frame.data[7] << 16) == DM1 and frame.bus < 255 else 0
    elif group == TRANSPORT_DATA and frame.data[0] == 1 and state.dm1_bus[source] == frame.bus + 1:
        state.dm1_bus[source] = 0
        lamps[0] = frame[0]
        lamps.id = EXTENDED | <uint32_t>DM1_IDENTIFIER | source
        memcpy(lamps.data, &frame.data[1], 7)
        lamps.data[7] = 0xFF
        return True
    return False


cdef void tell(const CanFrame *frame, uint16_t event, uint16_t source, InputFrame *inputs) noexcept nogil:
    """An event of the bus as a signal; its value is the PGN, else the identifier."""
    cdef SignalSample sample
    memset(&sample, 0, sizeof(SignalSample))
    sample.valid_time_ns = sample.received_time_ns = frame.time_ns
    sample.value = pgn_of(frame.id & 0x1FFFFFFF) if frame.id & EXTENDED else frame.id
    sample.signal, sample.source = event, source
    append_sample(inputs, <InputKind>KIND_SIGNAL, &sample)


cdef bint is_trusted(const RouterTables *tables, RouterState *state, int32_t number, int32_t route, const Arrival *arrival,
                     InputFrame *inputs) noexcept nogil:
    """Tells of another sender that has values to say, of a wrong checksum and of a counter that did not count.

    The frame of a wrong counter is used: it may be that one before it was lost.
    """
    cdef const GuardRow *guard = &tables.guards[number]
    cdef const MessageRow *message = arrival.message
    cdef const SignalRow *counter
    cdef uint64_t sample[SAMPLE_WORDS]
    cdef uint8_t found
    if guard.source_address >= 0 and guard.source_address != <int>(arrival.frame.id & 0xFF):
        while route >= 0:
            memcpy(sample, &tables.templates[route * MAX_SAMPLE_BYTES], item_size(tables.routes[route].kind))
            if fill_fields(tables, &tables.routes[route], arrival, <uint8_t *>sample) == VALIDITY_OK:
                tell(arrival.frame, SignalSample_SECOND_SENDER, <uint16_t>(arrival.frame.id & 0xFF), inputs)
                break
            route = tables.routes[route].next
        return False
    if arrival.length < message.length or message.length > 8:
        return True
    if not checksum_holds(tables.codec, message, arrival.frame.id, arrival.frame.data):
        tell(arrival.frame, SignalSample_CHECKSUM_ERROR, guard.source, inputs)
        return False
    if message.counter_signal >= 0:
        counter = &tables.codec.signals[message.first_signal + message.counter_signal]
        found = <uint8_t>far_bits(counter, arrival.frame.data)
        if state.last_counter[number] and found != state.last_counter[number] % message.counter_modulo:
            tell(arrival.frame, SignalSample_COUNTER_ERROR, guard.source, inputs)
        state.last_counter[number] = found + 1
    return True


cdef inline void stamp(const RouteRow *route, const CanFrame *frame, uint64_t *sample) noexcept nogil:
    (<int64_t *>sample)[0] = frame.time_ns - route.delay_ns
    (<int64_t *>sample)[1] = frame.time_ns
    if route.source_is_sender:
        (<uint16_t *>(<uint8_t *>sample + route.source_offset))[0] = <uint16_t>(frame.id & 0xFF)


cdef int apply_route(const RouterTables *tables, RouterState *state, int32_t number, const Arrival *arrival, bint guarded,
                     InputFrame *inputs) noexcept nogil:
    cdef const RouteRow *route = &tables.routes[number]
    cdef RouteCounts *counts = &state.counts[number]
    cdef CombineState *combine = &state.combines[route.combine] if route.combine >= 0 else NULL
    cdef const uint8_t *template = &tables.templates[number * MAX_SAMPLE_BYTES]
    cdef uint64_t sample[SAMPLE_WORDS]
    cdef uint64_t others = 0, own = <uint64_t>1 << route.part
    cdef uint8_t validity
    cdef double value
    counts.received += 1
    if route.condition_signal >= 0:
        validity = decode_signal(tables.codec, arrival.message, &tables.codec.signals[route.condition_signal],
                                 arrival.word, arrival.frame.data, arrival.length, &value)
        if validity != VALIDITY_OK or value != route.condition_value:
            counts.inactive += 1
            return CONDITION_UNMET
    if combine == NULL:
        memcpy(sample, template, item_size(route.kind))
    else:
        forget_old_parts(tables, combine, route, arrival.frame.time_ns)
        if not combine.present:
            memcpy(combine.sample, template, item_size(route.kind))
        memcpy(sample, combine.sample, item_size(route.kind))
        others = combine.present & ~own
    validity = fill_fields(tables, route, arrival, <uint8_t *>sample)
    if route.emits:
        combine.present = 0  # what has gone out once must not go out again under a later time
        if validity != VALIDITY_OK and others and not route.required_parts & own:
            validity = VALIDITY_OK  # the other parts are worth a sample
        if validity == VALIDITY_OK and route.required_parts & ~(others | own):
            validity = VALIDITY_NOT_AVAILABLE
    if validity != VALIDITY_OK:
        counts.unusable += 1
        if guarded and combine == NULL and route.kind != KIND_SIGNAL:
            # Who speaks without a value is not silent; a single signal may well be left out
            (<uint8_t *>sample)[item_validity_offset(route.kind)] = validity
            stamp(route, arrival.frame, sample)
            append_sample(inputs, <InputKind>route.kind, sample)
        return ERROR_INDICATED if validity == VALIDITY_ERROR else NOT_AVAILABLE
    if combine != NULL and not route.emits:
        memcpy(combine.sample, sample, item_size(route.kind))
        combine.present |= own
        combine.part_time_ns[route.part] = arrival.frame.time_ns
        counts.used += 1
        return NOT_ROUTED
    stamp(route, arrival.frame, sample)
    if route.kind == KIND_LANE:
        move_lines(<LaneSample *>sample, route.mounting_x_m, route.mounting_y_m)
    if not append_sample(inputs, <InputKind>route.kind, sample):
        counts.unusable += 1
        return LIST_FULL
    counts.used += 1
    return route.kind


cdef uint8_t fill_fields(const RouterTables *tables, const RouteRow *route, const Arrival *arrival,
                         uint8_t *sample) noexcept nogil:
    """Writes every field that has a value. Not ok when a required one has none, or when none has."""
    cdef const FieldRow *field
    cdef uint32_t place
    cdef uint8_t validity, worst = VALIDITY_OK
    cdef bint any_signal = False, any_value = False
    cdef double value
    for place in range(route.first_field, route.first_field + route.field_count):
        field = &tables.fields[place]
        validity = field_value(tables, field, arrival, &value)
        if field.term_count:
            any_signal = True
            any_value = any_value or validity == VALIDITY_OK
        if validity == VALIDITY_OK:
            store(field, value, sample)
            continue
        worst = max(worst, validity)
        if field.is_required:
            return validity
    return VALIDITY_OK if any_value or not any_signal else worst


cdef uint8_t field_value(const RouterTables *tables, const FieldRow *field, const Arrival *arrival,
                         double *value) noexcept nogil:
    cdef const TermRow *term
    cdef uint32_t place
    cdef uint8_t validity
    cdef double physical, total = field.constant
    if field.is_identifier:
        value[0] = <double>(arrival.frame.id & 0x1FFFFFFF)
        return VALIDITY_OK
    for place in range(field.first_term, field.first_term + field.term_count):
        term = &tables.terms[place]
        validity = decode_signal(tables.codec, arrival.message, &tables.codec.signals[term.signal], arrival.word,
                                 arrival.frame.data, arrival.length, &physical)
        if validity != VALIDITY_OK:
            value[0] = NAN
            return validity
        total += physical * term.scale + term.offset
    if total != total:  # a float signal may carry NaN
        value[0] = NAN
        return VALIDITY_NOT_AVAILABLE
    if field.mapping_count:
        physical = total
        total = field.otherwise
        for place in range(field.mapping_count):
            if field.mapping_from[place] == physical:
                total = field.mapping_to[place]
    value[0] = total
    return VALIDITY_OK


cdef void store(const FieldRow *field, double value, uint8_t *sample) noexcept nogil:
    """Writes a number into its field, whole numbers rounded and kept within their type."""
    cdef uint8_t *target = sample + field.offset
    if field.type == FIELD_FLOAT64:
        (<double *>target)[0] = value
        return
    value = rint(value)
    if field.type == FIELD_INT64:
        (<int64_t *>target)[0] = <int64_t>min(max(value, -9.2e18), 9.2e18)
        return
    value = max(value, 0.0)
    if field.type == FIELD_UINT8:
        target[0] = <uint8_t>min(value, 255.0)
    elif field.type == FIELD_UINT16:
        (<uint16_t *>target)[0] = <uint16_t>min(value, 65535.0)
    else:
        (<uint32_t *>target)[0] = <uint32_t>min(value, 4294967295.0)


cdef void forget_old_parts(const RouterTables *tables, CombineState *combine, const RouteRow *route,
                           int64_t now_ns) noexcept nogil:
    """Fields of parts that are older than the limit, or from the future of a clock that jumped, go back to their defaults."""
    cdef const RouteRow *other
    cdef const FieldRow *field
    cdef const uint8_t *template
    cdef uint32_t part, place, size
    cdef int32_t number
    cdef int64_t age_ns
    for part in range(MAX_PARTS):
        if not combine.present >> part & 1:
            continue
        age_ns = now_ns - combine.part_time_ns[part]
        if 0 <= age_ns <= route.max_age_ns:
            continue
        combine.present &= ~(<uint64_t>1 << part)
        number = tables.part_routes[route.combine * MAX_PARTS + part]
        other = &tables.routes[number]
        template = &tables.templates[number * MAX_SAMPLE_BYTES]
        for place in range(other.first_field, other.first_field + other.field_count):
            field = &tables.fields[place]
            size = 8 if field.type == FIELD_FLOAT64 or field.type == FIELD_INT64 else 1 << (field.type - FIELD_UINT8)
            memcpy(<uint8_t *>combine.sample + field.offset, template + field.offset, size)


cdef class Router:
    """Route tables and a state of its own. `arrays`: the rows built by drivers/can/router.py."""

    def __cinit__(self, CodecKernel codec, arrays, route_names, own=(NO_ADDRESS, 0), *args):
        self.codec_kernel = codec
        self.arrays = arrays
        self.route_names = tuple(route_names)
        self.rows.codec = &codec.tables
        self.rows.first_route = <const int32_t *>address_of(arrays["first_route"])
        self.rows.routes = <const RouteRow *>address_of(arrays["routes"])
        self.rows.fields = <const FieldRow *>address_of(arrays["fields"])
        self.rows.terms = <const TermRow *>address_of(arrays["terms"])
        self.rows.templates = <const uint8_t *>address_of(arrays["templates"])
        self.rows.part_routes = <const int32_t *>address_of(arrays["part_routes"])
        self.rows.guard_of = <const int32_t *>address_of(arrays["guard_of"])
        self.rows.guards = <const GuardRow *>address_of(arrays["guards"])
        self.rows.own_address, self.rows.own_bus = own
        self.tables = &self.rows
        self.state = <RouterState *>calloc(1, sizeof(RouterState))
        if self.state == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.state)

    def route(self, frames, inputs):
        """Routes an array of CanFrame into an InputFrame array of one element; int8 results, one a frame.

        A result is the kind of the (first) sample appended, 0 when the frame added none, negative when it could not
        be used (see the reasons in _router.pxd).
        """
        if frames.dtype != dtype("CanFrame") or inputs.dtype != dtype("InputFrame") or inputs.size != 1:
            raise TypeError("route: give an array of dtype('CanFrame') and an array of one dtype('InputFrame')")
        if not inputs.flags.c_contiguous or not inputs.flags.writeable:
            raise TypeError("route: the InputFrame array must be contiguous and writeable")
        cdef const uint8_t[::1] raw = np.ascontiguousarray(frames).reshape(-1).view(np.uint8)
        cdef uint8_t[::1] target = inputs.reshape(-1).view(np.uint8)
        cdef Py_ssize_t count = frames.size, place
        results = np.zeros(count, np.int8)
        cdef signed char[::1] results_view = results
        with nogil:
            for place in range(count):
                results_view[place] = <signed char>route_frame(
                    self.tables, self.state, &(<const CanFrame *>&raw[0])[place], <InputFrame *>&target[0])
        return results

    def counts(self):
        """{route: {received, used, unusable, inactive}} of everything routed with this object's own state."""
        return self.counts_of(self.state)

    def reset(self):
        """Empties counts and half-complete samples."""
        memset(self.state, 0, sizeof(RouterState))

    cdef dict counts_of(self, const RouterState *state):
        result = {}
        for place, name in enumerate(self.route_names):
            result[name] = {
                "received": state.counts[place].received, "used": state.counts[place].used,
                "unusable": state.counts[place].unusable, "inactive": state.counts[place].inactive,
            }
        return result
