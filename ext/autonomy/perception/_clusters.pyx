"""Clusters: points above the ground, in a grid of small cells, joined where occupied cells touch.

Union-find over the occupied cells only (Tarjan 1975), with a neighbourhood that grows with range as the gaps between beams do.
Cells are emptied one by one afterwards, so an empty grid costs nothing. Twin: autonomy/perception/clusters_twin.py.
"""
from libc.math cimport fabs, sqrt
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._cloud cimport NONE, Cloud
from autonomy.perception._columns cimport cells_of, listed

require(__name__, LAYOUT_HASH)

cdef double MEASURABLE_M = 0.1         # a sensor no higher above a roof sees none of it


cdef int join(const ClusterParameters* parameters, const double* sensor, ClusterGrid* grid, Cloud* cloud) noexcept nogil:
    """Writes each point's instance (-1 none) and the clusters, in order of their first point; returns their number.

    Empties `cell_at` again. `sensor` [3]: from where the scan was taken, m.
    """
    cdef int i
    for i in range(grid.cell_count):
        join_neighbours(parameters, grid, i)
        if (grid.cells[i].bottom > parameters.bridge_bottom_m and grid.cells[i].edge == 0
                and grid.cells[i].top - grid.cells[i].bottom < parameters.bridge_step_m):
            bridge(parameters, sensor, grid, i)
    number(grid)
    for i in range(grid.cell_count):
        grid.cell_at[grid.cells[i].row * COLUMNS + grid.cells[i].column] = 0
    memset(cloud.instance, 0xFF, cloud.count * sizeof(int))
    for i in range(cloud.above_count):
        cloud.instance[cloud.above[i]] = grid.cells[cloud.cell[cloud.above[i]]].parent
    return grid.cluster_count


cdef void occupy(const ClusterParameters* parameters, ClusterGrid* grid, Cloud* cloud) noexcept nogil:
    """Writes the cells, each point's (-1 none) and the list of those that have one. Takes the points of label NONE up to the
    clearance; `cell_at` must be empty."""
    cdef float height
    cdef int i, k, place, number, count, kept = 0
    cdef Cell* cell
    grid.cell_count = 0
    grid.overflow = 0
    grid.outside = cells_of(cloud.x, cloud.y, cloud.height, cloud.label, cloud.count, NONE, <float>parameters.clearance_m,
                            <float>(1.0 / parameters.cell_m), <float>(parameters.behind_m / parameters.cell_m), COLUMNS, ROWS,
                            cloud.cell)
    count = listed(cloud.cell, cloud.count, cloud.capacity, cloud.above)
    for k in range(count):
        i = cloud.above[k]
        height = cloud.height[i]
        place = cloud.cell[i]
        number = grid.cell_at[place]
        if number == 0:
            if grid.cell_count == MOST_CELLS:
                grid.overflow += 1
                cloud.cell[i] = -1
                continue
            number = grid.cell_count + 1
            grid.cell_count = number
            grid.cell_at[place] = number
            cell = &grid.cells[number - 1]
            cell.column = place % COLUMNS
            cell.row = place // COLUMNS
            cell.parent = number - 1
            cell.points = 0
            cell.edge = 0
            cell.x = 0.0
            cell.y = 0.0
            cell.top = height
            cell.bottom = height
        cell = &grid.cells[number - 1]
        cell.points += 1
        cell.x += cloud.x[i]
        cell.y += cloud.y[i]
        cell.top = height if height > cell.top else cell.top
        cell.bottom = height if height < cell.bottom else cell.bottom
        cloud.cell[i] = number - 1
        cloud.above[kept] = i
        kept += 1
    cloud.above_count = kept
    for i in range(grid.cell_count):
        grid.cells[i].x /= grid.cells[i].points
        grid.cells[i].y /= grid.cells[i].points


cdef inline int root(Cell* cells, int i) noexcept nogil:
    while cells[i].parent != i:
        cells[i].parent = cells[cells[i].parent].parent
        i = cells[i].parent
    return i


