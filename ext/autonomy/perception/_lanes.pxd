# Lane lines from bright runs: see _lanes.pyx.
from autonomy.perception._bright cimport BrightGrid

cdef enum:
    MOST_LINES = 12
    OFFSETS = 256           # of the vote, a fifth of a metre each

cdef enum LineType:         # as LaneSample.TYPE_*
    LINE_UNKNOWN = 0
    LINE_SOLID = 1
    LINE_DASHED = 2
    LINE_DOUBLE = 3
    LINE_ROAD_EDGE = 4

cdef enum LineSide:
    LEFT = 0
    RIGHT = 1
    NEXT_LEFT = 2
    NEXT_RIGHT = 3
    LEFT_EDGE = 4
    RIGHT_EDGE = 5

cdef struct LaneParameters:
    double heading_most         # rad, of the road against the vehicle
    double curvature_most       # 1/m
    double coarse_to_m          # the vote for heading and curvature looks so far
    double inlier_m
    double run_sigma_m          # of one run
    double parallel_heading     # sigma, rad, by how much lines of a road differ
    double parallel_curvature   # sigma, 1/m
    double runs_least           # of a line
    double runs_beside          # ... of one that stands a lane's width from a sure one
    double memory_s             # runs are held so long
    double length_least_m       # from its first to its last run
    double share_least          # of the slabs where it could be seen
    double share_held           # ... together with where it was in the scans before: dashes fill up, chance does not
    double solid_share          # ... from which on it is a solid line
    double width_least_m        # of a lane
    double width_most_m
    double double_m             # two lines so close are one double line
    double begins_most_m        # a side of the lane is seen from so near on
    double contest_share        # runs beside a side's line, of its own: from there on two sets of lines are there
    double contest_m            # ... so far beside it
    double contest_to_m         # ... and up to so far ahead
    double contest_told_m       # where they are it is told to here only: farther ahead the sets part
    double centred_m            # of two sets the one counts in whose middle the vehicle is, give or take this
    double width_change_m       # ... and that makes the lane as wide as it was, give or take this
    double jump_m               # a side does not jump from scan to scan
    double track_s              # ... while it was told so recently
    double type_to_m            # solid or dashed is told by what is nearer

cdef struct LaneLine:
    double[4] c                 # y = c0 + c1 x + c2 x^2 + c3 x^3, m
    double[4] sigma
    double sigma_m              # at x_near, the point of the seen part that is nearest to the vehicle
    double x_min
    double x_max
    double quality              # 0..1
    int runs
    int type                    # LineType
    int side                    # LineSide
    int edge_kind               # 0 none, 1 curb, 2 rail, 3 barrier or wall

cdef struct Shape:
    double heading              # c1
    double bend                 # c2, half the curvature
    double width_m              # of the lane when it was last sure, 0 = not known
    double[2] side_m            # offsets of its left and right line at the vehicle
    double[2] side_age_s        # since they were told
    int known                   # scans that voted for it, up to ten

cdef struct LaneList:
    int count
    int padding
    Shape shape
    LaneLine[MOST_LINES] lines

cdef void find_lanes(const LaneParameters* parameters, double behind_m, BrightGrid* grid, const Shape* guess,
                     LaneList* found) noexcept nogil
