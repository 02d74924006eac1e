# Clothoid Kalman filter of the ego lane.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t
from autonomy.msg.messages cimport EgoState, InputFrame, LaneParameters, LanePoint, LaneState

cdef enum:
    STATES = 7
    TOLD = 6                     # ... of them in the output
    OFFSET = 0                   # m, left of the lane middle
    HEADING = 1
    CURVATURE = 2
    CURVATURE_RATE = 3
    WIDTH_LEFT = 4
    WIDTH_RIGHT = 5
    SIDE_SLIP = 6                # rad, the way travelled is left of what the ego filter says
    POINTS = 64
    PREVIEW = 32
    NODES = 40                   # of the curvature profile: 30 m behind, 165 m ahead
    BEHIND = 6
    BAND = 36                    # a line of 165 m ties 35 nodes
    HISTORY = 48                 # ticks kept: observations up to 0.47 s old find their place
    SCALARS = 20                 # of two cameras, or of one and the lane path

# What a scalar measurement says about the state; the first seven are the states themselves
cdef enum Measured:
    LEFT_LINE = 7                # width left - offset
    RIGHT_LINE = 8               # -width right - offset
    ASYMMETRY = 9                # width left - width right
    LOOSEN_LEFT = 10             # no measurement: sigma is added to the width's uncertainty
    LOOSEN_RIGHT = 11

ctypedef struct Scalar:
    double z
    double sigma
    int64_t measured             # Measured or a state

# One tick: how the vehicle moved into it, what the filter expected there, what was observed then
ctypedef struct LaneTick:
    int64_t time_ns
    double dt
    double speed
    double drift                 # m/s to the left
    double yaw_rate
    double station               # m driven along the lane, at the tick
    double[7] x                  # before the observations
    double[49] P
    Scalar[20] scalars
    uint32_t count
    uint32_t padding

# Nodes of the road's curvature at whole multiples of LaneState.PREVIEW_STEP_M; information form
ctypedef struct CurvatureProfile:
    double[1440] band            # m2, (NODES, BAND): of a node with itself and with those after it
    double[40] vector            # m
    double[40] curvature         # 1/m, the estimate
    double observed_station      # m, the vehicle's at the last observation
    int64_t first                # which multiple the first node is
    int64_t span                 # how many nodes after it a node is tied to at most
    uint32_t begun
    uint32_t misfits             # observations in a row that show another road
    int64_t temporary            # of temporary lines

ctypedef struct LaneSide:
    double turning               # rad, mean heading innovation of the last few lines
    double bending               # scales, mean difference in bend of the last few lines from the profile
    double parallel_m            # a held line has run beside the lane this far
    int64_t seen_ns              # valid time of the last line chosen on this side
    int32_t misfits              # in a row
    int32_t fits                 # in a row while held
    uint8_t held                 # does not belong to the lane
    uint8_t used                 # by the last observation
    uint8_t type
    uint8_t padding
    uint32_t padding2

ctypedef struct LaneFilter:
    double[7] x
    double[49] P                 # row major, symmetric
    double[6] remainder          # of past corrections, not in the output yet
    double[6] remainder_rate     # 1/s
    LaneTick[48] ticks           # ring
    CurvatureProfile profile
    CurvatureProfile[2] earlier  # the profile while both sides showed one road, LANE_EARLIER_M apart: the older one first
    double station               # m driven along the lane
    uint32_t newest
    uint32_t kept                # ticks with a motion, from the newest back
    uint32_t expected            # ... with x and P
    uint32_t points
    LanePoint[64] path           # the last window received
    double[64] distance          # arc length at each of its points
    double[64] curvature         # of the path there
    LaneSide left
    LaneSide right
    int64_t last_tick_ns
    int64_t last_observation_ns  # valid time of the last one used, 0 = never
    int64_t last_line_ns         # the same of lines
    int64_t last_path_use_ns
    double unseen_s              # in motion without observation
    double along                 # m, arc length of the vehicle's foot point on the path, from its first point
    double reach                 # m, how far ahead the lines seen last reach
    double apart_station         # where the sides ceased to show one road
    double path_shift            # m, the path left of the middle between the lines
    uint32_t segment             # of the path, nearest to the vehicle
    int32_t rejected             # pairs of lines in a row
    int32_t path_rejected        # places on the path in a row
    uint32_t lines_rejected
    uint32_t observations_late
    uint8_t initialised
    uint8_t source
    uint8_t path_matched         # the vehicle stands beside the path
    uint8_t path_shifted         # path_shift is known
    uint8_t apart                # the sides no longer show one road, the profile is an earlier one
    uint8_t[7] padding

cdef void lane_reset(LaneFilter* lane, const LaneParameters* parameters) noexcept nogil
cdef void lane_step(LaneFilter* lane, const LaneParameters* parameters, const InputFrame* frame, const EgoState* ego,
                    LaneState* result) noexcept nogil
