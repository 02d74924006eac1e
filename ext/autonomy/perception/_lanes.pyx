"""Lane lines: the heading and curvature that most bright runs agree on, the lines side by side in that shape, a cubic for each.

Lines of a road are parallel, so one vote (Hough) over heading and curvature finds the shape all share: right when the runs,
moved by it, heap up at few lateral offsets. A peak of the heap is a line when it has runs enough over length enough. Each then
gets a robust least-squares cubic (Tukey's biweight) around the shared shape, whose covariance it tells. Solid or dashed follows
from the share of the slabs with ground in which the line is bright. Which of them are the sides of the lane: _lane_sides.pyx.
Twin: autonomy/perception/lanes_twin.py.
"""
from libc.math cimport fabs, sqrt
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._bright cimport SLABS, STRIPS, BrightGrid, Run
from autonomy.perception._lane_sides cimport name_sides
from autonomy.perception._polynomial cimport Cubic, Normal, add_point, begin_normal, sigma_at, solve_normal, value_at

require(__name__, LAYOUT_HASH)

cdef double PER_M = 8.0             # offsets of the vote
cdef int HEADINGS = 12              # to either side, coarse
cdef int BENDS = 8
cdef int SETTLED = 10               # scans after which only shapes near the last one are looked at
cdef int FINER = 4                  # a coarse step has so many fine ones
cdef int ROUNDS = 4                 # of the robust fit
cdef double BESIDE_SHARE = 0.7       # of the length, of a line beside a sure one: longer than one dash
cdef double OPEN = 30.0             # m, sigma of an offset that nothing is known of
cdef double SNAP = 2e-6             # sigma of c3: clothoids of motorways change by less than 1/m2


cdef void find_lanes(const LaneParameters* parameters, double behind_m, BrightGrid* grid, const Shape* guess,
                     LaneList* found) noexcept nogil:
    """Writes the lines from left to right, with sides told, and `line` of the runs. `guess`: shape of the scan before, if
    known."""
    cdef double[OFFSETS] heap
    cdef int i
    found.count = 0
    for i in range(grid.run_count):
        grid.runs[i].line = -1
    found.shape = vote(parameters, grid, guess)
    found.shape.width_m = guess.width_m
    for i in range(2):
        found.shape.side_m[i], found.shape.side_age_s[i] = guess.side_m[i], guess.side_age_s[i]
    if not found.shape.known:
        return
    fill(grid, found.shape.heading, found.shape.bend, 200.0, heap)
    pick(parameters, grid, heap, found)
    share_shape(parameters, grid, found)
    fit_lines(parameters, grid, found)
    judge(parameters, behind_m, grid, found)
    name_sides(parameters, grid, guess, found)


cdef double fill(const BrightGrid* grid, double heading, double bend, double to_m, double* heap) noexcept nogil:
    """The heap of lateral offsets under a shape, and how peaky it is: the sum of squares."""
    cdef int i, k
    cdef double offset, score = 0.0, x
    cdef const Run* run
    memset(heap, 0, OFFSETS * sizeof(double))
    for i in range(grid.run_count):
        run = &grid.runs[i]
        x = run.x
        if x > to_m:
            continue
        offset = (run.y - x * (heading + x * bend)) * PER_M + 0.5 * OFFSETS
        if offset >= 1.0 and offset < OFFSETS - 1:
            k = <int>offset
            offset -= k
            heap[k] += run.weight * (1.0 - offset)
            heap[k + 1] += run.weight * offset
    for i in range(OFFSETS):
        score += heap[i] * heap[i]
    return score


