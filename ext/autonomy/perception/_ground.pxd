# Ground: see _ground.pyx.
from autonomy.perception._cloud cimport Cloud
from autonomy.perception._columns cimport QUARTERS

cdef enum:
    SECTORS = 256       # of equal steps of the diamond angle: 0.9 deg along x and y, 1.8 deg between
    REACHES = 160       # radial bins of a sector

cdef struct GroundParameters:
    double near_m               # closer than this is the vehicle itself
    double far_m
    double bin_m                # radial length of the nearest bins
    double bin_share            # of the range, for the farther ones
    double above_m              # a point so far above the ground is none of it
    double above_share          # of the range, on top
    double above_steep_m        # ... times the slope: banks are rough
    double above_most_m
    double below_m              # so far below the ground is an echo of a mirror
    double step_m               # a curb may be so high
    double bend                 # half the change of slope per m
    double rise_most_m          # above the expected line, however long nothing was seen of the ground
    double slope_most           # of banks
    double slope_ahead          # beside the plane's: goes on where nothing is seen, at most
    double settle_m             # distance over which the slope of the ground is averaged
    double regain_m             # ground that was lost is found again on a smooth stretch so long
    double regain_share         # of the range, on top
    double regain_slope         # of that stretch at most
    double regain_rise_m        # above where it would be otherwise, at most
    double bump_m               # higher than both neighbours by so much is no ground
    double bump_to_m            # up to this range
    double plane_to_m           # the plane about the vehicle is fitted up to here
    double own_front_m          # the vehicle itself: what lies within is left out
    double own_rear_m
    double own_side_m

cdef struct GroundGrid:
    int[QUARTERS + 1] reach_of               # radial bin of each quarter metre
    int[REACHES] apart                       # sectors from a line to those it is compared with, for bumps
    float[REACHES + 1] middle                # m
    float[SECTORS * REACHES + 1] at          # range that the bin's level holds at
    int reaches
    float[SECTORS] cosine        # of the sector's middle
    float[SECTORS] sine
    double[3] plane              # about the vehicle: z = plane[0] + plane[1] x + plane[2] y
    float[2 * (SECTORS * REACHES + 1)] lowest  # z and range of each bin's lowest point, the last takes what is in no bin
    float[3][SECTORS * REACHES + 4] near     # x, y, z of the lowest points about the vehicle
    float[SECTORS * REACHES + 1] level       # z of the ground at that range
    float[SECTORS * REACHES + 1] slope
    float[SECTORS * REACHES + 1] base    # z of the ground = base + slope * range

cdef void arrange_ground(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil
cdef int find_ground(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil
