"""Radar targets followed one by one under the sensor's own number, and the lead vehicle among them.

Per target a filter along (range and range rate) and one across (lateral position), predicted every tick, corrected with
the innovation a measurement had at its own time. Twin: autonomy/estimation/tracks/tracks_twin.py.
"""
import numpy as np
from libc.math cimport NAN, exp, fabs, isfinite, sqrt
from libc.string cimport memset
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport velocity_known
from autonomy.estimation.tracks._filter cimport begin, predict, update_across, update_along
from autonomy.estimation.tracks._lead cimport choose_lead, lay_lane, place_in_lane
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    TENTATIVE = 1
    CONFIRMED = 2
    COASTING = 3


cdef void tracks_reset(TracksMemory* memory, const TracksParameters* parameters) noexcept nogil:
    memset(memory, 0, sizeof(TracksMemory))
    memory.next_track_id = 1


cdef inline Slot* find(TracksMemory* memory, uint8_t kind, uint16_t source, uint32_t target_id) noexcept nogil:
    cdef uint32_t i
    for i in range(memory.used):
        if memory.slots[i].target_id == target_id and memory.slots[i].kind == kind and memory.slots[i].source == source:
            return &memory.slots[i]
    return NULL


cdef inline Slot* allot(TracksMemory* memory, uint8_t kind, uint16_t source, uint32_t target_id,
                        int64_t now_ns) noexcept nogil:
    """A free slot as a new track; NULL when all are taken, which is counted."""
    cdef uint32_t i
    cdef Slot* slot = NULL
    for i in range(memory.used):
        if memory.slots[i].kind == KIND_FREE:
            slot = &memory.slots[i]
            break
    if slot == NULL:
        if memory.used == SLOTS:
            memory.overflow += 1
            return NULL
        slot = &memory.slots[memory.used]
        memory.used += 1
    memset(slot, 0, sizeof(Slot))
    slot.kind = kind
    slot.source = source
    slot.target_id = target_id
    slot.track_id = memory.next_track_id
    slot.first_time_ns = now_ns
    memory.next_track_id += 1
    if memory.next_track_id == 0:
        memory.next_track_id = 1
    return slot


cdef inline void use_point(TracksMemory* memory, const TracksParameters* parameters, const RadarPoint* point, double speed,
                           double yaw_rate, int64_t now_ns) noexcept nogil:
    cdef double age = <double>(now_ns - point.valid_time_ns) * 1e-9
    cdef double x_sigma, y_sigma, nu_x, nu_y
    cdef Slot* slot
    if point.validity != 0 or not isfinite(point.x) or not isfinite(point.y) or not isfinite(point.range_rate):
        return
    if age < 0.0 or age > parameters.delete_after_s:
        return
    x_sigma = point.x_sigma if isfinite(point.x_sigma) and point.x_sigma > 0.0 else parameters.x_sigma
    y_sigma = point.y_sigma if isfinite(point.y_sigma) and point.y_sigma > 0.0 else parameters.y_sigma
    slot = find(memory, KIND_RADAR, point.source, point.target_id)
    if slot != NULL:
        if point.valid_time_ns <= slot.update_time_ns:
            return
        # Where the target was when it was measured: the state now, less the relative motion since
        nu_x = point.x - (slot.along[0] - (slot.along[1] - speed + yaw_rate * slot.across[0]) * age)
        nu_y = point.y - (slot.across[0] - (slot.across[1] - yaw_rate * slot.along[0]) * age)
        if point.is_new or nu_x * nu_x > parameters.gate * (slot.along_P[0] + x_sigma * x_sigma) \
                or nu_y * nu_y > parameters.gate * (slot.across_P[0] + y_sigma * y_sigma):
            slot.kind = KIND_FREE   # the sensor gave its number to something else
            slot = NULL
    if slot == NULL:
        slot = allot(memory, KIND_RADAR, point.source, point.target_id, now_ns)
        if slot == NULL:
            return
        begin(slot, parameters, point.x + point.range_rate * age, point.y, point.range_rate + speed, x_sigma, y_sigma)
        slot.along_P[3] = parameters.range_rate_sigma * parameters.range_rate_sigma
    else:
        update_along(slot, nu_x, x_sigma * x_sigma, 0)
        update_along(slot, point.range_rate + speed - (slot.along[1] - slot.along[2] * age),
                     parameters.range_rate_sigma * parameters.range_rate_sigma, 1)
        update_across(slot, nu_y, y_sigma * y_sigma)
    slot.update_time_ns = point.valid_time_ns
    slot.hits += 1
    slot.existence += 0.3 * (1.0 - slot.existence)
    if slot.hits >= parameters.confirm_hits and fabs(slot.along[1]) > slot.fastest:
        slot.fastest = fabs(slot.along[1])


