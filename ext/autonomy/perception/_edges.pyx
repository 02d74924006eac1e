"""Road edges: low cells that go along the road for long at one lateral offset - curbs, rails, barriers.

The lanes' shape (heading, curvature) straightens the road; what then heaps up at one offset over many blocks of five metres,
and is not higher than a barrier, bounds the road. Its cells are kept apart from those of vehicles beside it. The nearest edge
of each side is told as a line, with a cubic of its own. Twin: autonomy/perception/edges_twin.py.
"""
from libc.math cimport fabs, sqrt
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._clusters cimport Cell, ClusterGrid
from autonomy.perception._lanes cimport LEFT_EDGE, LINE_ROAD_EDGE, MOST_LINES, RIGHT_EDGE, LaneLine, LaneList
from autonomy.perception._polynomial cimport Cubic, Normal, add_point, begin_normal, solve_normal, value_at

require(__name__, LAYOUT_HASH)

cdef double EDGE_PER_M = 4.0
cdef double BLOCK_M = 5.0
cdef int ROUNDS = 3
cdef double SNAP = 2e-6             # sigma of c3, as of lines


cdef void find_edges(const EdgeParameters* parameters, ClusterGrid* grid, LaneList* lanes) noexcept nogil:
    """Sets `edge` of the cells (0 none) and adds at most one line of each side."""
    cdef unsigned long long[EDGE_OFFSETS] blocks
    cdef int[EDGE_OFFSETS] low
    cdef int[EDGE_OFFSETS] high
    cdef int i, k, side, middle = EDGE_OFFSETS // 2, number = 0
    cdef bint is_nearest
    cdef LaneLine line
    heap(parameters, grid, lanes, blocks, low, high)
    for side in range(2):
        is_nearest = True
        k = <int>(parameters.nearest_m * EDGE_PER_M)
        while k < middle - 2:
            i = middle + k if side == 0 else middle - 1 - k
            k += 1
            if not is_edge(parameters, blocks, low, high, i):
                continue
            number += 1
            if fit(parameters, grid, lanes, i, number, &line) and is_nearest and lanes.count < MOST_LINES:
                line.side = LEFT_EDGE if side == 0 else RIGHT_EDGE
                lanes.lines[lanes.count] = line
                lanes.count += 1
                is_nearest = False
            k += 3


cdef void heap(const EdgeParameters* p, const ClusterGrid* grid, const LaneList* lanes, unsigned long long* blocks, int* low,
               int* high) noexcept nogil:
    cdef int i, k
    cdef double offset
    cdef const Cell* cell
    memset(blocks, 0, EDGE_OFFSETS * sizeof(unsigned long long))
    memset(low, 0, EDGE_OFFSETS * sizeof(int))
    memset(high, 0, EDGE_OFFSETS * sizeof(int))
    for i in range(grid.cell_count):
        cell = &grid.cells[i]
        if fabs(cell.x) > p.look_m:
            continue
        offset = (cell.y - cell.x * (lanes.shape.heading + cell.x * lanes.shape.bend)) * EDGE_PER_M + EDGE_OFFSETS // 2
        if not (offset >= 0.0 and offset < EDGE_OFFSETS):
            continue
        k = <int>offset
        if cell.top < p.top_most_m:
            low[k] += 1
            blocks[k] |= (<unsigned long long>1) << <int>((cell.x + p.look_m) / BLOCK_M)
        else:
            high[k] += 1


cdef bint is_edge(const EdgeParameters* p, const unsigned long long* blocks, const int* low, const int* high,
                  int i) noexcept nogil:
    """Two neighbouring offsets together, the first of which is occupied."""
    cdef unsigned long long mask = blocks[i] | blocks[i + 1] | blocks[i - 1]
    cdef int count = 0, cells = low[i - 1] + low[i] + low[i + 1]      # blocks in a row: vehicles one behind the other have gaps
    if low[i] < low[i - 1] or low[i] < low[i + 1]:
        return False
    while mask:
        count += 1
        mask &= mask >> 1
    return (count >= p.blocks_least and cells >= p.cells_least
            and high[i - 1] + high[i] + high[i + 1] <= p.high_share_most * cells)


cdef bint fit(const EdgeParameters* p, ClusterGrid* grid, const LaneList* lanes, int place, int number,
              LaneLine* line) noexcept nogil:
    """Marks the cells of an edge and fits its cubic; False when too few are left."""
    cdef Normal normal
    cdef Cubic cubic
    cdef double[4] prior
    cdef double[4] sigma
    cdef double residual, weight, top = 0.0, unit = 1.0 / (p.cell_sigma_m * p.cell_sigma_m)
    cdef int turn, i
    cdef Cell* cell
    memset(line, 0, sizeof(LaneLine))
    line.c[0] = (place + 0.5 - EDGE_OFFSETS // 2) / EDGE_PER_M
    line.c[1] = lanes.shape.heading
    line.c[2] = lanes.shape.bend
    for turn in range(ROUNDS):
        for i in range(4):
            prior[i] = line.c[i]
        sigma[0] = 1.0
        sigma[1] = 0.01
        sigma[2] = 2e-4
        sigma[3] = SNAP
        begin_normal(&normal, prior, sigma)
        line.runs = 0
        line.x_min = 1e9
        line.x_max = -1e9
        top = 0.0
        for i in range(grid.cell_count):
            cell = &grid.cells[i]
            if cell.top >= p.top_most_m or fabs(cell.x) > p.look_m + 20.0:
                continue
            residual = (cell.y - value_at(line.c, cell.x)) / p.inlier_m
            if fabs(residual) < 1.0:
                weight = (1.0 - residual * residual) * (1.0 - residual * residual)
                add_point(&normal, cell.x, cell.y, unit * weight)
                line.runs += 1
                top += cell.top
                line.x_min = cell.x if cell.x < line.x_min else line.x_min
                line.x_max = cell.x if cell.x > line.x_max else line.x_max
                if turn == ROUNDS - 1:
                    cell.edge = number
        if line.runs < p.cells_least or not solve_normal(&normal, &cubic):
            return False
        for i in range(4):
            line.c[i] = cubic.c[i]
            line.sigma[i] = sqrt(cubic.covariance[5 * i])
    line.sigma_m = line.sigma[0]
    line.quality = 1.0 if line.runs > 4.0 * p.cells_least else line.runs / (4.0 * p.cells_least)
    line.type = LINE_ROAD_EDGE
    top /= line.runs
    line.edge_kind = 1 if top < p.curb_m else (2 if top < p.rail_m else 3)
    return True
