# Whether there is an object at all: Bayes over hits and misses (integrated probabilistic data association, Musicki, Evans,
# Stankovic 1994).
from libc.math cimport exp, fabs
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._tracks cimport Slot

cdef extern from *:
    """
    static const double MOST_EVIDENCE = 20.0;  /* of one scan: ghosts come again at the same place, which the formula does not know [D] */
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


cdef inline bint confirmed(const Slot* slot, const TracksParameters* p) noexcept nogil:
    """By number of hits; once there it stays so until it is deleted."""
    return slot.hits >= p.confirm_hits


cdef inline bint expired(const Slot* slot, const TracksParameters* p, double silent_s) noexcept nogil:
    if not confirmed(slot, p):
        return silent_s > p.delete_tentative_after_s or slot.existence < p.existence_deleted
    return silent_s > p.delete_after_s
