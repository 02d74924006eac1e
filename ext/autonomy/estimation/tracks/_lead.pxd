# Where each track is in the own lane as it bends, when it will be in the vehicle's path, and which one is the lead.
from libc.math cimport NAN, fabs, fmax, sqrt
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport (
    EgoState, LaneState, Track, TrackList, TracksParameters, LaneState_PREVIEW_STEP_M, LaneState_STATUS_NONE)
from autonomy.estimation.tracks._bank cimport ACCELERATION, VX, VYVY, mixed, mixed_covariance
from autonomy.estimation.tracks._change cimport change_probability
from autonomy.estimation.tracks._detection cimport PEDESTRIAN
from autonomy.estimation.tracks._existence cimport confirmed
from autonomy.estimation.tracks._tracks cimport KIND_FREE, KIND_OBJECT, Change, Slot, TracksMemory
from autonomy.inputs._motion cimport velocity_known

cdef enum:
    STEPS = 32
    BESIDE_M = 10                # behind the reference point: beside the tractor and the front of a trailer [D]


cdef extern from *:
    """
    static const double NEXT_LANE_M = 5.6;  /* one and a half lanes of 3.75 m */
    static const double SMALLEST_VEHICLE_M = 0.6;  /* a motorcycle from behind is 0.7 m wide and more [D] */
    """
    const double NEXT_LANE_M
    const double SMALLEST_VEHICLE_M


cdef inline double root(double variance) noexcept nogil:
    return sqrt(variance) if variance > 0.0 else 0.0


cdef inline void lay_lane(TracksMemory* memory, const TracksParameters* parameters, const EgoState* ego,
                          const LaneState* lane) noexcept nogil:
    """The lane middle ahead in the vehicle frame from offset, heading error and the curvature preview.

    Without a lane the road is taken to bend as the vehicle does now.
    """
    cdef double heading = 0.0, y = 0.0, curvature = 0.0
    cdef double step = LaneState_PREVIEW_STEP_M
    cdef bint seen = lane.status != LaneState_STATUS_NONE
    cdef int i
    memory.lane_half_width = parameters.default_half_width_m
    if seen:
        memory.lane_half_width = 0.5 * (lane.width_left + lane.width_right)
        heading = -lane.heading_error
        y = -lane.offset + 0.5 * (lane.width_left - lane.width_right)
    elif velocity_known(ego) and ego.speed > 3.0:
        curvature = ego.angular_rate[2] / ego.speed
    for i in range(STEPS):
        memory.lane_y[i] = y
        if seen:
            curvature = lane.preview[i]
        y += step * (heading + 0.5 * step * curvature)
        heading += step * curvature


cdef inline int step_at(double position) noexcept nogil:
    """Of the laid lane, whatever the position is, be it none."""
    if not position > 0.0:
        return 0
    return <int>position if position < STEPS - 2 else STEPS - 2


cdef inline double lane_offset(const TracksMemory* memory, double x, double y) noexcept nogil:
    """m, a point's distance to the left of the lane middle; beyond the preview along its last direction."""
    cdef double position = x / LaneState_PREVIEW_STEP_M
    cdef int i = step_at(position)
    return y - (memory.lane_y[i] + (position - i) * (memory.lane_y[i + 1] - memory.lane_y[i]))


cdef inline double lane_direction(const TracksMemory* memory, double x) noexcept nogil:
    """rad, of the lane middle at a distance, in the vehicle frame."""
    cdef int i = step_at(x / LaneState_PREVIEW_STEP_M)
    return (memory.lane_y[i + 1] - memory.lane_y[i]) / LaneState_PREVIEW_STEP_M


cdef inline bint seen_enough(const TracksMemory* memory, const TracksParameters* parameters, int i,
                             int64_t now_ns) noexcept nogil:
    """Not behind the tractor, within range, and no flicker of a sensor."""
    cdef const Slot* slot = &memory.slots[i]
    cdef double age_s = <double>(now_ns - slot.first_time_ns) * 1e-9, x = mixed(&memory.bank, 0, i)
    if slot.kind == KIND_FREE or x <= -BESIDE_M or x > parameters.lead_range_m:
        return False
    return slot.kind == KIND_OBJECT or (confirmed(slot) and age_s >= parameters.lead_minimum_age_s)


cdef inline bint proven(const TracksMemory* memory, const TracksParameters* parameters, int i, int64_t now_ns) noexcept nogil:
    """What never moved is most often a sign or a bridge: by radar alone believed only near by and after a while."""
    cdef const Slot* slot = &memory.slots[i]
    if slot.kind == KIND_OBJECT or slot.fastest >= parameters.moving_speed_mps or slot.boxes >= parameters.confirm_hits:
        return True
    return mixed(&memory.bank, 0, i) <= parameters.stationary_range_m \
        and <double>(now_ns - slot.first_time_ns) * 1e-9 >= parameters.stationary_age_s


