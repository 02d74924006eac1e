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
    double solid_share          # ... from which on it is a solid line
    double width_least_m        # of a lane
    double width_most_m
    double double_m             # two lines so close are one double line
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
    int known                   # 1 when something voted for it

cdef struct LaneList:
    int count
    int padding
    Shape shape
    LaneLine[MOST_LINES] lines

cdef void find_lanes(const LaneParameters* parameters, double behind_m, BrightGrid* grid, const Shape* guess,
                     LaneList* found) noexcept nogil
