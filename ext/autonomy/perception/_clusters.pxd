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
    double reach_two_m          # from this range on, gaps of one empty cell do not separate
    double reach_three_m        # ... of two
    double rise_m               # a cell so much higher than its neighbour's top is another thing

cdef struct Cell:
    float x                     # m, mean of its points
    float y
    float top                   # m above the ground
    float bottom
    int points
    unsigned short column
    unsigned short row
    int parent                  # of the union-find, then the cluster

cdef struct Cluster:
    int first                   # place of its first cell in `order`
    int cells
    int points
    float top
    float bottom

cdef struct ClusterGrid:
    unsigned short[COLUMNS * ROWS] cell_at   # 1 + number of the cell, 0 = empty
    int cell_count
    int cluster_count
    int outside                 # points beyond the grid
    int overflow                # points without room for their cell, and clusters without a number
    Cell[MOST_CELLS] cells
    int[MOST_CELLS] order       # cells, cluster by cluster
    Cluster[MOST_CLUSTERS] clusters

cdef int find_clusters(const ClusterParameters* parameters, ClusterGrid* grid, Cloud* cloud) noexcept nogil
