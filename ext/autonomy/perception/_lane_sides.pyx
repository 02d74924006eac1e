"""Which lines are the sides of the vehicle's lane, and which those of the next lanes.

The pair about the vehicle that fits best: by its middle, its width, and where the sides were a scan before. Twin:
autonomy/perception/lanes_twin.py.
"""
from libc.math cimport fabs
from libc.string cimport memset
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._bright cimport BrightGrid
from autonomy.perception._lanes cimport LEFT, NEXT_LEFT, NEXT_RIGHT, RIGHT, LaneLine, LaneList, LaneParameters, Shape
from autonomy.perception._polynomial cimport value_at

require(__name__, LAYOUT_HASH)

cdef enum:
    PARTED_STEPS = 8        # of `contest_to_m`: 5 m
    PARTED_RUNS = 4         # in two of them: more than chance heaps up
cdef double NEVER_M = 1e9


cdef void name_sides(const LaneParameters* p, const BrightGrid* grid, const Shape* guess, LaneList* found) noexcept nogil:
    """The two lines of the lane, and the next ones a lane's width farther. Others are dropped: nobody can say what they are.

    Where two sets of lines are in each other's way (construction sites), a pair is told only when the vehicle is in its middle
    and the lane keeps its width and place: whoever drives follows the lines that count. Else neither side is told. Where another
    set parts from them ahead they are told to there."""
    cdef int[2] chosen
    cdef int i, k, kept = 0
    cdef bint is_contested
    choose(p, guess, found, chosen)
    cdef double told_m
    is_contested = contested(p, grid, found, chosen[0]) or contested(p, grid, found, chosen[1])
    if is_contested and not trusted(p, guess, found, chosen):
        chosen[0] = chosen[1] = -1
    told_m = p.contest_told_m if is_contested else min(parts_at(p, grid, found, chosen[0]), parts_at(p, grid, found, chosen[1]))
    for i in range(found.count):
        found.lines[i].side = -1
    for k in range(2):
        found.shape.side_m[k], found.shape.side_age_s[k] = guess.side_m[k], guess.side_age_s[k]
        if chosen[k] >= 0:
            found.shape.side_m[k], found.shape.side_age_s[k] = found.lines[chosen[k]].c[0], 0.0
            found.lines[chosen[k]].side = LEFT if k == 0 else RIGHT
            if found.lines[chosen[k]].x_max > told_m:
                found.lines[chosen[k]].x_max = told_m
            i = closest(found, found.lines[chosen[k]].c[0], 1.0 - 2.0 * k, p.width_least_m, p.width_most_m)
            if i >= 0:
                found.lines[i].side = NEXT_LEFT if k == 0 else NEXT_RIGHT
    found.shape.width_m = guess.width_m
    if chosen[0] >= 0 and chosen[1] >= 0 and not is_contested:
        found.shape.width_m = found.lines[chosen[0]].c[0] - found.lines[chosen[1]].c[0]
    for i in range(found.count):
        if found.lines[i].side >= 0:
            found.lines[kept] = found.lines[i]
            kept += 1
    found.count = kept


cdef void choose(const LaneParameters* p, const Shape* guess, const LaneList* found, int* chosen) noexcept nogil:
    """The pair that makes a lane about the vehicle, best by its middle, its width and where the sides were; or single sides."""
    cdef int i, k
    cdef double width, cost, least = 1e9
    chosen[0] = chosen[1] = -1
    for i in range(found.count):
        for k in range(found.count):
            width = found.lines[i].c[0] - found.lines[k].c[0]
            if not (eligible(p, &found.lines[i], 1.0) and eligible(p, &found.lines[k], -1.0)
                    and p.width_least_m < width < p.width_most_m):
                continue
            cost = 0.5 * fabs(found.lines[i].c[0] + found.lines[k].c[0]) + (
                fabs(width - guess.width_m) if guess.width_m > 0.0 else 0.0)
            cost += jump(p, guess, 0, &found.lines[i]) + jump(p, guess, 1, &found.lines[k])
            if cost < least:
                least = cost
                chosen[0] = i
                chosen[1] = k
    if chosen[0] >= 0:
        return
    chosen[0] = single(p, guess, found, 0)
    chosen[1] = single(p, guess, found, 1)
    if chosen[0] >= 0 and chosen[1] >= 0:       # no lane between them: the one with less behind it gives way
        chosen[1 if found.lines[chosen[0]].quality >= found.lines[chosen[1]].quality else 0] = -1


