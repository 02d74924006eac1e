# One scan of one sensor into the tracks: what should be seen, which detection is whose, correction, existence, new tracks.
from libc.math cimport atan2, exp, fabs, hypot, isfinite, remainder, M_PI
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport TracksParameters, TracksSensor_KIND_OBSTACLE
from autonomy.estimation.tracks._association cimport Pair, Pairs, gate, solve
from autonomy.estimation.tracks._bank cimport TRACKS, VX, VXVX, mixed, mixed_covariance
from autonomy.estimation.tracks._change cimport test_change
from autonomy.estimation.tracks._detection cimport Detection
from autonomy.estimation.tracks._existence cimport confirmed, hit, miss, settle
from autonomy.estimation.tracks._extent cimport take_extent, take_piece, within_body
from autonomy.estimation.tracks._imm cimport combine_all, weigh
from autonomy.estimation.tracks._lead cimport lane_offset
from autonomy.estimation.tracks._recall cimport forget, recall
from autonomy.estimation.tracks._sight cimport Sight, Viewer, aim, look, rate_noise, rate_seen
from autonomy.estimation.tracks._slots cimport begin_track, place
from autonomy.estimation.tracks._tracks cimport KIND_SENSED, SLOTS, Slot, TracksMemory
from autonomy.estimation.tracks._update cimport Measurements, clear_measurements, update_all

cdef extern from *:
    """
    static const double HIT_SHARE = 0.5;  /* a track was detected when this likely [D] */
    static const double UNKNOWN_XX = 1e6; /* m2 */
    static const double HIDDEN_SHARE = 0.1;  /* of what is detected in sight [D] */
    static const double HIDDEN_S = 0.2;      /* four cycles of a radar [D] */
    static const double LEAST_CHANCE = 1e-4; /* [D] */
    static const double ADOPTED_ASIDE_M = 0.5;  /* from the side of the box [D] */
    static const double ADOPTED_BEHIND_M = 8.0; /* a long body is taken for a car that reaches as far forward [D] */
    """
    const double HIT_SHARE
    const double UNKNOWN_XX
    const double HIDDEN_SHARE
    const double HIDDEN_S
    const double LEAST_CHANCE
    const double ADOPTED_ASIDE_M
    const double ADOPTED_BEHIND_M

ctypedef struct ScanWork:
    Sight[128] sights
    char[128] followed
    double[128] chance           # that a track is there and detected
    double[128] likelier         # of a track: sum over its candidates
    double[128] taken            # of a detection: probability that a track has it
    int[128] nearest             # of a track: its likeliest detection
    Pairs pairs
    Measurements measured


cdef inline double detected_share(const Slot* slot, const Viewer* viewer, int64_t now_ns) noexcept nogil:
    """Probability that it is detected if it is there: little of who stood behind another just now."""
    return viewer.sensor.detection_probability \
        * (HIDDEN_SHARE if <double>(now_ns - slot.hidden_time_ns) * 1e-9 < HIDDEN_S else 1.0)


cdef inline void look_at_all(const TracksMemory* memory, const TracksParameters* p, const Viewer* viewer, bint box,
                             int64_t now_ns, ScanWork* work) noexcept nogil:
    cdef int i
    for i in range(<int>memory.used):
        work.followed[i] = memory.slots[i].kind == KIND_SENSED
        if work.followed[i]:
            look(&memory.bank, i, viewer, p, box, memory.slots[i].length, memory.slots[i].width, &work.sights[i])
            work.chance[i] = detected_share(&memory.slots[i], viewer, now_ns) * memory.slots[i].existence
            work.chance[i] = work.chance[i] if work.chance[i] > LEAST_CHANCE else LEAST_CHANCE


cdef inline void collect(const TracksMemory* memory, const Detection* scan, int count, ScanWork* work) noexcept nogil:
    """Means and spreads of what each track is given."""
    cdef Measurements* m = &work.measured
    cdef const Detection* item
    cdef const Sight* sight
    cdef const Pair* pair
    cdef double dx, dy, dr, w
    cdef int i, k, used = <int>memory.used
    clear_measurements(m, used)
    for i in range(used):
        work.likelier[i] = 0.0
        work.nearest[i] = -1
    for i in range(count):
        work.taken[i] = 0.0
    for k in range(work.pairs.count):
        pair = &work.pairs.items[k]
        i = pair.track
        work.likelier[i] += exp(-pair.cost) if pair.cost > -20.0 else 5e8
        if pair.weight <= 1e-3:
            continue
        item, sight = &scan[pair.detection], &work.sights[i]
        if work.nearest[i] < 0 or pair.weight > work.pairs.items[work.nearest[i]].weight:
            work.nearest[i] = k
        work.taken[pair.detection] += pair.weight
        # A running mean: the spread about it comes with it
        m.share[i] += pair.weight
        w = pair.weight / m.share[i]
        dx, dy = item.x - sight.offset_x - m.x[i], item.y - sight.offset_y - m.y[i]
        dr = item.rate - m.range_rate[i] if isfinite(item.rate) else 0.0
        m.x[i] += w * dx
        m.y[i] += w * dy
        m.range_rate[i] += w * dr
        if w < 1.0:
            add_spread(m, i, w, dx, dy, dr)
    for i in range(used):
        if work.nearest[i] >= 0:
            fill(m, i, &scan[work.pairs.items[work.nearest[i]].detection], &work.sights[i])


