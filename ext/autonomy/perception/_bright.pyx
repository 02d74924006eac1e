"""Narrow bright runs on the ground, the pieces that lane markings are made of.

The ground is cut into slabs of a metre along x and strips of a tenth of a metre across. A strip is bright when its mean
intensity stands out of that of the ground to both of its sides in the same slab: what darkens or brightens the ground as a
whole (range, angle, wet patches, shadows of trucks) is on both sides of the comparison. Runs of bright strips wider than a
marking are patches and dropped. Twin: autonomy/perception/bright_twin.py.
"""
from libc.math cimport fabsf
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._cloud cimport GROUND, Cloud
from autonomy.perception._columns cimport listed, strips_of

require(__name__, LAYOUT_HASH)

cdef float NEVER = 1e9
cdef int APART = 3              # strips beside a strip that are not compared with it: half a marking and its blur
cdef int BESIDE = 2             # strips from a run to where it must be dark: the next one may be half a line
cdef int LEAST_AROUND = 2       # points of ground to each side to compare with


cdef int find_bright(const BrightParameters* parameters, BrightGrid* grid, Cloud* cloud) noexcept nogil:
    """Writes the runs, and `near` with `place` of the points in them; returns the number of runs."""
    cdef int slab
    collect(parameters, grid, cloud)
    grid.run_count = 0
    grid.overflow = 0
    memset(grid.run, 0, sizeof(grid.run))
    for slab in range(SLABS):
        find_runs(parameters, grid, slab)
    centre(grid, cloud)
    return grid.run_count


cdef void collect(const BrightParameters* parameters, BrightGrid* grid, Cloud* cloud) noexcept nogil:
    cdef int i, place
    cdef float* sums = &grid.sum[0][0]
    cdef int* points = &grid.points[0][0]
    memset(grid.sum, 0, sizeof(grid.sum))
    memset(grid.points, 0, sizeof(grid.points))
    strips_of(cloud.x, cloud.y, cloud.label, cloud.count, GROUND, <float>parameters.behind_m, SLABS, STRIPS, cloud.cell)
    grid.near_count = listed(cloud.cell, cloud.count, MOST_NEAR, grid.near)
    for i in range(grid.near_count):
        place = cloud.cell[grid.near[i]]
        grid.place[i] = place
        sums[place] += cloud.intensity[grid.near[i]]
        points[place] += 1


cdef void find_runs(const BrightParameters* parameters, BrightGrid* grid, int slab) noexcept nogil:
    """Runs of one slab: prefix sums give the mean to both sides of each strip."""
    cdef float[STRIPS + 1] sums
    cdef int[STRIPS + 1] counts
    cdef float* limit = grid.limit[slab]
    cdef float* sum = grid.sum[slab]
    cdef int* points = grid.points[slab]
    cdef int around = <int>(parameters.around_m * 10.0), widest = <int>(parameters.width_most_m * 10.0 + 0.5)
    cdef int i, low, high, n, more, first, last, seen = 0, gap
    cdef float mean, other, deviation = 0.0, contrast
    cdef Run* run
    sums[0] = 0.0
    counts[0] = 0
    for i in range(STRIPS):
        sums[i + 1] = sums[i] + sum[i]
        counts[i + 1] = counts[i] + points[i]
    if counts[STRIPS] == 0:
        return
    for i in range(STRIPS):
        limit[i] = NEVER
        if points[i] == 0:
            continue
        low = i - around if i > around else 0
        high = i + around + 1 if i + around + 1 < STRIPS else STRIPS
        first = i - APART if i > APART else 0
        last = i + APART + 1 if i + APART + 1 < STRIPS else STRIPS
        n = counts[first] - counts[low]
        more = counts[high] - counts[last]
        if n < LEAST_AROUND or more < LEAST_AROUND:
            continue
        # The brighter side counts: where asphalt ends is no line
        mean = (sums[first] - sums[low]) / n
        other = (sums[high] - sums[last]) / more
        mean = mean if mean > other else other
        limit[i] = mean
        contrast = fabsf(sum[i] / points[i] - mean)
        deviation += contrast if contrast < mean + 1.0 else mean + 1.0
        seen += 1
    if seen == 0:
        return
    deviation = deviation / seen
    i = 0
    while i < STRIPS:
        if points[i] == 0 or limit[i] == NEVER or not is_bright(parameters, sum[i] / points[i], limit[i], deviation):
            i += 1
            continue
        first = last = i
        gap = 0
        i += 1
        while i < STRIPS and gap < 2:
            if points[i] == 0:
                gap += 1
            elif limit[i] < NEVER and is_bright(parameters, sum[i] / points[i], limit[i], deviation):
                last = i
                gap = 0
            else:
                break
            i += 1
        if last - first + 1 > widest or is_wider(grid, slab, first, last):
            continue
        if grid.run_count == MOST_RUNS:
            grid.overflow += 1
            continue
        run = &grid.runs[grid.run_count]
        grid.run_count += 1
        run.x = 0.0
        run.y = 0.0
        run.sum = 0.0
        run.slab = slab
        run.line = -1
        n = 0
        contrast = 0.0
        mean = 0.0
        for n in range(first, last + 1):
            grid.run[slab][n] = grid.run_count
            if points[n] > 0 and limit[n] < NEVER:
                contrast = contrast if contrast > sum[n] / points[n] - limit[n] else sum[n] / points[n] - limit[n]
                mean = limit[n]
        run.weight = contrast / (contrast + mean + 1.0)


cdef bint is_wider(const BrightGrid* grid, int slab, int first, int last) noexcept nogil:
    """Whether the ground two strips beside a run is nearly as bright: it is the middle of a patch."""
    cdef float peak = 0.0, half = NEVER, value
    cdef int i, k
    for i in range(first, last + 1):
        if grid.points[slab][i] > 0 and grid.limit[slab][i] < NEVER:
            value = grid.sum[slab][i] / grid.points[slab][i] - grid.limit[slab][i]
            if value > peak:
                peak = value
                half = grid.limit[slab][i] + <float>0.5 * value
    for k in range(2):
        i = first - BESIDE if k == 0 else last + BESIDE
        if 0 <= i < STRIPS and grid.points[slab][i] > 0 and grid.sum[slab][i] > half * grid.points[slab][i]:
            return True
    return False


cdef inline bint is_bright(const BrightParameters* parameters, float value, float background, float deviation) noexcept nogil:
    cdef float more = value - background
    return (more > <float>parameters.ratio * background and more > <float>parameters.spread * deviation
            and more > <float>parameters.least)


cdef void centre(BrightGrid* grid, Cloud* cloud) noexcept nogil:
    """Middle of each run, by the light above the background of its points. Only those stay in `near`."""
    cdef int i, k, kept = 0, place, point
    cdef float more
    cdef const short* runs = &grid.run[0][0]
    cdef const float* limits = &grid.limit[0][0]
    cdef Run* run
    for i in range(grid.near_count):
        place, point = grid.place[i], grid.near[i]
        k = runs[place]
        if k > 0:
            grid.place[kept], grid.near[kept] = place, point
            kept += 1
            more = cloud.intensity[point] - limits[place]
            if more > 0.0 and limits[place] < NEVER:
                run = &grid.runs[k - 1]
                run.x += more * cloud.x[point]
                run.y += more * cloud.y[point]
                run.sum += more
    grid.near_count = kept
    for i in range(grid.run_count):
        run = &grid.runs[i]
        if run.sum > 0.0:
            run.x /= run.sum
            run.y /= run.sum
        else:
            run.weight = 0.0