cdef inline bint may_lead(const TracksMemory* memory, const TracksParameters* parameters, int i, int64_t now_ns) noexcept nogil:
    cdef double x = mixed(&memory.bank, 0, i)
    cdef double bound = parameters.lead_leave_m if memory.slots[i].track_id == memory.lead_track_id else parameters.lead_enter_m
    return x > 0.0 and seen_enough(memory, parameters, i, now_ns) and proven(memory, parameters, i, now_ns) \
        and fabs(lane_offset(memory, x, mixed(&memory.bank, 1, i))) < bound


cdef inline double entry_time(const TracksParameters* parameters, double lane_width, double offset, double speed,
                              double sigma, double speed_along) noexcept nogil:
    """s until a track touches the vehicle's path, 0 when it is in it, NaN when it is not on its way.

    On its way is what moves towards the path faster than vehicles wander and than its speed is uncertain. A speed
    across beyond what a vehicle of that speed along can have is a wrong measurement: standing queues do not cut in.
    """
    cdef double inwards = -speed if offset > 0.0 else speed
    cdef double possible = parameters.entry_slope_maximum * fabs(speed_along)
    cdef double needed = parameters.entry_significance * sigma, time
    cdef double least = parameters.entry_speed_certain if lane_width - fabs(offset) < parameters.entry_wander_m \
        else parameters.entry_speed_minimum
    if fabs(offset) < parameters.path_half_width_m:
        return 0.0
    if needed < least or fabs(offset) < 0.5 * lane_width + 0.9:   # its side is on the marking [M]: moving is enough
        needed = least
    if inwards < needed or possible < needed:
        return NAN
    if inwards > possible:
        inwards = possible
    time = (fabs(offset) - parameters.entry_contact_m) / inwards
    if time < 1e-3:
        time = 1e-3   # touching, but its middle is not yet in the path
    return time if time < parameters.entry_horizon_s else NAN


cdef inline bint may_come_over(const Slot* slot) noexcept nogil:
    """Seen too small for a vehicle it changes no lane: a row of posts looks like one thing that moves along."""
    return slot.boxes == 0 or slot.classification == PEDESTRIAN or fmax(slot.length, slot.width) >= SMALLEST_VEHICLE_M


cdef inline double entry_probability(const TracksParameters* parameters, const Change* change, double lane_width, int64_t now_ns,
                                     const Track* track) noexcept nogil:
    """Of its having begun to change into the vehicle's lane; 1 in the path, 0 for who is further away than the next lane."""
    if fabs(track.lane_offset) < parameters.path_half_width_m:
        return 1.0
    return change_probability(change, lane_width, now_ns) if fabs(track.lane_offset) < NEXT_LANE_M else 0.0


cdef inline void place_in_lane(const TracksMemory* memory, const TracksParameters* parameters, int i, int64_t now_ns,
                               Track* track) noexcept nogil:
    """Offset from the lane middle, speed across the lane, and when the track will be in the vehicle's path."""
    track.lane_offset = lane_offset(memory, track.x, track.y)
    track.lane_speed = track.velocity_y - lane_direction(memory, track.x) * track.velocity_x
    track.lane_speed_sigma = root(mixed_covariance(&memory.bank, VYVY, i))
    track.entry_time_s = NAN
    if not seen_enough(memory, parameters, i, now_ns):
        return
    track.entry_time_s = entry_time(parameters, 2.0 * memory.lane_half_width, track.lane_offset, track.lane_speed,
                                    track.lane_speed_sigma, track.velocity_x)
    if track.entry_time_s > 0.0 and not may_come_over(&memory.slots[i]):
        track.entry_time_s = NAN
    track.entry_probability = entry_probability(parameters, &memory.change[i], 2.0 * memory.lane_half_width, now_ns, track)
    if not proven(memory, parameters, i, now_ns) and track.existence > parameters.unproven_existence:
        track.existence = parameters.unproven_existence


cdef inline void choose_lead(TracksMemory* memory, const TracksParameters* parameters, int64_t now_ns,
                             TrackList* result) noexcept nogil:
    cdef int i, lead = -1
    for i in range(<int>memory.used):
        if may_lead(memory, parameters, i, now_ns) \
                and (lead < 0 or mixed(&memory.bank, 0, i) < mixed(&memory.bank, 0, lead)):
            lead = i
    if lead < 0:
        memory.lead_track_id = 0
        result.lead_distance = result.lead_speed = result.lead_acceleration = result.lead_lateral_offset = NAN
        result.lead_existence = 0.0
        result.lead_track_id = 0
        return
    memory.lead_track_id = memory.slots[lead].track_id
    result.lead_distance = mixed(&memory.bank, 0, lead)
    result.lead_speed = mixed(&memory.bank, VX, lead)
    result.lead_acceleration = mixed(&memory.bank, ACCELERATION, lead)
    result.lead_lateral_offset = lane_offset(memory, mixed(&memory.bank, 0, lead), mixed(&memory.bank, 1, lead))
    result.lead_existence = memory.slots[lead].existence
    result.lead_track_id = memory.slots[lead].track_id