cdef inline void add_spread(Measurements* m, int i, double w, double dx, double dy, double dr) noexcept nogil:
    cdef double keep = 1.0 - w, both = w * (1.0 - w)
    m.spread[i] = keep * m.spread[i] + both * dx * dx
    m.spread[TRACKS + i] = keep * m.spread[TRACKS + i] + both * dx * dy
    m.spread[2 * TRACKS + i] = keep * m.spread[2 * TRACKS + i] + both * dx * dr
    m.spread[3 * TRACKS + i] = keep * m.spread[3 * TRACKS + i] + both * dy * dy
    m.spread[4 * TRACKS + i] = keep * m.spread[4 * TRACKS + i] + both * dy * dr
    m.spread[5 * TRACKS + i] = keep * m.spread[5 * TRACKS + i] + both * dr * dr


cdef inline void fill(Measurements* m, int i, const Detection* item, const Sight* sight) noexcept nogil:
    """Noise and geometry, those of the likeliest detection."""
    m.share[i] = m.share[i] if m.share[i] < 1.0 else 1.0
    # Beside a sensor the nearest place of a long side reflects, always beside it: that tells nothing of where the body is along
    m.xx[i] = UNKNOWN_XX if sight.spans else item.xx + item.reflection * sight.wander_xx
    m.yy[i] = item.yy + item.reflection * sight.wander_yy
    if isfinite(item.rate):
        m.rate_variance[i] = rate_noise(sight, item)
        m.sight_x[i], m.sight_y[i] = item.sight_x, item.sight_y
        m.own_rate[i] = item.sight_x * sight.velocity_x + item.sight_y * sight.velocity_y - rate_seen(sight, item)


cdef inline bint hidden(const TracksMemory* memory, const Viewer* viewer, const ScanWork* work, int track) noexcept nogil:
    """Whether another track stands before it."""
    cdef double dx = work.sights[track].x - viewer.sensor.x_m, dy = work.sights[track].y - viewer.sensor.y_m
    cdef double away = hypot(dx, dy), bearing = atan2(dy, dx), ox, oy, other
    cdef int j
    for j in range(<int>memory.used):
        if j == track or not work.followed[j]:
            continue
        ox, oy = work.sights[j].x - viewer.sensor.x_m, work.sights[j].y - viewer.sensor.y_m
        other = hypot(ox, oy)
        if other < away - 2.0 and fabs(remainder(atan2(oy, ox) - bearing, 2.0 * M_PI)) \
                < 0.7 * memory.slots[j].width / (other if other > 1.0 else 1.0):
            return True
    return False


cdef inline void judge(TracksMemory* memory, const TracksParameters* p, const Viewer* viewer, const Detection* scan,
                       int64_t now_ns, ScanWork* work) noexcept nogil:
    """Existence, hits and extent of every track."""
    cdef double probability, speed
    cdef const Detection* item
    cdef Slot* slot
    cdef int i
    for i in range(<int>memory.used):
        if not work.followed[i]:
            continue
        slot = &memory.slots[i]
        if work.measured.share[i] < HIT_SHARE:
            if not work.sights[i].visible:
                continue
            if hidden(memory, viewer, work, i):
                slot.hidden_time_ns = now_ns
            else:
                miss(slot, viewer.sensor.detection_probability)
            continue
        item = &scan[work.pairs.items[work.nearest[i]].detection]
        probability = detected_share(slot, viewer, now_ns)
        hit(slot, probability, work.likelier[i] * probability / (1.0 - probability) * (1.0 - work.chance[i]) / work.chance[i])
        slot.hits += 1
        if settle(slot, p):
            recall(memory, i, now_ns)
        if slot.remembered and slot.existence > p.existence_confirmed:
            forget(memory, slot)
        if item.time_ns > slot.update_time_ns:
            slot.update_time_ns = item.time_ns
        take_extent(slot, item, p.longest_body_m)
        speed = fabs(mixed(&memory.bank, 2, i))
        if confirmed(slot) and speed > slot.fastest and mixed_covariance(&memory.bank, VXVX, i) < 1.0:
            slot.fastest = speed


