"""Free space: how far one could go in each direction before the first obstacle. Twin: autonomy/perception/free_space_twin.py."""
from libc.math cimport fabsf, sqrtf
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._boxes cimport ObstacleList
from autonomy.perception._clusters cimport Cell, ClusterGrid

require(__name__, LAYOUT_HASH)


cdef void find_free_space(const ClusterGrid* grid, const ObstacleList* found, double far_m, float* free_m) noexcept nogil:
    """free_m [FREE_SECTORS], m; `far_m` where nothing stands. Sector 0 begins at -y, counter-clockwise."""
    cdef int i, sector
    cdef float range_m, across
    cdef const Cell* cell
    for i in range(FREE_SECTORS):
        free_m[i] = <float>far_m
    for i in range(grid.cell_count):
        cell = &grid.cells[i]
        if cell.parent < 0 or found.of_cluster[cell.parent] < 0:
            continue
        range_m = sqrtf(cell.x * cell.x + cell.y * cell.y)
        if range_m > 0.0:
            across = cell.y / (fabsf(cell.x) + fabsf(cell.y))
            sector = <int>((1.0 + across if cell.x >= 0.0 else 3.0 - across) * (FREE_SECTORS / 4)) & (FREE_SECTORS - 1)
            free_m[sector] = range_m if range_m < free_m[sector] else free_m[sector]
