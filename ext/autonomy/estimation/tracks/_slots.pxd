# Places for tracks: taken, begun with what is known of a new object, given back.
from libc.math cimport fabs, isfinite
from libc.string cimport memset
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from autonomy.msg.messages cimport TracksParameters, TracksSensor_KIND_RADAR
from autonomy.estimation.tracks._bank cimport (
    AA, MODELS, PAIRS, STATES, TRACKS, VX, VXVX, VY, VYVY, WW, X, XX, Y, YY, Bank,
    covariance_of, state_of)
from autonomy.estimation.tracks._detection cimport Detection
from autonomy.estimation.tracks._sight cimport Viewer
from autonomy.estimation.tracks._tracks cimport KIND_FREE, KIND_OBJECT, KIND_SENSED, SLOTS, Change, Slot, TracksMemory

cdef extern from *:
    """
    static const double BESIDE_SHARE = 0.7;  /* of a body: who comes from behind is seen by its front first [D] */
    static const double STRAY_MPS = 0.5;     /* speed across of who stands or walks, one sigma [D] */
    static const double STRAY_SLOPE = 0.05;  /* ... more per speed along: 3 degrees [D] */
    static const double LEAST_COSINE = 0.5;  /* a range rate further aside tells little of the speed along [D] */
    """
    const double BESIDE_SHARE
    const double STRAY_MPS
    const double STRAY_SLOPE
    const double LEAST_COSINE


cdef inline void clear_track(Bank* bank, int track) noexcept nogil:
    cdef int k
    for k in range(MODELS * STATES):
        bank.mean[k * TRACKS + track] = 0.0
    for k in range(MODELS * PAIRS):
        bank.cov[k * TRACKS + track] = 0.0
    bank.probability[track] = bank.probability[TRACKS + track] = 0.5


cdef inline void release(TracksMemory* memory, int index) noexcept nogil:
    memory.slots[index].kind = KIND_FREE
    clear_track(&memory.bank, index)


cdef inline int find_object(const TracksMemory* memory, uint16_t source, uint32_t target_id) noexcept nogil:
    """Slot of an outside tracker's object, -1 = none."""
    cdef int i
    for i in range(<int>memory.used):
        if memory.slots[i].target_id == target_id and memory.slots[i].kind == KIND_OBJECT and memory.slots[i].source == source:
            return i
    return -1


cdef inline int allot(TracksMemory* memory, const TracksParameters* p, uint8_t kind, uint16_t source,
                       int64_t now_ns) noexcept nogil:
    """A free slot as a new track; -1 when all are taken, which is counted."""
    cdef int i, index = -1
    cdef Slot* slot
    for i in range(<int>memory.used):
        if memory.slots[i].kind == KIND_FREE:
            index = i
            break
    if index < 0:
        if memory.used == SLOTS:
            memory.overflow += 1
            return -1
        index = <int>memory.used
        memory.used += 1
    slot = &memory.slots[index]
    memset(slot, 0, sizeof(Slot))
    memset(&memory.change[index], 0, sizeof(Change))
    slot.kind, slot.source, slot.track_id, slot.first_time_ns = kind, source, memory.next_track_id, now_ns
    slot.length, slot.width, slot.existence = p.initial_length, p.initial_width, p.existence_birth
    memory.next_track_id += 1
    if memory.next_track_id == 0:
        memory.next_track_id = 1
    return index


cdef inline void place(Bank* bank, const TracksParameters* p, int track, double x, double y, double vx, double xx, double yy,
                       double vxvx) noexcept nogil:
    """Both models alike: here, this fast, not turning; the speed across is unknown but for that who is fast drives along."""
    cdef double across = STRAY_MPS + STRAY_SLOPE * fabs(vx)
    cdef int model
    across = across if across < p.initial_speed_sigma else p.initial_speed_sigma
    clear_track(bank, track)
    for model in range(MODELS):
        state_of(bank, model, X)[track] = x
        state_of(bank, model, Y)[track] = y
        state_of(bank, model, VX)[track] = vx
        covariance_of(bank, model, XX)[track] = xx
        covariance_of(bank, model, YY)[track] = yy
        covariance_of(bank, model, VXVX)[track] = vxvx
        covariance_of(bank, model, VYVY)[track] = across * across
        covariance_of(bank, model, AA)[track] = p.initial_acceleration_sigma * p.initial_acceleration_sigma
        covariance_of(bank, model, WW)[track] = p.initial_turn_sigma * p.initial_turn_sigma


cdef inline int begin_track(TracksMemory* memory, const TracksParameters* p, const Viewer* viewer, const Detection* item,
                            int64_t now_ns) noexcept nogil:
    """A track of what no track explains. Returns its slot or -1."""
    cdef double vx = viewer.own_speed, variance = p.unmeasured_speed_sigma * p.unmeasured_speed_sigma
    cdef double own, sight_x, sight_y, x, xx
    cdef int index = allot(memory, p, KIND_SENSED, item.source, now_ns)
    cdef Slot* slot
    if index < 0:
        return index
    if isfinite(item.rate):
        sight_x, sight_y = item.sight_x, item.sight_y
        own = viewer.own_speed - viewer.own_yaw_rate * item.y
        if viewer.sensor.along_sight:
            own = sight_x * (viewer.own_speed - viewer.own_yaw_rate * viewer.sensor.y_m) \
                + sight_y * viewer.own_yaw_rate * viewer.sensor.x_m
        if fabs(sight_x) > LEAST_COSINE:
            vx = (item.rate + own) / sight_x
            variance = (item.rate_variance + sight_y * sight_y * p.initial_speed_sigma * p.initial_speed_sigma) \
                / (sight_x * sight_x)
    slot = &memory.slots[index]
    x, xx = item.x, item.xx
    if item.kind == TracksSensor_KIND_RADAR and viewer.sensor.along_sight and item.x < viewer.sensor.x_m:
        # Beside the sensor some point of the side: the rear lies behind it
        x -= BESIDE_SHARE * slot.length
        xx += 0.25 * BESIDE_SHARE * BESIDE_SHARE * slot.length * slot.length
    place(&memory.bank, p, index, x + (vx - viewer.own_speed) * viewer.age, item.y, vx, xx, item.yy, variance)
    slot.hits = 1
    slot.update_time_ns = item.time_ns
    return index
