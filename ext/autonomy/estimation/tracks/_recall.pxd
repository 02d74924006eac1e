# Who was lost to sight is remembered for a while, and known again when somebody is confirmed where it should be by now: it keeps
# its lane and goes with the traffic in it. Only number, age and extent come back; the motion is that of the new track.
from libc.math cimport exp, fabs
from libc.stdint cimport int64_t
from autonomy.estimation.tracks._bank cimport VX, X, Y, mixed
from autonomy.estimation.tracks._existence cimport WELL_KNOWN, confirmed
from autonomy.estimation.tracks._lead cimport lane_offset
from autonomy.estimation.tracks._slots cimport release
from autonomy.estimation.tracks._tracks cimport KIND_SENSED, LOST, Lost, Slot, TracksMemory

cdef extern from *:
    """
    static const double REMEMBERED_S = 15.0;      /* longer, the place is worse known than vehicles keep apart [D] */
    static const double RECALL_X_M = 2.0;         /* one sigma of the place along, at first ... [D] */
    static const double RECALL_X_MPS = 0.7;       /* ... and more a second out of sight */
    static const double RECALL_OFFSET_M = 0.8;    /* one sigma across [D] */
    static const double RECALL_SPEED_MPS = 1.5;   /* one sigma of the speed, at first ... [D] */
    static const double RECALL_SPEED_MPS2 = 0.15; /* ... and more a second */
    static const double RECALL_GATE = 9.0;        /* 3 sigma */
    static const double TRAFFIC_M = 60.0;         /* who drives so near in the same lane sets the speed [D] */
    static const double TRAFFIC_S = 3.0;          /* ... within so long [D] */
    static const double SAME_LANE_M = 1.5;
    static const double FADING = 0.5;             /* existence of who is missed where another appears [D] */
    """
    const double REMEMBERED_S
    const double RECALL_X_M
    const double RECALL_X_MPS
    const double RECALL_OFFSET_M
    const double RECALL_SPEED_MPS
    const double RECALL_SPEED_MPS2
    const double RECALL_GATE
    const double TRAFFIC_M
    const double TRAFFIC_S
    const double SAME_LANE_M
    const double FADING


cdef inline double offset_of(const TracksMemory* memory, int track) noexcept nogil:
    return lane_offset(memory, mixed(&memory.bank, X, track), mixed(&memory.bank, Y, track))


cdef inline void remember(TracksMemory* memory, int track) noexcept nogil:
    """As it falls silent, before clutter leads it astray; in the place of who was lost first."""
    cdef Slot* slot = &memory.slots[track]
    cdef Lost* lost
    cdef int i, oldest = 0
    if slot.remembered or slot.kind != KIND_SENSED or not confirmed(slot) or slot.hits < WELL_KNOWN:
        return
    slot.remembered = 1
    for i in range(LOST):
        if memory.lost[i].last_time_ns < memory.lost[oldest].last_time_ns:
            oldest = i
    lost = &memory.lost[oldest]
    lost.x, lost.offset, lost.speed = mixed(&memory.bank, X, track), offset_of(memory, track), mixed(&memory.bank, VX, track)
    lost.last_time_ns = slot.update_time_ns
    lost.slot = slot[0]


cdef inline void forget(TracksMemory* memory, Slot* slot) noexcept nogil:
    """It is surely seen again."""
    cdef int i
    slot.remembered = 0
    for i in range(LOST):
        if memory.lost[i].slot.track_id == slot.track_id:
            memory.lost[i].last_time_ns = 0


cdef inline double traffic_speed(const TracksMemory* memory, const double* offsets, const Lost* lost) noexcept nogil:
    """m/s of the nearest in its lane, its own where nobody is."""
    cdef double nearest = TRAFFIC_M, speed = lost.speed, away
    cdef int i
    for i in range(<int>memory.used):
        if memory.slots[i].kind != KIND_SENSED or not confirmed(&memory.slots[i]) or fabs(offsets[i] - lost.offset) > SAME_LANE_M:
            continue
        away = fabs(mixed(&memory.bank, X, i) - lost.x)
        if away < nearest:
            nearest, speed = away, mixed(&memory.bank, VX, i)
    return speed


cdef inline void move_lost(TracksMemory* memory, double own_speed, double elapsed, int64_t now_ns) noexcept nogil:
    cdef double[128] offsets
    cdef double share = 1.0 - exp(-elapsed / TRAFFIC_S)
    cdef Lost* lost
    cdef int i
    cdef bint known = False
    for i in range(LOST):
        lost = &memory.lost[i]
        if lost.last_time_ns == 0:
            continue
        if <double>(now_ns - lost.last_time_ns) * 1e-9 > REMEMBERED_S:
            lost.last_time_ns = 0
            continue
        if not known:
            known = True
            for k in range(<int>memory.used):
                offsets[k] = offset_of(memory, k)
        lost.x += (lost.speed - own_speed) * elapsed
        lost.speed += share * (traffic_speed(memory, offsets, lost) - lost.speed)


cdef inline double unlikeness(double dx, double across, double dv, double silent_s) noexcept nogil:
    """Squared sigmas between a new track and one that was not seen for so long."""
    cdef double x = dx / (RECALL_X_M + RECALL_X_MPS * silent_s), y = across / RECALL_OFFSET_M
    cdef double v = dv / (RECALL_SPEED_MPS + RECALL_SPEED_MPS2 * silent_s)
    return x * x + y * y + v * v


cdef inline void take_over(Slot* slot, const Slot* before) noexcept nogil:
    slot.track_id, slot.first_time_ns = before.track_id, before.first_time_ns
    slot.fastest = before.fastest if before.fastest > slot.fastest else slot.fastest
    slot.hits += before.hits
    slot.classification = slot.classification if slot.classification > 0 else before.classification
    if before.boxes > 0 and (slot.boxes == 0 or before.length > slot.length):
        slot.length, slot.width, slot.boxes = before.length, before.width, before.boxes
        slot.yaw = slot.yaw if slot.boxes > 0 else before.yaw


cdef inline void recall(TracksMemory* memory, int track, int64_t now_ns) noexcept nogil:
    """For a track that was just confirmed: who it was before. What still coasts under that number ends."""
    cdef Slot* slot = &memory.slots[track]
    cdef double x = mixed(&memory.bank, X, track), speed = mixed(&memory.bank, VX, track), offset = offset_of(memory, track)
    cdef double least = RECALL_GATE, found
    cdef Lost* lost
    cdef Slot* other
    cdef int i, best = -1, fading = -1
    for i in range(<int>memory.used):
        other = &memory.slots[i]
        if i == track or other.kind != KIND_SENSED or other.remembered or not confirmed(other) or other.existence > FADING:
            continue
        found = unlikeness(x - mixed(&memory.bank, X, i), offset - offset_of(memory, i), speed - mixed(&memory.bank, VX, i), 0.0)
        if found < least:
            least, fading = found, i
    for i in range(LOST):
        lost = &memory.lost[i]
        if lost.last_time_ns == 0:
            continue
        found = unlikeness(x - lost.x, offset - lost.offset, speed - lost.speed, <double>(now_ns - lost.last_time_ns) * 1e-9)
        if found < least:
            least, best = found, i
    if best < 0:
        if fading >= 0:
            take_over(slot, &memory.slots[fading])
            release(memory, fading)
        return
    lost = &memory.lost[best]
    for i in range(<int>memory.used):
        if i != track and memory.slots[i].kind == KIND_SENSED and memory.slots[i].track_id == lost.slot.track_id:
            release(memory, i)
    take_over(slot, &lost.slot)
    lost.last_time_ns = 0
