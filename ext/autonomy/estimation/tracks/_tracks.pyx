"""Objects followed from what lidar and radar detect, up to 128 at once, and the lead vehicle among them.

Each is followed by two models at once, straight on and turning (`_imm`, `_predict`, `_update`). Detections of a scan find their
tracks by the best assignment, or by all where it is ambiguous (`_association`). Existence, extent, pieces of one body, lead and
neighbours: a file each. Ready-made tracks of an outside tracker enter as they are (`_object`).
Twin: autonomy/estimation/tracks/tracks_twin.py.
"""
import time

import numpy as np
from libc.math cimport NAN, exp, isfinite
from libc.string cimport memset
from libc.stdint cimport int64_t
from autonomy.msg.messages cimport *
from autonomy.inputs._clock cimport elapsed_s
from autonomy.inputs._face cimport pointer
from autonomy.inputs._motion cimport velocity_known
from autonomy.estimation.tracks._bank cimport ACCELERATION, TRACKS, VX, VXVX, VY, X, XX, Y, YY, mixed, mixed_covariance
from autonomy.estimation.tracks._detection cimport Detections, scan_end, take_all
from autonomy.estimation.tracks._existence cimport confirmed, expired
from autonomy.estimation.tracks._imm cimport combine_all, mix_all
from autonomy.estimation.tracks._lead cimport choose_lead, lay_lane, place_in_lane, root
from autonomy.estimation.tracks._merge cimport merge_pieces
from autonomy.estimation.tracks._object cimport hold_model, use_object
from autonomy.estimation.tracks._predict cimport Motion, motion_of, predict_all
from autonomy.estimation.tracks._recall cimport move_lost, remember
from autonomy.estimation.tracks._roles cimport give_roles
from autonomy.estimation.tracks._scan cimport ScanWork, take_scan
from autonomy.estimation.tracks._sight cimport Viewer
from autonomy.estimation.tracks._slots cimport release
from autonomy.msg import dtype
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

cdef enum:
    TENTATIVE = 1
    CONFIRMED = 2
    COASTING = 3
    SCAN_AT_MOST = 128

cdef double LONGEST_PAUSE_S = 0.2    # between two scans: after more of it nothing was seen, not nothing changed [D]


cdef void tracks_reset(TracksMemory* memory, const TracksParameters* parameters) noexcept nogil:
    cdef int i
    memset(memory, 0, sizeof(TracksMemory))
    memory.next_track_id = 1
    for i in range(2 * TRACKS):
        memory.bank.probability[i] = 0.5


cdef inline void viewer_of(const TracksParameters* parameters, int kind, int source, Viewer* viewer) noexcept nogil:
    """The sensor's row, or one that sits at the reference point, measures along x and whose silence says nothing."""
    cdef int i
    for i in range(8):
        if parameters.sensor[i].kind == kind and parameters.sensor[i].source == source:
            viewer.sensor = parameters.sensor[i]
            return
    memset(&viewer.sensor, 0, sizeof(TracksSensor))
    viewer.sensor.detection_probability = parameters.detection_probability
    viewer.sensor.clutter_per_m2 = parameters.clutter_per_m2


cdef inline void mix_models(TracksMemory* memory, const TracksParameters* parameters, double elapsed) noexcept nogil:
    cdef int i
    mix_all(&memory.bank, parameters, elapsed, <int>memory.used)
    for i in range(<int>memory.used):
        if memory.slots[i].kind == KIND_OBJECT:
            hold_model(&memory.bank, i)


cdef inline void sense(TracksMemory* memory, const TracksParameters* parameters, const InputFrame* frame, const EgoState* ego,
                       Detections* list, ScanWork* work) noexcept nogil:
    """Every scan that has come."""
    cdef Viewer viewer
    cdef double acceleration = ego.acceleration[0] if isfinite(ego.acceleration[0]) else 0.0
    cdef double elapsed = <double>(frame.tick_time_ns - memory.last_scan_ns) * 1e-9
    cdef int first = 0, end
    take_all(list, parameters, frame)
    if list.count == 0:
        return
    elapsed = 0.0 if memory.last_scan_ns == 0 else elapsed if elapsed < LONGEST_PAUSE_S else LONGEST_PAUSE_S
    memory.last_scan_ns = frame.tick_time_ns
    mix_models(memory, parameters, elapsed)
    combine_all(&memory.bank, <int>memory.used)
    while first < list.count:
        end = scan_end(list, first)
        end = end if end - first <= SCAN_AT_MOST else first + SCAN_AT_MOST
        viewer_of(parameters, list.items[first].kind, list.items[first].source, &viewer)
        viewer.age = <double>(frame.tick_time_ns - list.items[end - 1].time_ns) * 1e-9
        viewer.own_speed = ego.speed - acceleration * viewer.age
        viewer.own_yaw_rate = ego.angular_rate[2]
        take_scan(memory, parameters, &viewer, &list.items[first], 0 if list.items[first].is_none else end - first,
                  frame.tick_time_ns, work)
        combine_all(&memory.bank, <int>memory.used)
        first = end
    merge_pieces(memory, parameters, elapsed)
    move_lost(memory, ego.speed, elapsed, frame.tick_time_ns)


