# Cross-checks between independent senders of one quantity: who is frozen, who is against the majority, who may come back.
#
# Each row of [plausibility] sender has a newest sample. Two of them agree when they differ by no more than both may be off by,
# and by what the quantity may move between their times. A sender that more votes speak against than it and those who agree with
# it have is suspect after a while. Where they differ and that is so of none or of all, the quantity is disputed, and nobody is
# left out. Header only.
# Twin: autonomy/inputs/plausibility_twin.py.
from libc.math cimport NAN, fabs, isfinite
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t
from libc.string cimport memset
from autonomy.msg.messages cimport *
from autonomy.inputs._senders cimport (
    QUANTITIES, REPEATS, SENDERS, PlausibilityMemory, SenderMemory, has_word, limits_of, seconds,
)


cdef inline bint stands_still(PlausibilityMemory* memory, const PlausibilityParameters* parameters, int row, bint differs,
                              const double* values, const uint8_t* voters, int64_t now_ns) noexcept nogil:
    """The value has not changed by a bit for long, though another sender's has, by much, for a while, and out of what both
    may be off by (`differs`). Zero is no such value: sensors say it of a vehicle at rest."""
    cdef SenderMemory* sender = &memory.sender[row]
    cdef const PlausibilityLimits* limits = limits_of(parameters, parameters.sender[row].quantity)
    cdef int other
    if parameters.sender[row].kind == PlausibilitySender_KIND_MOTION or (
            parameters.sender[row].kind == PlausibilitySender_KIND_STEERING
            and parameters.sender[row].quantity == PlausibilitySender_QUANTITY_YAW_RATE) or sender.raw == 0.0:
        return False
    if sender.witness >= 0 and not voters[sender.witness]:
        sender.witness = -1
    if sender.witness < 0:
        for other in range(SENDERS):
            if other != row and voters[other] and parameters.sender[other].quantity == parameters.sender[row].quantity:
                sender.witness = <int8_t>other
                sender.witness_value = values[other]
                sender.watched_ns = now_ns
                break
        sender.moved_ns = 0
        return False
    if not differs or sender.repeats < REPEATS or fabs(values[sender.witness] - sender.witness_value) <= limits.frozen_change:
        sender.moved_ns = 0
        return False
    if sender.moved_ns == 0:
        sender.moved_ns = now_ns
    return seconds(sender.watched_ns, now_ns) >= limits.frozen_after_s and \
        seconds(sender.moved_ns, now_ns) >= limits.disagree_after_s