cdef inline void use_object(TracksMemory* memory, const TracksParameters* parameters, const ObjectSample* item, double speed,
                            double yaw_rate, int64_t now_ns) noexcept nogil:
    """A ready-made track: taken as it is, moved on to now; what it does not tell is filtered."""
    cdef double age = <double>(now_ns - item.valid_time_ns) * 1e-9
    cdef Slot* slot
    if item.validity != 0 or not isfinite(item.x) or not isfinite(item.y) or not isfinite(item.velocity_x) \
            or age < 0.0 or age > parameters.delete_after_s:
        return
    slot = find(memory, KIND_OBJECT, item.source, item.object_id)
    if slot == NULL:
        slot = allot(memory, KIND_OBJECT, item.source, item.object_id, now_ns)
        if slot == NULL:
            return
        begin(slot, parameters, item.x, item.y, item.velocity_x, parameters.x_sigma, parameters.y_sigma)
    elif item.valid_time_ns <= slot.update_time_ns:
        return
    slot.along[0] = item.x + (item.velocity_x - speed) * age
    slot.along[1] = item.velocity_x
    slot.along_P[3] = parameters.object_speed_sigma * parameters.object_speed_sigma
    if isfinite(item.acceleration_x):
        slot.along[2] = item.acceleration_x
    if isfinite(item.velocity_y):
        slot.across[0] = item.y + (item.velocity_y - yaw_rate * item.x) * age
        slot.across[1] = item.velocity_y
        slot.across_P[2] = parameters.object_speed_sigma * parameters.object_speed_sigma
    else:
        # Only where it is was told: the speed across comes from its moving
        update_across(slot, item.y - (slot.across[0] - (slot.across[1] - yaw_rate * slot.along[0]) * age),
                      parameters.y_sigma * parameters.y_sigma)
    slot.update_time_ns = item.valid_time_ns
    slot.hits += 1
    slot.existence = item.existence if isfinite(item.existence) else 1.0
    slot.classification = item.classification
    slot.fastest = fabs(item.velocity_x) if fabs(item.velocity_x) > slot.fastest else slot.fastest


cdef inline void write_track(const Slot* slot, const TracksParameters* parameters, int64_t now_ns, double silent_s,
                             Track* track) noexcept nogil:
    track.x = slot.along[0]
    track.y = slot.across[0]
    track.velocity_x = slot.along[1]
    track.velocity_y = slot.across[1]
    track.acceleration_x = slot.along[2]
    track.x_sigma = sqrt(slot.along_P[0]) if slot.along_P[0] > 0.0 else 0.0
    track.y_sigma = sqrt(slot.across_P[0]) if slot.across_P[0] > 0.0 else 0.0
    track.velocity_sigma = sqrt(slot.along_P[3]) if slot.along_P[3] > 0.0 else 0.0
    track.age_s = <double>(now_ns - slot.first_time_ns) * 1e-9
    track.existence = slot.existence
    track.track_id = slot.track_id
    track.source = slot.source
    track.classification = slot.classification
    track.status = CONFIRMED
    if slot.kind == KIND_RADAR and slot.hits < parameters.confirm_hits:
        track.status = TENTATIVE
    elif silent_s > parameters.coast_after_s:
        track.status = COASTING


cdef void tracks_step(TracksMemory* memory, const TracksParameters* parameters, const InputFrame* frame, const EgoState* ego,
                      const LaneState* lane, TrackList* result) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, memory.last_tick_ns)
    cdef double decay = exp(-dt / parameters.acceleration_decay_s)
    cdef double fade = exp(-dt / parameters.delete_after_s)
    cdef double speed = 0.0, yaw_rate = 0.0, silent_s, patience_s
    cdef uint32_t i
    cdef Slot* slot
    # Range rates are relative: without an own speed they would make the whole road move
    cdef bint moving_known = velocity_known(ego)
    if moving_known:
        speed = ego.speed
        yaw_rate = ego.angular_rate[2]
    for i in range(memory.used):
        if memory.slots[i].kind != KIND_FREE:
            predict(&memory.slots[i], parameters, dt, decay, speed, yaw_rate)
    if moving_known:
        for i in range(frame.radar.count):
            use_point(memory, parameters, &frame.radar.items[i], speed, yaw_rate, now_ns)
        for i in range(frame.object.count):
            use_object(memory, parameters, &frame.object.items[i], speed, yaw_rate, now_ns)
    lay_lane(memory, parameters, ego, lane)
    result.time_ns = now_ns
    result.count = 0
    result.count_padding = 0
    for i in range(memory.used):
        slot = &memory.slots[i]
        if slot.kind == KIND_FREE:
            continue
        silent_s = <double>(now_ns - slot.update_time_ns) * 1e-9
        if silent_s > parameters.coast_after_s:
            slot.existence *= fade
        patience_s = parameters.delete_tentative_after_s if slot.kind == KIND_RADAR \
            and slot.hits < parameters.confirm_hits else parameters.delete_after_s
        if silent_s > patience_s:
            slot.kind = KIND_FREE
            continue
        write_track(slot, parameters, now_ns, silent_s, &result.tracks[result.count])
        place_in_lane(memory, parameters, slot, now_ns, &result.tracks[result.count])
        result.count += 1
    while memory.used > 0 and memory.slots[memory.used - 1].kind == KIND_FREE:
        memory.used -= 1
    result.overflow = memory.overflow
    choose_lead(memory, parameters, now_ns, result)
    memory.last_tick_ns = now_ns


cdef class TracksStep:
    """The step alone, for tests; messages are 0-d arrays of their dtypes."""
    cdef TracksMemory memory
    cdef TracksParameters parameters

    def __init__(self, parameters):
        self.parameters = (<TracksParameters*>pointer(parameters))[0]
        tracks_reset(&self.memory, &self.parameters)

    def step(self, frame, ego, lane):
        result = np.zeros((), dtype("TrackList"))
        tracks_step(&self.memory, &self.parameters, <const InputFrame*>pointer(frame), <const EgoState*>pointer(ego),
                    <const LaneState*>pointer(lane), <TrackList*>pointer(result))
        return result
