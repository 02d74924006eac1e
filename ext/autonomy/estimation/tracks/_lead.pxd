# Which track is the lead: the nearest one in the own lane as it bends, with hysteresis on the lateral offset.
from libc.math cimport NAN, fabs
from libc.stdint cimport int64_t, uint32_t
from autonomy.msg.messages cimport (
    EgoState, LaneState, TrackList, TracksParameters, LaneState_PREVIEW_STEP_M, LaneState_STATUS_NONE)
from autonomy.estimation.tracks._tracks cimport KIND_FREE, KIND_OBJECT, Slot, TracksMemory
from autonomy.inputs._motion cimport velocity_known

cdef enum:
    STEPS = 32


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


cdef inline double lane_offset(const TracksMemory* memory, double x, double y) noexcept nogil:
    """m, a point's distance to the left of the lane middle; beyond the preview along its last direction."""
    cdef double position = x / LaneState_PREVIEW_STEP_M
    cdef int i = <int>position
    if position <= 0.0:
        i = 0
    elif i > STEPS - 2:
        i = STEPS - 2
    return y - (memory.lane_y[i] + (position - i) * (memory.lane_y[i + 1] - memory.lane_y[i]))


cdef inline bint may_lead(const TracksMemory* memory, const TracksParameters* parameters, const Slot* slot,
                          int64_t now_ns) noexcept nogil:
    cdef double bound = parameters.lead_leave_m if slot.track_id == memory.lead_track_id else parameters.lead_enter_m
    cdef double age_s = <double>(now_ns - slot.first_time_ns) * 1e-9
    if slot.kind == KIND_FREE or slot.along[0] <= 0.0 or slot.along[0] > parameters.lead_range_m:
        return False
    if slot.kind != KIND_OBJECT:
        if slot.hits < parameters.confirm_hits or age_s < parameters.lead_minimum_age_s:
            return False
        # What never moved is most often a sign or a bridge: believed only near by and after a while
        if slot.fastest < parameters.moving_speed_mps \
                and (slot.along[0] > parameters.stationary_range_m or age_s < parameters.stationary_age_s):
            return False
    return fabs(lane_offset(memory, slot.along[0], slot.across[0])) < bound


cdef inline void choose_lead(TracksMemory* memory, const TracksParameters* parameters, int64_t now_ns,
                             TrackList* result) noexcept nogil:
    cdef uint32_t i
    cdef const Slot* lead = NULL
    for i in range(memory.used):
        if may_lead(memory, parameters, &memory.slots[i], now_ns) \
                and (lead == NULL or memory.slots[i].along[0] < lead.along[0]):
            lead = &memory.slots[i]
    if lead == NULL:
        memory.lead_track_id = 0
        result.lead_distance = result.lead_speed = result.lead_acceleration = result.lead_lateral_offset = NAN
        result.lead_existence = 0.0
        result.lead_track_id = 0
        return
    memory.lead_track_id = lead.track_id
    result.lead_distance = lead.along[0]
    result.lead_speed = lead.along[1]
    result.lead_acceleration = lead.along[2]
    result.lead_lateral_offset = lane_offset(memory, lead.along[0], lead.across[0])
    result.lead_existence = lead.existence
    result.lead_track_id = lead.track_id