cdef Shape vote(const LaneParameters* p, const BrightGrid* grid, const Shape* guess) noexcept nogil:
    """Coarse over all shapes and the near runs, or around the guess; then finer over all runs."""
    cdef double[OFFSETS] heap
    cdef Shape best
    cdef double most = 0.0, score, heading, bend
    cdef double heading_step = p.heading_most / HEADINGS, bend_step = 0.5 * p.curvature_most / BENDS
    cdef double middle_heading, middle_bend
    cdef int i, k
    memset(&best, 0, sizeof(Shape))
    best.heading = 0.0
    best.bend = 0.0
    if guess.known:
        best = guess[0]
        best.known = guess.known + 1 if guess.known < SETTLED else SETTLED
    if guess.known < SETTLED:           # the first scans of a road show little of it: a wrong shape would lead itself on
        if guess.known:
            most = fill(grid, guess.heading, guess.bend, p.coarse_to_m, heap)
        for i in range(-HEADINGS, HEADINGS + 1):
            for k in range(-BENDS, BENDS + 1):
                score = fill(grid, i * heading_step, k * bend_step, p.coarse_to_m, heap)
                if score > most * 1.001:
                    most = score
                    best.heading = i * heading_step
                    best.bend = k * bend_step
                    best.known = 1 if best.known == 0 else best.known
    if not best.known:
        return best
    middle_heading = best.heading
    middle_bend = best.bend
    most = 0.0
    for i in range(-FINER, FINER + 1):
        for k in range(-FINER, FINER + 1):
            heading = middle_heading + i * heading_step / FINER
            bend = middle_bend + k * bend_step / FINER
            score = fill(grid, heading, bend, 2.0 * p.coarse_to_m, heap)
            if score > most * 1.001:
                most = score
                best.heading = heading
                best.bend = bend
    return best


cdef void pick(const LaneParameters* p, BrightGrid* grid, double* heap, LaneList* found) noexcept nogil:
    """Peaks of the heap, highest first, as long as they have runs enough; their runs go to the nearest of them."""
    cdef int i, k, best, reach = <int>(p.inlier_m * PER_M + 0.5)
    cdef double most, weight, offset, mean, distance, nearest
    cdef LaneLine* line
    cdef Run* run
    while found.count < MOST_LINES:
        most = 0.0
        best = -1
        for i in range(1, OFFSETS - 1):
            weight = heap[i - 1] + heap[i] + heap[i + 1]
            if weight > most:
                most = weight
                best = i
        if best < 0 or most < 0.25 * p.runs_least:
            break
        mean = (heap[best + 1] - heap[best - 1]) / most
        line = &found.lines[found.count]
        memset(line, 0, sizeof(LaneLine))
        line.c[0] = (best + mean - 0.5 * OFFSETS) / PER_M
        line.c[1] = found.shape.heading
        line.c[2] = found.shape.bend
        found.count += 1
        for k in range(best - reach, best + reach + 1):
            if 0 <= k < OFFSETS:
                heap[k] = 0.0
    for i in range(grid.run_count):
        run = &grid.runs[i]
        nearest = p.inlier_m
        for k in range(found.count):
            distance = fabs(run.y - value_at(found.lines[k].c, run.x))
            if distance < nearest:
                nearest = distance
                run.line = k


