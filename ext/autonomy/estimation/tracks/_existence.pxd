# Whether there is an object at all: Bayes over hits and misses (integrated probabilistic data association, Musicki, Evans,
# Stankovic 1994).
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._tracks cimport Slot

cdef enum:
    WELL_KNOWN = 30              # hits: a second of three sensors [D]

cdef extern from *:
    """
    static const double MOST_EVIDENCE = 20.0;  /* of one scan: ghosts come again at the same place [D] */
    """
    const double MOST_EVIDENCE


cdef inline void hit(Slot* slot, double detection_probability, double likelier) noexcept nogil:
    """`likelier`: sum over its candidates of how much likelier each is than a miss and a false detection."""
    cdef double evidence = (1.0 - detection_probability) * (1.0 + likelier)
    if evidence > MOST_EVIDENCE:
        evidence = MOST_EVIDENCE
    slot.existence = evidence * slot.existence / (1.0 - slot.existence + evidence * slot.existence)


cdef inline void miss(Slot* slot, double detection_probability) noexcept nogil:
    slot.existence *= (1.0 - detection_probability) / (1.0 - detection_probability * slot.existence)


cdef inline bint settle(Slot* slot, const TracksParameters* p) noexcept nogil:
    """Confirmed when seen often enough and surely enough; then it stays so until it is deleted. Whether it was just now."""
    if slot.settled or slot.hits < p.confirm_hits or slot.existence < p.existence_confirmed:
        return False
    slot.settled = 1
    return True


cdef inline bint confirmed(const Slot* slot) noexcept nogil:
    return slot.settled != 0


cdef inline bint expired(const Slot* slot, const TracksParameters* p, double silent_s, int64_t now_ns) noexcept nogil:
    """Who is silent behind another is waited for."""
    if not confirmed(slot):
        return silent_s > p.delete_tentative_after_s or slot.existence < p.existence_deleted
    if slot.hits >= WELL_KNOWN and <double>(now_ns - slot.hidden_time_ns) * 1e-9 < p.coast_after_s:
        return silent_s > p.delete_hidden_after_s
    return silent_s > p.delete_after_s