cdef inline bint eligible(const LaneParameters* p, const LaneLine* line, double direction) noexcept nogil:
    """Seen from near the vehicle on, to this side of it and no farther than a lane is wide."""
    return line.x_min < p.begins_most_m and 0.0 < direction * line.c[0] < p.width_most_m


cdef inline double jump(const LaneParameters* p, const Shape* guess, int side, const LaneLine* line) noexcept nogil:
    """How far a line is from where its side was, m; 0 when nobody knows."""
    return fabs(line.c[0] - guess.side_m[side]) if guess.side_age_s[side] < p.track_s else 0.0


cdef int single(const LaneParameters* p, const Shape* guess, const LaneList* found, int side) noexcept nogil:
    cdef int i, best = -1
    cdef double cost, least = 1e9
    for i in range(found.count):
        if eligible(p, &found.lines[i], 1.0 - 2.0 * side) and jump(p, guess, side, &found.lines[i]) < p.jump_m:
            cost = fabs(found.lines[i].c[0]) + jump(p, guess, side, &found.lines[i])
            if cost < least:
                least = cost
                best = i
    return best


cdef bint contested(const LaneParameters* p, const BrightGrid* grid, const LaneList* found, int number) noexcept nogil:
    """Whether so many bright runs lie beside a line that another may be meant."""
    cdef int i, own = 0, others = 0
    cdef double off
    if number < 0:
        return False
    for i in range(grid.run_count):
        if -0.2 * p.contest_to_m < grid.runs[i].x < p.contest_to_m:
            off = fabs(grid.runs[i].y - value_at(found.lines[number].c, grid.runs[i].x))
            own += off < 0.5 * p.inlier_m
            others += 0.5 * p.inlier_m < off < p.contest_m
    return others > p.contest_share * own


cdef double parts_at(const LaneParameters* p, const BrightGrid* grid, const LaneList* found, int number) noexcept nogil:
    """From where on ahead so many runs lie beside a line that another one leads away from it, m; NEVER_M = nowhere.

    As `contested`, over two steps at a time; nearer than `contest_told_m` that one says it."""
    cdef int[PARTED_STEPS + 1] own
    cdef int[PARTED_STEPS + 1] others
    cdef int i, k
    cdef double off
    if number < 0:
        return NEVER_M
    memset(own, 0, sizeof(own))
    memset(others, 0, sizeof(others))
    for i in range(grid.run_count):
        if 0.0 <= grid.runs[i].x < p.contest_to_m:
            k = <int>(grid.runs[i].x * PARTED_STEPS / p.contest_to_m)
            off = fabs(grid.runs[i].y - value_at(found.lines[number].c, grid.runs[i].x))
            own[k] += off < 0.5 * p.inlier_m
            others[k] += 0.5 * p.inlier_m < off < p.contest_m
    for k in range(PARTED_STEPS):
        if others[k] + others[k + 1] >= PARTED_RUNS and others[k] + others[k + 1] > p.contest_share * (own[k] + own[k + 1]):
            return max(k * p.contest_to_m / PARTED_STEPS, p.contest_told_m)
    return NEVER_M


cdef bint trusted(const LaneParameters* p, const Shape* guess, const LaneList* found, const int* chosen) noexcept nogil:
    """In the middle of them as far as they would be told: who follows the lines that count leaves the others."""
    cdef double left, right, ahead
    if chosen[0] < 0 or chosen[1] < 0 or guess.width_m <= 0.0:
        return False
    left = found.lines[chosen[0]].c[0]
    right = found.lines[chosen[1]].c[0]
    ahead = value_at(found.lines[chosen[0]].c, p.contest_told_m) + value_at(found.lines[chosen[1]].c, p.contest_told_m)
    return (fabs(0.5 * (left + right)) < p.centred_m and fabs(0.5 * ahead) < p.centred_m
            and fabs(left - right - guess.width_m) < p.width_change_m
            and jump(p, guess, 0, &found.lines[chosen[0]]) < p.jump_m
            and jump(p, guess, 1, &found.lines[chosen[1]]) < p.jump_m)


cdef int closest(const LaneList* found, double origin, double direction, double least, double most) noexcept nogil:
    """The nearest line from an offset in a direction, within a range of distances; -1 = none."""
    cdef int i, best = -1
    cdef double distance, nearest = most
    for i in range(found.count):
        distance = direction * (found.lines[i].c[0] - origin)
        if distance > least and distance < nearest:
            nearest = distance
            best = i
    return best