cdef void share_shape(const LaneParameters* p, const BrightGrid* grid, LaneList* found) noexcept nogil:
    """Heading, curvature and its change from all lines together: each run less the mean of its line.

    Alternates between the offsets and the shape; a few rounds are enough for a start of the single fits.
    """
    cdef Normal normal
    cdef Cubic cubic
    cdef double[4] prior
    cdef double[4] sigma
    cdef double weight, residual, unit = 1.0 / (p.run_sigma_m * p.run_sigma_m)
    cdef double[MOST_LINES] sum
    cdef double[MOST_LINES] total
    cdef int i, k, turn
    cdef const Run* run
    for turn in range(ROUNDS):
        for k in range(4):
            prior[k] = 0.0
        sigma[0] = 1e-6
        sigma[1] = p.heading_most
        sigma[2] = 0.5 * p.curvature_most
        sigma[3] = SNAP
        begin_normal(&normal, prior, sigma)
        for i in range(grid.run_count):
            run = &grid.runs[i]
            if run.line < 0:
                continue
            residual = (run.y - value_at(found.lines[run.line].c, run.x)) / p.inlier_m
            if fabs(residual) < 1.0:
                weight = (1.0 - residual * residual) * (1.0 - residual * residual)
                add_point(&normal, run.x, run.y - found.lines[run.line].c[0], unit * weight)
        if not solve_normal(&normal, &cubic):
            return
        for k in range(found.count):
            found.lines[k].c[1] = cubic.c[1]
            found.lines[k].c[2] = cubic.c[2]
            found.lines[k].c[3] = cubic.c[3]
            sum[k] = 0.0
            total[k] = 0.0
        for i in range(grid.run_count):
            run = &grid.runs[i]
            if run.line >= 0:
                residual = run.y - value_at(found.lines[run.line].c, run.x)
                if fabs(residual) < p.inlier_m:
                    sum[run.line] += run.weight * residual
                    total[run.line] += run.weight
        for k in range(found.count):
            if total[k] > 0.0:
                found.lines[k].c[0] += sum[k] / total[k]
    found.shape.heading = cubic.c[1]
    found.shape.bend = cubic.c[2]


cdef void fit_lines(const LaneParameters* p, BrightGrid* grid, LaneList* found) noexcept nogil:
    """Each line's own cubic around the shared shape; runs go to the nearest line anew in each round."""
    cdef Normal[MOST_LINES] normal
    cdef Cubic cubic
    cdef double[4] prior
    cdef double[4] sigma
    cdef double residual, weight, nearest, unit = 1.0 / (p.run_sigma_m * p.run_sigma_m)
    cdef double[4] shape
    cdef int i, k, turn
    cdef Run* run
    cdef LaneLine* line
    for k in range(4):
        shape[k] = found.lines[0].c[k] if found.count > 0 else 0.0
    for turn in range(ROUNDS):
        sigma[0] = OPEN
        sigma[1] = p.parallel_heading
        sigma[2] = 0.5 * p.parallel_curvature
        sigma[3] = SNAP
        for k in range(found.count):
            prior[0] = found.lines[k].c[0]
            prior[1] = shape[1]
            prior[2] = shape[2]
            prior[3] = shape[3]
            begin_normal(&normal[k], prior, sigma)
            found.lines[k].runs = 0
            found.lines[k].x_min = 1e9
            found.lines[k].x_max = -1e9
        for i in range(grid.run_count):
            run = &grid.runs[i]
            run.line = -1
            nearest = p.inlier_m
            for k in range(found.count):
                residual = fabs(run.y - value_at(found.lines[k].c, run.x))
                if residual < nearest:
                    nearest = residual
                    run.line = k
            if run.line < 0:
                continue
            line = &found.lines[run.line]
            residual = nearest / p.inlier_m
            weight = (1.0 - residual * residual) * (1.0 - residual * residual)
            add_point(&normal[run.line], run.x, run.y, unit * weight)
            line.runs += 1
            line.x_min = run.x if run.x < line.x_min else line.x_min
            line.x_max = run.x if run.x > line.x_max else line.x_max
        for k in range(found.count):
            if found.lines[k].runs > 0 and solve_normal(&normal[k], &cubic):
                for i in range(4):
                    found.lines[k].c[i] = cubic.c[i]
                    found.lines[k].sigma[i] = sqrt(cubic.covariance[5 * i])
                found.lines[k].sigma_m = sigma_at(&cubic, nearest_seen(&found.lines[k]))


cdef double nearest_seen(const LaneLine* line) noexcept nogil:
    return line.x_min if line.x_min > 0.0 else (line.x_max if line.x_max < 0.0 else 0.0)