cdef inline void check_quantity(PlausibilityMemory* memory, const PlausibilityParameters* parameters,
                                const VehicleParameters* vehicle, int quantity, int64_t now_ns) noexcept nogil:
    cdef const PlausibilityLimits* limits = limits_of(parameters, quantity)
    cdef double[16] values
    cdef double[16] votes
    cdef double[16] speaks_for
    cdef double[16] speaks_against
    cdef int64_t[16] times
    cdef uint8_t[16] speaks      # has a word now
    cdef uint8_t[16] voters      # and is not suspect
    cdef int[16] rows
    cdef int count = 0, place, other_place, row, other, sharing
    cdef bint somebody_differs = False, somebody_stands = False, somebody_accused = False, frozen
    cdef double tolerance
    cdef SenderMemory* sender
    memset(voters, 0, sizeof(voters))
    memset(speaks, 0, sizeof(speaks))
    for row in range(SENDERS):
        if parameters.sender[row].kind == PlausibilitySender_KIND_NONE:
            break
        if parameters.sender[row].quantity != quantity:
            continue
        rows[count] = row
        count += 1
        speaks_for[row] = speaks_against[row] = 0.0
        if has_word(memory, parameters, vehicle, row, now_ns, &values[row], &times[row]):
            speaks[row] = 1
            voters[row] = memory.sender[row].suspect_ns == 0
    for place in range(count):
        row = rows[place]
        votes[row] = 0.0
        if voters[row]:
            sharing = 0
            for other_place in range(count):
                other = rows[other_place]
                if other == row or (voters[other] and parameters.sender[row].group != 0
                                    and parameters.sender[other].group == parameters.sender[row].group):
                    sharing += 1
            votes[row] = 1.0 / sharing
    for place in range(count):
        row = rows[place]
        for other_place in range(place):
            other = rows[other_place]
            if not (speaks[row] and speaks[other]):
                continue
            tolerance = parameters.sender[row].absolute + parameters.sender[row].relative * fabs(values[row]) \
                + parameters.sender[other].absolute + parameters.sender[other].relative * fabs(values[other]) \
                + limits.slew * fabs(<double>(times[row] - times[other]) * 1e-9)
            if fabs(values[row] - values[other]) <= tolerance:
                speaks_for[row] += votes[other]
                speaks_for[other] += votes[row]
            else:
                speaks_against[row] += votes[other]
                speaks_against[other] += votes[row]
    for place in range(count):
        row = rows[place]
        if not voters[row]:
            continue
        if speaks_against[row] > 0.0:
            somebody_differs = True
        if speaks_against[row] > speaks_for[row] + votes[row]:
            somebody_accused = True
        else:
            somebody_stands = True
    if somebody_differs and not (somebody_accused and somebody_stands):
        if memory.disputed_ns[quantity] == 0:
            memory.disputed_ns[quantity] = now_ns
    else:
        memory.disputed_ns[quantity] = 0
    memory.best[quantity] = NAN
    for place in range(count):
        row = rows[place]
        sender = &memory.sender[row]
        if not speaks[row]:
            sender.accused_ns = sender.trusted_ns = 0
            sender.witness = -1
            continue
        frozen = stands_still(memory, parameters, row, speaks_against[row] > 0.0, values, voters, now_ns)
        if sender.suspect_ns == 0:
            if not (somebody_stands and speaks_against[row] > speaks_for[row] + votes[row]) \
                    or parameters.sender[row].kind == PlausibilitySender_KIND_MOTION:
                sender.accused_ns = 0
            elif sender.accused_ns == 0:
                sender.accused_ns = now_ns
            if frozen:
                leave_out(sender, VehicleState_SENDER_FROZEN, now_ns)
                voters[row] = 0
            elif sender.accused_ns and seconds(sender.accused_ns, now_ns) >= limits.disagree_after_s:
                leave_out(sender, VehicleState_SENDER_DISAGREES, now_ns)
                voters[row] = 0
        elif frozen or speaks_for[row] <= 0.0 or speaks_against[row] > speaks_for[row] or (
                sender.reason == VehicleState_SENDER_FROZEN and sender.changed_ns <= sender.suspect_ns):
            sender.trusted_ns = 0
        elif sender.trusted_ns == 0:
            sender.trusted_ns = now_ns
        elif seconds(sender.trusted_ns, now_ns) >= limits.clear_after_s:
            sender.suspect_ns = sender.trusted_ns = 0
            sender.reason = 0
            voters[row] = 1
        if voters[row] and not isfinite(memory.best[quantity]) \
                and parameters.sender[row].kind != PlausibilitySender_KIND_MOTION:
            memory.best[quantity] = values[row]
            memory.best_ns[quantity] = times[row]


cdef inline void leave_out(SenderMemory* sender, uint8_t reason, int64_t now_ns) noexcept nogil:
    sender.suspect_ns = now_ns
    sender.reason = reason
    sender.accused_ns = sender.trusted_ns = 0


cdef inline bint is_refused(const PlausibilityMemory* memory, const PlausibilityParameters* parameters, int kind,
                            uint16_t source) noexcept nogil:
    """Whether a sender is suspect in any of its quantities."""
    cdef int row
    for row in range(SENDERS):
        if parameters.sender[row].kind == PlausibilitySender_KIND_NONE:
            return False
        if parameters.sender[row].kind == kind and parameters.sender[row].source == source and memory.sender[row].suspect_ns:
            return True
    return False


cdef inline void report_senders(const PlausibilityMemory* memory, const PlausibilityParameters* parameters,
                                int64_t now_ns, VehicleState* vehicle) noexcept nogil:
    cdef int row, quantity
    cdef const SenderMemory* sender
    vehicle.refused_wheel_count = 0
    for row in range(SENDERS):
        sender = &memory.sender[row]
        vehicle.sender_since_ns[row] = sender.suspect_ns
        if parameters.sender[row].kind == PlausibilitySender_KIND_NONE:
            vehicle.sender_status[row] = VehicleState_SENDER_UNUSED
        elif sender.suspect_ns:
            vehicle.sender_status[row] = sender.reason
            if parameters.sender[row].kind == PlausibilitySender_KIND_WHEEL and vehicle.refused_wheel_count < 4:
                vehicle.refused_wheel_sources[vehicle.refused_wheel_count] = parameters.sender[row].source
                vehicle.refused_wheel_count += 1
        elif parameters.sender[row].kind != PlausibilitySender_KIND_MOTION and (
                sender.time_ns == 0 or seconds(sender.time_ns, now_ns) > parameters.sender[row].timeout_s):
            vehicle.sender_status[row] = VehicleState_SENDER_SILENT
        else:
            vehicle.sender_status[row] = VehicleState_SENDER_GOOD
    for quantity in range(QUANTITIES):
        vehicle.disputed[quantity] = memory.disputed_ns[quantity] != 0 and \
            seconds(memory.disputed_ns[quantity], now_ns) >= limits_of(parameters, quantity).disagree_after_s
