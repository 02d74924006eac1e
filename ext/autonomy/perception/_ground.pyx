"""Ground: a line along each of 256 sectors, from the sensor outwards, that follows the lowest points.

Polar grid. A plane about the vehicle, fitted robustly to the lowest points of the near bins, says where the lines begin: it
takes up the pitch and roll of the body. On each line the lowest point of a bin is ground when it lies within a step (curb) and
a bend of the line that was found so far, and not steeper than a road's bank can be; otherwise the line goes on straight, until
a long enough smooth stretch shows where the ground has gone (a bank behind a ditch). Then each point is compared with the line
below it. The idea of fitting lines to sectors is that of Himmelsbach, von Hundelshausen, Wuensche, "Fast segmentation of 3D
point clouds for ground vehicles" (2010). Twin: autonomy/perception/ground_twin.py.
"""
from libc.math cimport INFINITY, fabs, fabsf, sqrt
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._cloud cimport Cloud
from autonomy.perception._columns cimport PLANE_SUMS, QUARTERS, Reach, above_lines, lowest_of, plane_sums, polar

require(__name__, LAYOUT_HASH)

cdef enum:
    NOWHERE = SECTORS * REACHES
cdef float UNSEEN = 1e9
cdef double FIRST_WIDTH_M = 1.0         # of the plane's fit: 25 m away, 2.3 deg of pitch
cdef double LAST_WIDTH_M = 0.2
cdef int PLANE_ROUNDS = 5
cdef double PRIOR_POINTS = 10.0
cdef float STRETCH_STEP_M = 0.12        # roughness of a bank
cdef float BUMP_APART_M = 30.0           # the lines compared stand some 0.7 m to either side
cdef int BUMP_APART_MOST = 5
cdef float MEASURABLE_M = 0.2         # a slope over less is noise


