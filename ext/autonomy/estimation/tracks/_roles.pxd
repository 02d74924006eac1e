# What each track is to the vehicle: lead, nearest neighbours, who cuts in; and what is in danger.
from libc.math cimport fabs
from autonomy.msg.messages cimport (
    Track, TrackList, TracksParameters, Track_HAZARD_PEDESTRIAN, Track_HAZARD_STOPPED, Track_ROLE_CUT_IN,
    Track_ROLE_LEAD, Track_ROLE_LEFT_AHEAD, Track_ROLE_LEFT_BEHIND, Track_ROLE_RIGHT_AHEAD, Track_ROLE_RIGHT_BEHIND)
from autonomy.estimation.tracks._detection cimport PEDESTRIAN
from autonomy.estimation.tracks._tracks cimport TracksMemory

cdef enum:
    CONFIRMED = 2

cdef extern from *:
    """
    static const double STANDS_MPS = 0.5;  /* [D] */
    """
    const double STANDS_MPS


cdef inline void give_neighbour(TrackList* list, double half_width, bint left, bint ahead, int role) noexcept nogil:
    """The nearest confirmed track whose middle is in the next lane."""
    cdef int i, nearest = -1
    cdef double aside
    for i in range(<int>list.count):
        aside = list.tracks[i].lane_offset if left else -list.tracks[i].lane_offset
        if list.tracks[i].status < CONFIRMED or list.tracks[i].role != 0 or aside <= half_width or aside >= 3.0 * half_width \
                or (list.tracks[i].x > 0.0) != ahead:
            continue
        if nearest < 0 or fabs(list.tracks[i].x) < fabs(list.tracks[nearest].x):
            nearest = i
    if nearest >= 0:
        list.tracks[nearest].role = role


cdef inline void give_roles(const TracksMemory* memory, const TracksParameters* p, TrackList* list) noexcept nogil:
    cdef Track* track
    cdef double half = memory.lane_half_width
    cdef int i
    for i in range(<int>list.count):
        track = &list.tracks[i]
        if track.status < CONFIRMED:
            continue
        if track.track_id == list.lead_track_id:
            track.role = Track_ROLE_LEAD
        elif track.entry_probability > 0.5 and fabs(track.lane_offset) >= p.path_half_width_m:
            track.role = Track_ROLE_CUT_IN
        if track.classification == PEDESTRIAN and track.x > 0.0 and fabs(track.lane_offset) < half + p.pedestrian_margin_m:
            track.hazard = Track_HAZARD_PEDESTRIAN
        elif track.entry_time_s == 0.0 and track.x > 0.0 and fabs(track.velocity_x) < STANDS_MPS:
            track.hazard = Track_HAZARD_STOPPED
    give_neighbour(list, half, True, True, Track_ROLE_LEFT_AHEAD)
    give_neighbour(list, half, True, False, Track_ROLE_LEFT_BEHIND)
    give_neighbour(list, half, False, True, Track_ROLE_RIGHT_AHEAD)
    give_neighbour(list, half, False, False, Track_ROLE_RIGHT_BEHIND)
