# Tracks that are pieces of one body, or twice the same: a truck's cab and trailer, one behind the other, as fast, for a while.
from libc.math cimport fabs
from autonomy.msg.messages cimport TracksParameters
from autonomy.estimation.tracks._bank cimport Bank, mixed
from autonomy.estimation.tracks._existence cimport confirmed
from autonomy.estimation.tracks._slots cimport release
from autonomy.estimation.tracks._tracks cimport KIND_SENSED, Slot, TracksMemory

cdef extern from *:
    """
    static const double INSIDE_M = 1.0;         /* so far inside nothing else can be ... [D] */
    static const double INSIDE_AFTER_S = 0.1;   /* and less time is needed to believe it */
    static const double STANDING_MPS = 3.0;  /* queues stand closer than pieces: slower ones only in overlap [D] */
    """
    const double INSIDE_M
    const double INSIDE_AFTER_S
    const double STANDING_MPS


cdef inline double gap_between(const TracksMemory* memory, int rear, int front) noexcept nogil:
    """m of air between two bodies, negative where they overlap."""
    return mixed(&memory.bank, 0, front) - mixed(&memory.bank, 0, rear) - memory.slots[rear].length


cdef inline bint alike(const TracksMemory* memory, const TracksParameters* p, int rear, int front) noexcept nogil:
    """Whether the body of `front` continues that of `rear`; rear.x <= front.x."""
    cdef const Slot* a = &memory.slots[rear]
    cdef const Slot* b = &memory.slots[front]
    cdef double gap = gap_between(memory, rear, front)
    cdef double aside = fabs(mixed(&memory.bank, 1, front) - mixed(&memory.bank, 1, rear))
    cdef double faster = fabs(mixed(&memory.bank, 2, front) - mixed(&memory.bank, 2, rear))
    cdef double room = p.merge_gap_m if mixed(&memory.bank, 2, rear) > STANDING_MPS else -0.3
    cdef double whole = mixed(&memory.bank, 0, front) + b.length - mixed(&memory.bank, 0, rear)
    # Without boxes a length is assumed, not known: then only what lies inside is the same
    if a.boxes == 0:
        room = -0.5 * a.length
    return gap < room and aside < 0.35 * (a.width + b.width) and faster < p.merge_speed and whole <= p.longest_body_m + 1.0


cdef inline void join(TracksMemory* memory, const TracksParameters* p, int rear, int front) noexcept nogil:
    """The rear one's motion, and its number unless only the front one is confirmed; the body reaches to the front one's end."""
    cdef Slot* a = &memory.slots[rear]
    cdef Slot* b = &memory.slots[front]
    cdef double whole = mixed(&memory.bank, 0, front) - mixed(&memory.bank, 0, rear) + b.length
    if a.boxes > 0 and b.boxes > 0 and whole > a.length:
        a.length = whole if whole < p.longest_body_m else p.longest_body_m
    if confirmed(b) and not confirmed(a):
        a.track_id, a.settled = b.track_id, 1
    a.first_time_ns = a.first_time_ns if a.first_time_ns < b.first_time_ns else b.first_time_ns
    if memory.lead_track_id == b.track_id:
        memory.lead_track_id = a.track_id
    a.hits = a.hits if a.hits > b.hits else b.hits
    a.existence = a.existence if a.existence > b.existence else b.existence
    a.fastest = a.fastest if a.fastest > b.fastest else b.fastest
    a.update_time_ns = a.update_time_ns if a.update_time_ns > b.update_time_ns else b.update_time_ns
    a.classification = a.classification if a.classification > 0 else b.classification
    release(memory, front)


cdef inline void merge_pieces(TracksMemory* memory, const TracksParameters* p, double elapsed) noexcept nogil:
    cdef int i, j, rear, front
    cdef Slot* slot
    for i in range(<int>memory.used):
        if memory.slots[i].kind != KIND_SENSED:
            continue
        for j in range(i + 1, <int>memory.used):
            if memory.slots[j].kind != KIND_SENSED \
                    or fabs(mixed(&memory.bank, 1, i) - mixed(&memory.bank, 1, j)) > 2.5 \
                    or fabs(mixed(&memory.bank, 0, i) - mixed(&memory.bank, 0, j)) > p.longest_body_m:
                continue
            rear, front = (i, j) if mixed(&memory.bank, 0, i) <= mixed(&memory.bank, 0, j) else (j, i)
            slot = &memory.slots[front]
            if not alike(memory, p, rear, front):
                if slot.alike_id == memory.slots[rear].track_id:
                    slot.alike_s = slot.alike_s - elapsed if slot.alike_s > elapsed else 0.0
                continue
            if slot.alike_id != memory.slots[rear].track_id:
                slot.alike_s, slot.alike_id = 0.0, memory.slots[rear].track_id
            slot.alike_s += elapsed
            if slot.alike_s >= (p.merge_after_s if gap_between(memory, rear, front) > -INSIDE_M else INSIDE_AFTER_S):
                join(memory, p, rear, front)
                if front == i:
                    break
