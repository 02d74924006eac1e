"""Ground: a line along each of 256 sectors, from the sensor outwards, that follows the lowest points.

Polar grid; the lowest point of each bin is ground when it lies within a step (curb) and a bend of the line that was found so far, and
not steeper than a road's bank can be; otherwise the line goes on straight. Then each point is compared with the line below it. The
idea of fitting lines to sectors is that of Himmelsbach, von Hundelshausen, Wuensche, "Fast segmentation of 3D point clouds for
ground vehicles" (2010). Twin: autonomy/perception/ground_twin.py.
"""
from libc.math cimport fabsf, sqrtf
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._cloud cimport GROUND, NOISE, NONE, Cloud

require(__name__, LAYOUT_HASH)

cdef enum:
    NOWHERE = SECTORS * REACHES
cdef float UNSEEN = 1e9


cdef void arrange_ground(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil:
    """Radial bins from near to far, each so long as the parameters say at its range."""
    cdef double begin = parameters.near_m, length
    cdef int quarter = 0, reach = 0
    while reach < REACHES and begin < parameters.far_m:
        length = parameters.bin_share * begin
        length = length if length > parameters.bin_m else parameters.bin_m
        grid.middle[reach] = <float>(begin + 0.5 * length)
        while quarter < RADIAL_TABLE and (quarter + 0.5) * 0.25 < begin + length:
            grid.reach_of[quarter] = reach
            quarter += 1
        begin += length
        reach += 1
    grid.reaches = reach
    while quarter < RADIAL_TABLE:
        grid.reach_of[quarter] = REACHES
        quarter += 1


cdef int find_ground(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil:
    """Writes bin, height and label (GROUND, NOISE below it, else NONE); returns the number of ground points."""
    cdef int sector
    gather(parameters, grid, cloud)
    for sector in range(SECTORS):
        follow(parameters, grid, sector)
    lower_bumps(parameters, grid)
    return compare(parameters, grid, cloud)


cdef void gather(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil:
    """The bin of each point, and the lowest z of each bin."""
    cdef int i, quarter, sector, place
    cdef float x, y, across, range_m, corner, z
    cdef float near = <float>parameters.near_m, far = <float>parameters.far_m
    cdef const float* xs = cloud.x
    cdef const float* ys = cloud.y
    cdef const float* zs = cloud.z
    cdef float* lowest = grid.lowest
    for i in range(SECTORS * REACHES + 1):
        lowest[i] = UNSEEN
    for i in range(cloud.count):
        x = xs[i]
        y = ys[i]
        z = zs[i]
        range_m = sqrtf(x * x + y * y)
        place = NOWHERE
        if range_m >= near and range_m < far and fabsf(z) < UNSEEN:
            across = y / (fabsf(x) + fabsf(y))
            corner = (1.0 + across if x >= 0.0 else 3.0 - across) * (SECTORS / 4.0)   # 0 at -y, counter-clockwise
            sector = <int>corner & (SECTORS - 1)
            quarter = <int>(range_m * 4.0)
            quarter = grid.reach_of[quarter if quarter < RADIAL_TABLE else RADIAL_TABLE - 1]
            if quarter < REACHES:
                place = sector * REACHES + quarter
        cloud.bin[i] = <unsigned short>place
        lowest[place] = z if z < lowest[place] else lowest[place]


cdef void follow(const GroundParameters* parameters, GroundGrid* grid, int sector) noexcept nogil:
    """The line of one sector."""
    cdef float level = 0.0, slope = 0.0, at = 0.0, expected, measured, distance, tolerance, share
    cdef float step = <float>parameters.step_m, bend = <float>parameters.bend, most = <float>parameters.jump_most_m
    cdef float steepest = <float>parameters.slope_most, settle = <float>parameters.settle_m
    cdef float* lowest = grid.lowest + sector * REACHES
    cdef float* levels = grid.level + sector * REACHES
    cdef float* slopes = grid.slope + sector * REACHES
    cdef int i
    for i in range(grid.reaches):
        distance = grid.middle[i] - at
        expected = level + slope * distance
        if lowest[i] < UNSEEN:
            tolerance = step + bend * distance * distance
            tolerance = tolerance if tolerance < most else most
            measured = (lowest[i] - level) / distance
            if fabsf(lowest[i] - expected) <= tolerance and fabsf(measured) <= steepest + step / distance:
                share = distance / (distance + settle)
                slope += share * (measured - slope)
                slope = steepest if slope > steepest else (-steepest if slope < -steepest else slope)
                level = lowest[i]
                at = grid.middle[i]
                levels[i] = level
                slopes[i] = slope
                continue
        levels[i] = expected
        slopes[i] = slope
        lowest[i] = UNSEEN


cdef void lower_bumps(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil:
    """What stands above the ground beside and behind it was the foot of something: it takes the lower level.

    From far to near: the line may not fall faster outwards than the steepest bank does, a step aside.
    """
    cdef int sector, i, k
    cdef float allowed, least, distance
    cdef float step = <float>parameters.step_m, steepest = <float>parameters.slope_most
    cdef float* lowest
    cdef float* levels
    for sector in range(SECTORS):
        lowest = grid.lowest + sector * REACHES
        levels = grid.level + sector * REACHES
        k = -1
        for i in range(grid.reaches - 1, -1, -1):
            if lowest[i] >= UNSEEN:
                continue
            if k >= 0:
                distance = grid.middle[k] - grid.middle[i]
                allowed = levels[k] + step + steepest * distance * 0.5
                if levels[i] > allowed:
                    levels[i] = levels[k]
                    continue
            k = i


cdef int compare(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil:
    cdef int i, place, found = 0
    cdef float x, y, range_m, height, limit
    cdef float above = <float>parameters.above_m, share = <float>parameters.above_share, most = <float>parameters.above_most_m
    cdef float below = -<float>parameters.below_m
    cdef unsigned char label
    grid.level[NOWHERE] = 0.0
    grid.slope[NOWHERE] = 0.0
    for i in range(cloud.count):
        place = cloud.bin[i]
        x = cloud.x[i]
        y = cloud.y[i]
        range_m = sqrtf(x * x + y * y)
        height = cloud.z[i] - grid.level[place] - grid.slope[place] * (range_m - grid.middle[place % REACHES])
        limit = above + share * range_m
        limit = limit if limit < most else most
        label = GROUND if height < limit else NONE
        label = NOISE if height < below else label
        label = NONE if place == NOWHERE else label
        cloud.height[i] = height
        cloud.label[i] = label
        found += label == GROUND
    return found