cdef void join_neighbours(const ClusterParameters* parameters, ClusterGrid* grid, int i) noexcept nogil:
    """With the half of the neighbours that lies ahead; the other half has it in theirs."""
    cdef Cell* cells = grid.cells
    cdef int column = cells[i].column, row = cells[i].row, reach = 1, across = 1, other, k, m
    cdef float squared = cells[i].x * cells[i].x + cells[i].y * cells[i].y
    cdef float rise = <float>parameters.rise_m
    if squared > <float>(parameters.reach_three_m * parameters.reach_three_m):
        reach = 3
        across = 2
    elif squared > <float>(parameters.reach_two_m * parameters.reach_two_m):
        reach = 2
    for k in range(0, across + 1):
        if row + k >= ROWS:
            break
        for m in range(-reach if k > 0 else 1, reach + 1):
            if column + m < 0 or column + m >= COLUMNS:
                continue
            other = grid.cell_at[(row + k) * COLUMNS + column + m]
            if other == 0:
                continue
            if cells[other - 1].edge != cells[i].edge:
                continue
            if cells[other - 1].bottom > cells[i].top + rise or cells[i].bottom > cells[other - 1].top + rise:
                continue
            unite(cells, i, other - 1)


cdef inline void unite(Cell* cells, int i, int k) noexcept nogil:
    """The first cell of a cluster is its root."""
    cdef int a = root(cells, i), b = root(cells, k)
    if a < b:
        cells[b].parent = a
    elif b < a:
        cells[a].parent = b


cdef void bridge(const ClusterParameters* parameters, const double* sensor, ClusterGrid* grid, int i) noexcept nogil:
    """A roof seen from above shows in lines far apart: towards the sensor, the next cell of about its height is of the same
    thing.

    No farther than two beams can lie apart on it."""
    cdef Cell* cells = grid.cells
    cdef double dx = sensor[0] - cells[i].x, dy = sensor[1] - cells[i].y, range_m = sqrt(dx * dx + dy * dy), reach, above
    cdef int step, column, row, other, steps
    above = sensor[2] - cells[i].top
    if above < MEASURABLE_M:
        return
    reach = parameters.bridge_beams * range_m * range_m / above + parameters.cell_m
    reach = reach if reach < parameters.bridge_m else parameters.bridge_m
    if range_m < parameters.bridge_m:
        return
    dx /= range_m
    dy /= range_m
    if fabs(dy) * reach > parameters.bridge_aside_m:
        reach = parameters.bridge_aside_m / fabs(dy)
    steps = <int>(reach / parameters.cell_m)
    for step in range(1, steps + 1):
        column = <int>(cells[i].column + 0.5 + step * dx)
        row = <int>(cells[i].row + 0.5 + step * dy)
        if column < 0 or column >= COLUMNS or row < 0 or row >= ROWS:
            return
        other = grid.cell_at[row * COLUMNS + column]
        if other == 0 or other == i + 1:
            continue
        if cells[other - 1].edge == 0 and fabs(cells[other - 1].top - cells[i].top) < parameters.bridge_step_m:
            unite(cells, i, other - 1)
            return


cdef void number(ClusterGrid* grid) noexcept nogil:
    """Roots become numbers; cells are put in order of their clusters. A root is the first cell of its cluster."""
    cdef int i, k, first = 0
    cdef Cell* cell
    cdef Cluster* cluster
    grid.cluster_count = 0
    for i in range(grid.cell_count):
        cell = &grid.cells[i]
        k = root(grid.cells, i)
        if k == i:
            grid.order[i] = -1
            if grid.cluster_count < MOST_CLUSTERS:
                grid.order[i] = grid.cluster_count
                cluster = &grid.clusters[grid.cluster_count]
                cluster.cells = 0
                cluster.points = 0
                cluster.top = cell.top
                cluster.bottom = cell.bottom
                grid.cluster_count += 1
            else:
                grid.overflow += 1
        else:
            grid.order[i] = grid.order[k]
        if grid.order[i] < 0:
            continue
        cluster = &grid.clusters[grid.order[i]]
        cluster.cells += 1
        cluster.points += cell.points
        cluster.top = cell.top if cell.top > cluster.top else cluster.top
        cluster.bottom = cell.bottom if cell.bottom < cluster.bottom else cluster.bottom
    for i in range(grid.cell_count):
        grid.cells[i].parent = grid.order[i]
    for i in range(grid.cluster_count):
        grid.clusters[i].first = first
        first += grid.clusters[i].cells
        grid.clusters[i].cells = 0
    for i in range(grid.cell_count):
        k = grid.cells[i].parent
        if k >= 0:
            cluster = &grid.clusters[k]
            grid.order[cluster.first + cluster.cells] = i
            cluster.cells += 1
