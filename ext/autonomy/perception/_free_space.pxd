# Free space: see _free_space.pyx.
from autonomy.perception._clusters cimport ClusterGrid
from autonomy.perception._boxes cimport ObstacleList

cdef enum:
    FREE_SECTORS = 256      # of equal steps of the diamond angle, as the ground's

cdef void find_free_space(const ClusterGrid* grid, const ObstacleList* found, double far_m, float* free_m) noexcept nogil