cdef inline void write_track(const TracksMemory* memory, const TracksParameters* parameters, int i, int64_t now_ns,
                             double silent_s, Track* track) noexcept nogil:
    cdef const Slot* slot = &memory.slots[i]
    track.x = mixed(&memory.bank, X, i)
    track.y = mixed(&memory.bank, Y, i)
    track.velocity_x = mixed(&memory.bank, VX, i)
    track.velocity_y = mixed(&memory.bank, VY, i)
    track.acceleration_x = mixed(&memory.bank, ACCELERATION, i)
    track.x_sigma = root(mixed_covariance(&memory.bank, XX, i))
    track.y_sigma = root(mixed_covariance(&memory.bank, YY, i))
    track.velocity_sigma = root(mixed_covariance(&memory.bank, VXVX, i))
    track.age_s = <double>(now_ns - slot.first_time_ns) * 1e-9
    track.existence = slot.existence
    track.yaw = slot.yaw if slot.boxes > 0 else NAN
    track.length = slot.length if slot.boxes > 0 else NAN
    track.width = slot.width if slot.boxes > 0 else NAN
    track.entry_probability = 0.0
    track.track_id = slot.track_id
    track.source = slot.source
    track.classification = slot.classification
    track.role = track.hazard = 0
    memset(&track.padding, 0, sizeof(track.padding))
    track.status = CONFIRMED
    if slot.kind == KIND_SENSED and not confirmed(slot):
        track.status = TENTATIVE
    elif silent_s > parameters.coast_after_s:
        track.status = COASTING


cdef void tracks_step(TracksMemory* memory, const TracksParameters* parameters, const InputFrame* frame, const EgoState* ego,
                      const LaneState* lane, TrackList* result) noexcept nogil:
    cdef int64_t now_ns = frame.tick_time_ns
    cdef double dt = elapsed_s(now_ns, memory.last_tick_ns)
    cdef double fade = exp(-dt / parameters.delete_after_s)
    cdef double speed = 0.0, yaw_rate = 0.0, silent_s
    cdef Motion motion
    cdef Detections list
    cdef ScanWork work
    cdef uint32_t i
    cdef int k
    cdef Slot* slot
    # Range rates are relative: without an own speed they would make the whole road move
    cdef bint moving_known = velocity_known(ego)
    if moving_known:
        speed = ego.speed
        yaw_rate = ego.angular_rate[2]
    motion_of(parameters, dt, speed, yaw_rate, &motion)
    predict_all(&memory.bank, &motion, <int>memory.used)
    lay_lane(memory, parameters, ego, lane)
    if moving_known:
        sense(memory, parameters, frame, ego, &list, &work)
        for i in range(frame.object.count):
            use_object(memory, parameters, &frame.object.items[i], speed, yaw_rate, now_ns, &work.measured)
    combine_all(&memory.bank, <int>memory.used)
    result.time_ns = now_ns
    result.count = 0
    result.count_padding = 0
    for k in range(<int>memory.used):
        slot = &memory.slots[k]
        if slot.kind == KIND_FREE:
            continue
        silent_s = <double>(now_ns - slot.update_time_ns) * 1e-9
        if silent_s > parameters.coast_after_s:
            remember(memory, k)
            slot.existence *= fade
        if expired(slot, parameters, silent_s, now_ns) if slot.kind == KIND_SENSED else silent_s > parameters.delete_after_s:
            release(memory, k)
            continue
        write_track(memory, parameters, k, now_ns, silent_s, &result.tracks[result.count])
        place_in_lane(memory, parameters, k, now_ns, &result.tracks[result.count])
        result.count += 1
    while memory.used > 0 and memory.slots[memory.used - 1].kind == KIND_FREE:
        memory.used -= 1
    result.overflow = memory.overflow
    choose_lead(memory, parameters, now_ns, result)
    give_roles(memory, parameters, result)
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

    def nanoseconds(self, frame, ego, lane, int repeats) -> float:
        """Time of a step on this frame, the state being the same before each."""
        cdef TracksMemory before = self.memory
        cdef TrackList result
        cdef const InputFrame* in_frame = <const InputFrame*>pointer(frame)
        cdef const EgoState* in_ego = <const EgoState*>pointer(ego)
        cdef const LaneState* in_lane = <const LaneState*>pointer(lane)
        cdef int k
        cdef int64_t spent = 0
        for k in range(repeats):
            self.memory = before
            begin = time.perf_counter_ns()
            with nogil:
                tracks_step(&self.memory, &self.parameters, in_frame, in_ego, in_lane, &result)
            spent += time.perf_counter_ns() - begin
        self.memory = before
        return spent / repeats
