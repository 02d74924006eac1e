# Ground: see _ground.pyx.
from autonomy.perception._cloud cimport Cloud

cdef enum:
    SECTORS = 256       # of equal steps of the diamond angle: 0.9 deg along x and y, 1.8 deg between
    REACHES = 160       # radial bins of a sector
    RADIAL_TABLE = 1024 # quarter metres -> radial bin

cdef struct GroundParameters:
    double near_m               # closer than this is the vehicle itself
    double far_m
    double bin_m                # radial length of the nearest bins
    double bin_share            # of the range, for the farther ones
    double above_m              # a point so far above the ground is none of it
    double above_share          # of the range, on top
    double above_most_m
    double below_m              # so far below the ground is an echo of a mirror
    double step_m               # a curb may be so high
    double bend                 # change of slope per m
    double slope_most
    double settle_m             # distance over which the slope of the ground is averaged
    double jump_most_m          # however long nothing was seen of the ground

cdef struct GroundGrid:
    unsigned short[RADIAL_TABLE] reach_of    # radial bin of each quarter metre
    float[REACHES + 1] middle                # m
    int reaches
    float[SECTORS * REACHES + 1] lowest      # z, the last takes what is in no bin
    float[SECTORS * REACHES + 1] level       # z of the ground in the bin's middle
    float[SECTORS * REACHES + 1] slope

cdef void arrange_ground(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil
cdef int find_ground(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil
