# Road edges: see _edges.pyx.
from autonomy.perception._clusters cimport ClusterGrid
from autonomy.perception._lanes cimport LaneList

cdef enum:
    EDGE_OFFSETS = 256      # of a quarter of a metre each

cdef struct EdgeParameters:
    double look_m               # cells up to here, ahead and behind
    double top_most_m           # rails and barriers are lower
    double nearest_m            # from the vehicle's axis
    double blocks_least         # of five metres along x in which it is seen
    double cells_least
    double high_share_most      # cells at the same offset that are higher than a rail
    double inlier_m
    double cell_sigma_m
    double curb_m               # lower is a curb
    double rail_m               # lower is a rail, higher a barrier or wall

cdef void find_edges(const EdgeParameters* parameters, ClusterGrid* grid, LaneList* lanes) noexcept nogil
