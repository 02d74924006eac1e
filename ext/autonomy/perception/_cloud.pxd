# One scan during its processing: columns of plain memory, made once at start for the largest scan there will be.
#
# Frame: x forward, y left, z up, origin on the nominal ground below the mounting's reference (ISO 8855 for a vehicle).

cdef enum Label:
    NONE = 0
    GROUND = 1
    OBSTACLE = 2
    MARKING = 3
    EDGE = 4
    NOISE = 5

cdef struct Cloud:
    int capacity
    int count
    float* x                    # m
    float* y
    float* z
    float* range_m              # from the origin, in the plane
    float* corner               # diamond angle in sectors of the ground grid
    float* height               # m above the ground found below the point
    unsigned short* intensity   # the sensor's units
    unsigned short* bin         # of the ground grid
    int* cell                   # of the obstacle grid, -1 outside; until then a number of each point for the step at hand
    int above_count
    int* above                  # points that have a cell of the obstacle grid, in their order
    int* instance               # number of the obstacle, -1 none
    unsigned char* label        # Label
