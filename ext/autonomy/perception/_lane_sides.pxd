# The sides of the lane among the lines found: see _lane_sides.pyx.
from autonomy.perception._bright cimport BrightGrid
from autonomy.perception._lanes cimport LaneList, LaneParameters, Shape

cdef void name_sides(const LaneParameters* parameters, const BrightGrid* grid, const Shape* guess,
                     LaneList* found) noexcept nogil
