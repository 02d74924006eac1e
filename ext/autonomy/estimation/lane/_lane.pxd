# Clothoid Kalman filter of the ego lane.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t
from autonomy.msg.messages cimport EgoState, InputFrame, LaneParameters, LanePoint, LaneState

cdef enum:
    STATES = 6                   # offset, heading error, curvature, curvature rate, width left, width right
    OFFSET = 0
    HEADING = 1
    CURVATURE = 2
    CURVATURE_RATE = 3
    WIDTH_LEFT = 4
    WIDTH_RIGHT = 5
    POINTS = 64
    PREVIEW = 32

ctypedef struct LaneFilter:
    double[6] x
    double[36] P                 # row major, symmetric
    LanePoint[64] path           # the last window received
    double[64] distance          # arc length at each of its points
    double[64] curvature         # of the path there
    uint32_t points
    uint32_t segment             # of the path, nearest to the vehicle
    int64_t last_tick_ns
    int64_t last_observation_ns  # valid time of the last one used, 0 = never
    int64_t last_path_use_ns
    double along                 # m, arc length of the vehicle's foot point on the path, from its first point
    double range                 # m, how far ahead the last boundary observation reached
    int32_t rejected             # observations in a row
    uint8_t initialised
    uint8_t source
    uint8_t path_matched         # the vehicle stands beside the path
    uint8_t padding

cdef void lane_reset(LaneFilter* lane, const LaneParameters* parameters) noexcept nogil
cdef void lane_step(LaneFilter* lane, const LaneParameters* parameters, const InputFrame* frame, const EgoState* ego,
                    LaneState* result) noexcept nogil
