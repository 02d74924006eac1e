# Narrow bright runs on the ground: see _bright.pyx.
from autonomy.perception._cloud cimport Cloud

cdef enum:
    SLABS = 120             # along x, one metre each
    STRIPS = 320            # along y, a tenth of a metre each
    MOST_RUNS = 4096
    MOST_NEAR = 400000      # ground points in the grid

cdef struct BrightParameters:
    double behind_m             # the grid begins so far behind the origin
    double ratio                # a marking is so much brighter than the ground around it
    double spread               # ... and by so many mean deviations of the ground of its slab
    double least                # ... and by so much, in the sensor's units
    double width_most_m         # wider is a patch, not a line
    double around_m             # how much ground to either side it is compared with

cdef struct Run:
    float x                     # m, middle of its bright points
    float y
    float weight                # contrast, 0..1
    float sum                   # of the weights of its points
    int slab
    int line                    # number of the line that took it, -1 = none

cdef struct BrightGrid:
    float[SLABS][STRIPS] sum        # intensity; afterwards the background
    int[SLABS][STRIPS] points
    float[SLABS][STRIPS] limit      # intensity above which a point is bright
    short[SLABS][STRIPS] run        # 1 + number of the run there, 0 = none
    int run_count
    int overflow
    int near_count              # ground points in the grid, then those in runs
    int[MOST_NEAR] near         # point
    int[MOST_NEAR] place        # its bin
    Run[MOST_RUNS] runs

cdef int find_bright(const BrightParameters* parameters, BrightGrid* grid, Cloud* cloud) noexcept nogil