cdef void arrange_ground(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil:
    """Radial bins from near to far, each so long as the parameters say at its range."""
    cdef double begin = parameters.near_m, length
    cdef int quarter = 0, reach = 0, sector
    cdef double corner, x, y
    for sector in range(SECTORS):
        corner = (sector + 0.5) * 4.0 / SECTORS
        y = corner - 1.0 if corner < 2.0 else 3.0 - corner
        x = (1.0 - fabs(y)) if corner < 2.0 else fabs(y) - 1.0
        grid.cosine[sector] = <float>(x / sqrt(x * x + y * y))
        grid.sine[sector] = <float>(y / sqrt(x * x + y * y))
    while reach < REACHES and begin < parameters.far_m:
        length = parameters.bin_share * begin
        length = length if length > parameters.bin_m else parameters.bin_m
        grid.middle[reach] = <float>(begin + 0.5 * length)
        grid.apart[reach] = 1 + <int>(BUMP_APART_M / grid.middle[reach])
        grid.apart[reach] = grid.apart[reach] if grid.apart[reach] < BUMP_APART_MOST else BUMP_APART_MOST
        while quarter < QUARTERS and (quarter + 0.5) * 0.25 < begin + length:
            grid.reach_of[quarter] = reach
            quarter += 1
        begin += length
        reach += 1
    grid.reaches = reach
    while quarter <= QUARTERS:
        grid.reach_of[quarter] = REACHES
        quarter += 1


cdef int find_ground(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil:
    """Writes bin, height and label (GROUND, NOISE below it, else NONE); returns the number of ground points.

    The height of what lies outside the grid or on the vehicle itself is infinite."""
    cdef int sector
    gather(parameters, grid, cloud)
    fit_plane(parameters, grid)
    for sector in range(SECTORS):
        follow(parameters, grid, sector)
    lower_bumps(parameters, grid)
    return compare(parameters, grid, cloud)


cdef void gather(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil:
    """The bin of each point, and the lowest point of each bin."""
    cdef int i
    cdef float* lowest = grid.lowest
    cdef Reach of
    of.near_m, of.far_m, of.highest_m = <float>parameters.near_m, <float>parameters.far_m, UNSEEN
    of.front_m, of.rear_m, of.side_m = <float>parameters.own_front_m, -<float>parameters.own_rear_m, <float>parameters.own_side_m
    for i in range(SECTORS * REACHES + 1):
        lowest[2 * i] = UNSEEN
        lowest[2 * i + 1] = 0.0
    polar(cloud.x, cloud.y, cloud.z, cloud.count, SECTORS, &of, cloud.range_m, cloud.corner, cloud.cell)
    lowest_of(cloud.z, cloud.range_m, cloud.cell, cloud.count, grid.reach_of, REACHES, NOWHERE, cloud.bin, lowest)


cdef void fit_plane(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil:
    """Weighted least squares with Tukey's weights, whose width shrinks from round to round."""
    cdef double[3][4] a
    cdef double[PLANE_SUMS] sums
    cdef double width = FIRST_WIDTH_M, factor
    cdef int round_, i, k, m, count = take_near(parameters, grid)
    for k in range(3):
        grid.plane[k] = 0.0
    for round_ in range(PLANE_ROUNDS):
        plane_sums(grid.near[0], grid.near[1], grid.near[2], count, grid.plane, width, sums)
        a[0][0] = sums[0] + PRIOR_POINTS             # a level plane at zero counts as so many points
        a[0][1] = a[1][0] = sums[1]
        a[0][2] = a[2][0] = sums[2]
        a[0][3] = sums[3]
        a[1][1] = sums[4] + PRIOR_POINTS * 0.01 * parameters.plane_to_m * parameters.plane_to_m
        a[1][2] = a[2][1] = sums[5]
        a[1][3] = sums[6]
        a[2][2] = sums[7] + PRIOR_POINTS * 0.01 * parameters.plane_to_m * parameters.plane_to_m
        a[2][3] = sums[8]
        for i in range(3):
            factor = a[i][i]
            for k in range(4):
                a[i][k] /= factor
            for m in range(3):
                if m != i:
                    factor = a[m][i]
                    for k in range(4):
                        a[m][k] -= factor * a[i][k]
        for k in range(3):
            grid.plane[k] = a[k][3]
        width = width * 0.6 if width * 0.6 > LAST_WIDTH_M else LAST_WIDTH_M


cdef int take_near(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil:
    """The lowest points that the plane is fitted to; returns their number, filled up to a multiple of four."""
    cdef int sector, i, last = 0, count = 0
    cdef float z, at
    while last < grid.reaches and grid.middle[last] < parameters.plane_to_m:
        last += 1
    for sector in range(SECTORS):
        for i in range(sector * REACHES, sector * REACHES + last):
            z, at = grid.lowest[2 * i], grid.lowest[2 * i + 1]
            grid.near[0][count] = at * grid.cosine[sector]
            grid.near[1][count] = at * grid.sine[sector]
            grid.near[2][count] = z
            count += z < UNSEEN
    while count % 4 != 0:
        grid.near[0][count] = grid.near[1][count] = 0.0
        grid.near[2][count] = UNSEEN            # counts nothing
        count += 1
    return count


cdef void follow(const GroundParameters* parameters, GroundGrid* grid, int sector) noexcept nogil:
    """The line of one sector: level and slope at the range `at` of each bin."""
    cdef float level = <float>grid.plane[0], reached = 0.0, going, expected, length, z, at
    cdef float straight = <float>(grid.plane[1] * grid.cosine[sector] + grid.plane[2] * grid.sine[sector]), slope = straight
    cdef float ahead = <float>parameters.slope_ahead
    cdef const float* lowest = grid.lowest + 2 * sector * REACHES   # z and range
    cdef float* levels = grid.level + sector * REACHES
    cdef float* slopes = grid.slope + sector * REACHES
    cdef float* ranges = grid.at + sector * REACHES
    cdef int i, k, begun = -1, last = -1         # a smooth stretch beside the line
    for i in range(grid.reaches):
        going = slope - straight
        going = straight + (ahead if going > ahead else (-ahead if going < -ahead else going))
        expected = level + going * (grid.middle[i] - reached)
        z, at = lowest[2 * i], lowest[2 * i + 1]
        if z < UNSEEN and continues(parameters, z, at - reached, level, &slope, going):
            level = z
            reached = ranges[i] = at
            begun = -1
            levels[i] = level
            slopes[i] = slope
            continue
        ranges[i] = grid.middle[i]
        levels[i] = expected
        slopes[i] = going
        if z >= UNSEEN:
            continue
        length = <float>parameters.regain_m + <float>parameters.regain_share * at
        if (begun < 0 or at - lowest[2 * last + 1] > length
                or fabsf(z - lowest[2 * last])
                > STRETCH_STEP_M + <float>parameters.regain_slope * (at - lowest[2 * last + 1])):
            begun = i
        last = i
        if at - lowest[2 * begun + 1] < length or z - expected > <float>parameters.regain_rise_m:
            continue
        slope = (z - lowest[2 * begun]) / (at - lowest[2 * begun + 1])
        for k in range(begun, i + 1):
            if lowest[2 * k] < UNSEEN:
                level = lowest[2 * k]
                reached = lowest[2 * k + 1]
            levels[k] = level
            ranges[k] = reached
            slopes[k] = slope
        begun = -1


cdef inline bint continues(const GroundParameters* parameters, float lowest, float distance, float level, float* slope,
                           float going) noexcept nogil:
    """Whether a bin's lowest point lies on the line; its slope then takes part in that of the line."""
    cdef float step = <float>parameters.step_m, most = <float>parameters.rise_most_m, steepest = <float>parameters.slope_most
    cdef float tolerance, measured, share
    distance = distance if distance > MEASURABLE_M else MEASURABLE_M
    tolerance = step + (<float>parameters.bend * distance + fabsf(slope[0] - going)) * distance
    tolerance = tolerance if tolerance < most else most
    measured = (lowest - level) / distance
    if lowest - level - going * distance > tolerance or measured < -steepest - step / distance:
        return False
    share = distance / (distance + <float>parameters.settle_m)
    slope[0] += share * (measured - slope[0])
    slope[0] = steepest if slope[0] > steepest else (-steepest if slope[0] < -steepest else slope[0])
    return True


cdef void lower_bumps(const GroundParameters* parameters, GroundGrid* grid) noexcept nogil:
    """What stands higher than the lines on both of its sides is no ground but something small on it."""
    cdef int sector, i, apart, left, right
    cdef float at, left_level, right_level, bump = <float>parameters.bump_m
    for sector in range(SECTORS):
        for i in range(grid.reaches):
            if grid.middle[i] > <float>parameters.bump_to_m:
                break
            apart = grid.apart[i]
            left = ((sector + apart) & (SECTORS - 1)) * REACHES + i
            right = ((sector - apart) & (SECTORS - 1)) * REACHES + i
            at = grid.at[sector * REACHES + i]
            left_level = grid.level[left] + grid.slope[left] * (at - grid.at[left])
            right_level = grid.level[right] + grid.slope[right] * (at - grid.at[right])
            if (fabsf(left_level - right_level) < 2.0 * bump and grid.level[sector * REACHES + i] - left_level > bump
                    and grid.level[sector * REACHES + i] - right_level > bump):
                grid.level[sector * REACHES + i] = <float>0.5 * (left_level + right_level)
                grid.slope[sector * REACHES + i] = <float>0.5 * (grid.slope[left] + grid.slope[right])


cdef int compare(const GroundParameters* parameters, GroundGrid* grid, Cloud* cloud) noexcept nogil:
    """Height and label of each point; returns how many are ground."""
    cdef int i
    for i in range(SECTORS * REACHES):
        grid.base[i] = grid.level[i] - grid.slope[i] * grid.at[i]
    grid.base[NOWHERE] = -INFINITY
    grid.slope[NOWHERE] = 0.0
    return above_lines(cloud.z, cloud.range_m, cloud.bin, grid.base, grid.slope, cloud.count, <float>parameters.above_m,
                       <float>parameters.above_share, <float>parameters.above_steep_m, <float>parameters.above_most_m,
                       -<float>parameters.below_m, cloud.height, cloud.label)