cdef inline bint explained(TracksMemory* memory, const TracksParameters* p, const Viewer* viewer, const Detection* item,
                           const ScanWork* work, int before) noexcept nogil:
    """Whether it lies on the body of a track that is surely there and as fast: a piece of it, or a second reflection."""
    cdef Slot* slot
    cdef int i
    for i in range(before):
        slot = &memory.slots[i]
        if slot.kind != KIND_SENSED or not confirmed(slot) or not within_body(
                slot, work.sights[i].x - work.sights[i].offset_x, work.sights[i].y - work.sights[i].offset_y, item):
            continue
        if not isfinite(item.rate):
            take_piece(slot, work.sights[i].x - work.sights[i].offset_x, item, p.longest_body_m)
            return True
        if fabs(item.rate - rate_seen(&work.sights[i], item)) < p.merge_speed:
            # A second reflection of a long body keeps it alive
            if item.time_ns > slot.update_time_ns and slot.boxes > 0:
                slot.update_time_ns = item.time_ns
            return True
    return False


cdef inline bint adopted(TracksMemory* memory, const TracksParameters* p, const Viewer* viewer, const Detection* box,
                         const ScanWork* work, int before) noexcept nogil:
    """Whether it is the first box of a body that only radars saw so far, from many places: then the track goes to its face."""
    cdef double x, speed, known
    cdef Slot* slot
    cdef int i, found = -1
    if not isfinite(box.length) or not isfinite(box.width):
        return False
    for i in range(before):
        slot = &memory.slots[i]
        x = work.sights[i].x - work.sights[i].offset_x
        if slot.kind != KIND_SENSED or not confirmed(slot) or slot.boxes > 0 or work.measured.share[i] >= HIT_SHARE \
                or fabs(work.sights[i].y - work.sights[i].offset_y - box.y) > 0.5 * box.width + ADOPTED_ASIDE_M \
                or x < box.x - ADOPTED_BEHIND_M or x > box.x + box.length:
            continue
        if found < 0 or slot.hits > memory.slots[found].hits:
            found = i
    if found < 0:
        return False
    slot = &memory.slots[found]
    speed, known = mixed(&memory.bank, VX, found), mixed_covariance(&memory.bank, VXVX, found)
    place(&memory.bank, p, found, box.x + (speed - viewer.own_speed) * viewer.age, box.y, speed, box.xx, box.yy, known)
    slot.hits += 1
    if box.time_ns > slot.update_time_ns:
        slot.update_time_ns = box.time_ns
    take_extent(slot, box, p.longest_body_m)
    return True


cdef inline void take_scan(TracksMemory* memory, const TracksParameters* p, Viewer* viewer, Detection* scan, int count,
                           int64_t now_ns, ScanWork* work) noexcept nogil:
    """`count` detections of one sensor and one time, at most 128; none where the first says that nothing was seen."""
    cdef bint box = scan[0].kind == TracksSensor_KIND_OBSTACLE
    cdef int i, index, used = <int>memory.used
    viewer.most_xx = viewer.most_yy = 0.0
    for i in range(count):
        viewer.most_xx = scan[i].xx if scan[i].xx > viewer.most_xx else viewer.most_xx
        viewer.most_yy = scan[i].yy if scan[i].yy > viewer.most_yy else viewer.most_yy
        aim(viewer, &scan[i])
    look_at_all(memory, p, viewer, box, now_ns, work)
    gate(p, work.sights, work.followed, used, scan, count, work.chance, viewer.sensor.clutter_per_m2, &work.pairs)
    memory.overflow += work.pairs.lost
    solve(&work.pairs, p.ambiguous_ratio)
    collect(memory, scan, count, work)
    for i in range(used):
        work.measured.age[i] = viewer.age
    update_all(&memory.bank, &work.measured, used, viewer.own_speed, viewer.own_yaw_rate)
    for i in range(used):
        weigh(&memory.bank, &work.measured, i)
    combine_all(&memory.bank, used)
    judge(memory, p, viewer, scan, now_ns, work)
    for i in range(used):
        if work.measured.share[i] >= HIT_SHARE:
            test_change(&memory.change[i], lane_offset(memory, work.measured.x[i], work.measured.y[i]),
                        work.measured.yy[i] / work.measured.share[i], scan[work.pairs.items[work.nearest[i]].detection].time_ns)
    for i in range(count):
        if work.taken[i] < HIT_SHARE and not explained(memory, p, viewer, &scan[i], work, used) \
                and not (box and adopted(memory, p, viewer, &scan[i], work, used)):
            index = begin_track(memory, p, viewer, &scan[i], now_ns)
            if index >= 0:
                take_extent(&memory.slots[index], &scan[i], p.longest_body_m)