cdef void judge(const LaneParameters* p, double behind_m, BrightGrid* grid, LaneList* found) noexcept nogil:
    """Drops lines with too little behind them, and tells solid from dashed."""
    cdef bint[MOST_LINES][SLABS] bright
    cdef bint[MOST_LINES][SLABS] held
    cdef int[MOST_LINES] number
    cdef bint[MOST_LINES] sure
    cdef int i, k, slab, kept = 0
    memset(bright, 0, sizeof(bright))
    memset(held, 0, sizeof(held))
    for i in range(grid.run_count):
        if grid.runs[i].line >= 0 and grid.runs[i].slab >= 0:
            bright[grid.runs[i].line][grid.runs[i].slab] = True
        elif grid.runs[i].line >= 0:
            slab = <int>(grid.runs[i].x + behind_m)
            if 0 <= slab < SLABS:
                held[grid.runs[i].line][slab] = True
    for k in range(found.count):
        sure[k] = weigh(p, behind_m, grid, &bright[k][0], &held[k][0], &found.lines[k]) and found.lines[k].runs >= p.runs_least
        if found.lines[k].x_max - found.lines[k].x_min < p.length_least_m:
            sure[k] = False
    for k in range(found.count):
        number[k] = -1
        if sure[k] or (found.lines[k].runs >= p.runs_beside and found.lines[k].quality > 0.0
                       and found.lines[k].x_max - found.lines[k].x_min >= BESIDE_SHARE * p.length_least_m
                       and beside(p, found, sure, k)):
            number[k] = kept
            kept += 1
    for k in range(found.count):
        if number[k] >= 0:
            found.lines[number[k]] = found.lines[k]
    found.count = kept
    for i in range(grid.run_count):
        if grid.runs[i].line >= 0:
            grid.runs[i].line = number[grid.runs[i].line]


cdef bint weigh(const LaneParameters* p, double behind_m, const BrightGrid* grid, const bint* bright, const bint* held,
                LaneLine* line) noexcept nogil:
    """Quality and type by the slabs with ground at the line in which it is bright; False (quality 0) when that share is too
    small, also with the scans before."""
    cdef int i, slab, strip, near, seen = 0, lit = 0, near_seen = 0, near_lit = 0, all_seen = 0, all_lit = 0
    cdef double share, x
    for slab in range(SLABS):
        x = slab + 0.5 - behind_m
        if x < line.x_min - 1.0 or x > line.x_max + 1.0:
            continue
        strip = <int>(value_at(line.c, x) * 10.0 + STRIPS // 2)
        near = 0
        for i in range(strip - 1, strip + 2):
            if 0 <= i < STRIPS:
                near += grid.points[slab][i]
        if near > 0 or bright[slab] or held[slab]:
            all_seen += 1
            all_lit += bright[slab] or held[slab]
        if near > 0 or bright[slab]:
            seen += 1
            lit += bright[slab]
            if fabs(x) < p.type_to_m:
                near_seen += 1
                near_lit += bright[slab]
    share = <double>lit / seen if seen > 0 else 1.0
    line.quality = 0.0
    if share < p.share_least and (all_lit < p.share_held * all_seen or line.runs < 3.0 * p.runs_least):
        return False
    share = share if share > 0.5 * p.share_held else 0.5 * p.share_held
    line.quality = 1.0 if share > 0.5 else 2.0 * share
    if line.runs < 3.0 * p.runs_least:
        line.quality *= line.runs / (3.0 * p.runs_least)
    if near_seen >= 6:
        line.type = LINE_SOLID if near_lit >= p.solid_share * near_seen else LINE_DASHED
    return True


cdef bint beside(const LaneParameters* p, const LaneList* found, const bint* sure, int k) noexcept nogil:
    """Whether a sure line stands a lane's width away."""
    cdef int i
    cdef double distance
    for i in range(found.count):
        distance = fabs(found.lines[i].c[0] - found.lines[k].c[0])
        if sure[i] and distance > p.width_least_m and distance < p.width_most_m:
            return True
    return False
