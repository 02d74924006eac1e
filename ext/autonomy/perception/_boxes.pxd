# Oriented boxes of clusters: see _boxes.pyx.
from autonomy.perception._cloud cimport Cloud
from autonomy.perception._clusters cimport ClusterGrid

cdef enum:
    MOST_OBSTACLES = 512
    MOST_CORNERS = 64       # cells of a cluster that the search for its direction looks at

cdef struct Obstacle:
    double x                # m, middle of the box
    double y
    double z
    double yaw              # rad, of the longer side, -pi/2 .. pi/2
    double length           # m, along yaw
    double width
    double height
    double top              # m above the ground
    double bottom
    double score            # 0..1
    int points
    int classification      # as in ObstacleSample
    int cluster
    int edge                # 1 = of a road edge

cdef struct BoxParameters:
    double closest_m            # to the side of the box: nearer points all count alike

cdef struct ObstacleList:
    int count
    int overflow                # clusters beyond the room for them
    int[4096] of_cluster        # number of the obstacle, -1 = not told
    float[4096] cosine
    float[4096] sine
    float[4096][6] span         # least and greatest along, across, up
    Obstacle[MOST_OBSTACLES] obstacles

cdef int find_boxes(const BoxParameters* parameters, const ClusterGrid* grid, Cloud* cloud, ObstacleList* found) noexcept nogil
