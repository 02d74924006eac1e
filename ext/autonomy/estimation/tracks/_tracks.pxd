# Objects being followed and the lead among them.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint8_t
from autonomy.msg.messages cimport EgoState, InputFrame, LaneState, TrackList, TracksParameters
from autonomy.estimation.tracks._bank cimport Bank

cdef enum:
    SLOTS = 128
    ONSETS = 14                  # moments at which a lane change may have begun
    LOST = 32                    # remembered at most
    KIND_FREE = 0
    KIND_SENSED = 1              # followed here
    KIND_OBJECT = 2              # ready-made by an outside tracker

ctypedef struct Slot:
    double fastest               # m/s, highest speed along the lane it was seen with
    double existence
    double length                # m
    double width
    double yaw                   # rad
    double alike_s               # for how long it has looked like a piece of `alike_id`
    int64_t first_time_ns
    int64_t update_time_ns       # valid time of the last measurement used
    int64_t hidden_time_ns       # last time it was silent and stood behind another
    uint32_t target_id           # of an outside tracker
    uint32_t track_id
    uint32_t hits
    uint32_t boxes               # hits that told an extent
    uint32_t alike_id
    uint16_t source
    uint8_t kind
    uint8_t classification
    uint8_t settled              # confirmed
    uint8_t remembered           # stands among the lost

ctypedef struct Lost:
    double x                     # m, where it should be by now
    double offset                # m left of the lane middle
    double speed                 # m/s along
    int64_t last_time_ns         # when it was seen last, 0 = nobody
    Slot slot                    # as it was released

ctypedef struct Change:
    double offset                # m from the middle of the vehicle's lane, of who keeps its own
    double speed                 # m/s
    double xx                    # their covariance
    double xv
    double vv
    int64_t time_ns              # of the last measurement, 0 = none
    int64_t newest               # number of the newest moment at which a change may have begun
    double[14] moved             # m, for each of them: what the filter has taken of the change
    double[14] speed_moved
    double[14] evidence          # log of the likelihood ratio
    double[14] begun             # m from the middle of the vehicle's lane at that moment

ctypedef struct TracksMemory:
    Bank bank
    Slot[128] slots
    Lost[32] lost
    Change[128] change
    double[32] lane_y            # m, lane middle in the vehicle frame every PREVIEW_STEP_M ahead
    double lane_half_width
    int64_t last_tick_ns
    int64_t last_scan_ns
    uint32_t used                # slots beyond are free
    uint32_t next_track_id
    uint32_t lead_track_id       # 0 = none
    uint32_t overflow

cdef void tracks_reset(TracksMemory* memory, const TracksParameters* parameters) noexcept nogil
cdef void tracks_step(TracksMemory* memory, const TracksParameters* parameters, const InputFrame* frame, const EgoState* ego,
                      const LaneState* lane, TrackList* result) noexcept nogil
