"""Bright runs of the scans before, moved to where the vehicle stands now: a dashed line shows few dashes in one scan.

Twin: autonomy/perception/lane_memory_twin.py.
"""
from libc.math cimport cos, sin
from autonomy.msg.layout import require
from autonomy.msg.messages cimport LAYOUT_HASH
from autonomy.perception._bright cimport MOST_RUNS, BrightGrid, Run
from autonomy.perception._deskew cimport Twist

require(__name__, LAYOUT_HASH)

cdef double NEVER = 1e9
cdef float FADE = 0.93          # weight that is left from scan to scan: the pose between them is not exact


cdef void recall(LaneMemory* memory, const Twist* twist, double elapsed_s, double longest_s, double behind_m,
                 BrightGrid* grid) noexcept nogil:
    """Moves what is held by the twist over the time since, forgets the old, and adds the rest to the runs, as of no slab (-1).

    An elapsed time of zero or less says that this scan has nothing to do with the one before: all is forgotten.
    """
    cdef double angle = twist.rate[2] * elapsed_s, c = cos(angle), s = sin(angle)
    cdef double dx = twist.velocity[0] * elapsed_s, dy = twist.velocity[1] * elapsed_s, x, y
    cdef int i, kept = 0
    cdef Run* run
    if not (elapsed_s > 0.0 and elapsed_s < longest_s):
        memory.count = 0
        memory.shape.known = 0
        memory.shape.width_m = 0.0
        memory.shape.side_age_s[0] = memory.shape.side_age_s[1] = NEVER
        return
    for i in range(memory.count):
        x = memory.runs[i].x - dx
        y = memory.runs[i].y - dy
        memory.runs[kept].x = <float>(c * x + s * y)
        memory.runs[kept].y = <float>(c * y - s * x)
        memory.runs[kept].weight = FADE * memory.runs[i].weight
        memory.runs[kept].age_s = memory.runs[i].age_s + <float>elapsed_s
        if memory.runs[kept].age_s > longest_s or memory.runs[kept].x < -behind_m or grid.run_count == MOST_RUNS:
            continue
        run = &grid.runs[grid.run_count]
        run.x = memory.runs[kept].x
        run.y = memory.runs[kept].y
        run.weight = memory.runs[kept].weight
        run.sum = memory.runs[kept].age_s
        run.slab = -1
        run.line = -1
        grid.run_count += 1
        kept += 1
    memory.count = kept
    for i in range(2):
        memory.shape.side_m[i] += dx * (memory.shape.heading + dx * memory.shape.bend) - dy
        memory.shape.side_age_s[i] += elapsed_s
    memory.shape.heading += 2.0 * memory.shape.bend * dx - angle


cdef void remember(LaneMemory* memory, const BrightGrid* grid, const Shape* shape) noexcept nogil:
    """Holds the runs of this scan and the older ones of which there is room for."""
    cdef int i
    memory.count = 0
    for i in range(grid.run_count):
        if memory.count == MOST_HELD:
            break
        memory.runs[memory.count].x = grid.runs[i].x
        memory.runs[memory.count].y = grid.runs[i].y
        memory.runs[memory.count].weight = grid.runs[i].weight
        memory.runs[memory.count].age_s = grid.runs[i].sum if grid.runs[i].slab < 0 else 0.0
        memory.count += 1
    memory.shape = shape[0]
