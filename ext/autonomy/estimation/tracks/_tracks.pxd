# Objects being followed and the lead among them.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint8_t
from autonomy.msg.messages cimport EgoState, InputFrame, LaneState, TrackList, TracksParameters

cdef enum:
    SLOTS = 128
    KIND_FREE = 0
    KIND_RADAR = 1
    KIND_OBJECT = 2              # ready-made by an outside tracker

ctypedef struct Slot:
    double[3] along              # x in the vehicle frame (m), speed over ground (m/s), acceleration (m/s2)
    double[6] along_P            # upper triangle: xx xv xa vv va aa
    double[2] across             # y in the vehicle frame (m), its speed over ground (m/s)
    double[3] across_P           # yy yv vv
    double fastest               # m/s, highest speed along the lane it was seen with
    double existence
    int64_t first_time_ns
    int64_t update_time_ns       # valid time of the last measurement used
    uint32_t target_id
    uint32_t track_id
    uint32_t hits
    uint16_t source
    uint8_t kind
    uint8_t classification

ctypedef struct TracksMemory:
    Slot[128] slots
    double[32] lane_y            # m, lane middle in the vehicle frame every PREVIEW_STEP_M ahead
    double lane_half_width
    int64_t last_tick_ns
    uint32_t used                # slots beyond are free
    uint32_t next_track_id
    uint32_t lead_track_id       # 0 = none
    uint32_t overflow

cdef void tracks_reset(TracksMemory* memory, const TracksParameters* parameters) noexcept nogil
cdef void tracks_step(TracksMemory* memory, const TracksParameters* parameters, const InputFrame* frame, const EgoState* ego,
                      const LaneState* lane, TrackList* result) noexcept nogil
