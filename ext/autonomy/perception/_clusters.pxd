# Clusters of points above the ground: see _clusters.pyx.
from autonomy.perception._cloud cimport Cloud

cdef enum:
    COLUMNS = 1280          # along x
    ROWS = 640              # along y
    MOST_CELLS = 60000      # occupied at a time
    MOST_CLUSTERS = 4096

cdef struct ClusterParameters:
    double cell_m
    double behind_m             # the grid begins so far behind the origin
    double clearance_m          # what is higher stands over the road, not on it
    double reach_two_m          # from this range on, gaps of one empty cell along x do not separate
    double reach_three_m        # ... of two, and of one across
    double bridge_m             # a roof is joined to what it hangs behind, seen from the sensor, up to here
    double bridge_aside_m       # ... and so far across
    double bridge_beams         # rad, angle between beams
    double bridge_bottom_m      # what begins higher is a roof
    double bridge_step_m        # ... and is flatter and differs in height by less
    double rise_m               # a cell so much higher than its neighbour's top is another thing

cdef struct Cell:
    float x                     # m, mean of its points
    float y
    float top                   # m above the ground
    float bottom
    int points
    unsigned short column
    unsigned short row
    int edge                    # number of the road edge it belongs to, 0 = none: kept apart from what stands beside it
    int parent                  # of the union-find, then the cluster

cdef struct Cluster:
    int first                   # place of its first cell in `order`
    int cells
    int points
    float top
    float bottom
    int is_told                 # set by _sightings: enough is known of it

cdef struct ClusterGrid:
    unsigned short[COLUMNS * ROWS] cell_at   # 1 + number of the cell, 0 = empty
    int cell_count
    int cluster_count
    int outside                 # points beyond the grid
    int overflow                # points without room for their cell, and clusters without a number
    Cell[MOST_CELLS] cells
    int[MOST_CELLS] order       # cells, cluster by cluster
    Cluster[MOST_CLUSTERS] clusters

cdef void occupy(const ClusterParameters* parameters, ClusterGrid* grid, Cloud* cloud) noexcept nogil
cdef int join(const ClusterParameters* parameters, const double* sensor, ClusterGrid* grid, Cloud* cloud) noexcept nogil
