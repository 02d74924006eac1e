"""The label of a detection: of what stands by its landmark, of what moves by its mover, of echoes by what they are echoes of."""

from libc.math cimport fabs
from libc.stdint cimport uint8_t

from autonomy.msg.messages cimport (
    RadarDetection,
    RadarDetection_LABEL_BARRIER,
    RadarDetection_LABEL_CLUTTER,
    RadarDetection_LABEL_MIRROR,
    RadarDetection_LABEL_MOVING,
    RadarDetection_LABEL_OBSTACLE,
    RadarDetection_LABEL_OVERHEAD,
    RadarDetection_LABEL_STANDING,
    RadarDetection_LABEL_UNCONFIRMED,
)

from autonomy.perception.radar._memory cimport (
    IS_OBSTACLE, IS_OVERHEAD, Landmark, Memory, Mover, Scene, ScreenParameters, Seen, overhead_ratio, sure_of,
)


cdef inline bint is_second_bounce(const ScreenParameters* parameters, const Memory* memory, const RadarDetection* rows,
                                  int count, int i) noexcept nogil:
    """Twice the range and range rate of another in the same direction; not what was seen steadily."""
    cdef int j
    cdef const Mover* mover
    if rows[i].range > 2.0 * parameters.bounce_reach_m:
        return False
    if memory.seen[i].mover >= 0:
        mover = &memory.movers[memory.seen[i].mover]
        if mover.looks >= parameters.steady_looks and mover.looks >= parameters.steady_share * mover.age:
            return False
    elif memory.seen[i].landmark >= 0 and memory.landmarks[memory.seen[i].landmark].looks >= parameters.steady_looks:
        return False
    for j in range(count):
        if j != i and memory.seen[j].is_usable and fabs(rows[i].range - 2.0 * rows[j].range) < parameters.bounce_m \
                and fabs(rows[i].range_rate - 2.0 * rows[j].range_rate) < parameters.bounce_mps \
                and fabs(rows[i].azimuth - rows[j].azimuth) < parameters.bounce_azimuth:
            return True
    return False


cdef inline bint is_mirror(const ScreenParameters* parameters, const Scene* scene, const Memory* memory, int i) noexcept nogil:
    """At the mirror image of a mover in a barrier, with its speed. Who drives our way is real on this side of the barrier, who
    comes towards us beyond it; one that is seen steadily on the wrong side drives there."""
    cdef int j, k
    cdef double wall, offset
    cdef const Seen* seen = &memory.seen[i]
    cdef const Mover* own = &memory.movers[seen.mover]
    cdef const Mover* other
    cdef bint is_beyond, is_steady = own.looks >= parameters.steady_looks and own.looks >= parameters.steady_share * own.age
    if fabs(seen.offset) < parameters.corridor_m:
        return False
    for k in range(memory.barrier_count):
        wall = memory.barriers[k]
        is_beyond = (seen.offset - wall) * wall > 0.0
        if is_beyond != (seen.speed > 0.0) or (not is_beyond and is_steady):
            continue
        for j in range(memory.mover_count):
            other = &memory.movers[j]
            offset = other.y - 0.5 * scene.curvature * other.x * other.x
            if j != seen.mover and other.looks > own.looks and (offset - wall) * (seen.offset - wall) < 0.0 \
                    and fabs(other.x - seen.x) < parameters.mirror_x_m \
                    and fabs(other.speed - seen.speed) < parameters.mirror_mps \
                    and fabs(offset + seen.offset - 2.0 * wall) < parameters.mirror_y_m + 3.0 * seen.offset_sigma:
                return True
    return False


cdef inline bint is_in_barrier(const ScreenParameters* parameters, const Memory* memory, const Seen* seen) noexcept nogil:
    cdef int k
    cdef double half = 2.0 * seen.offset_sigma
    half = half if half > parameters.barrier_half_m else parameters.barrier_half_m
    for k in range(memory.barrier_count):
        if fabs(seen.offset - memory.barriers[k]) < half:
            return True
    return False


cdef inline uint8_t label_of_standing(const ScreenParameters* parameters, const Memory* memory, const RadarDetection* row,
                                      const Seen* seen) noexcept nogil:
    cdef const Landmark* landmark
    cdef bint is_weak = row.existence < parameters.weak_existence
    if seen.landmark < 0:
        return RadarDetection_LABEL_UNCONFIRMED
    landmark = &memory.landmarks[seen.landmark]
    if landmark.verdict == IS_OVERHEAD:
        return RadarDetection_LABEL_OVERHEAD
    if fabs(seen.offset) < parameters.corridor_m:
        return RadarDetection_LABEL_OBSTACLE if landmark.verdict == IS_OBSTACLE else RadarDetection_LABEL_UNCONFIRMED
    if is_in_barrier(parameters, memory, seen):
        return RadarDetection_LABEL_BARRIER
    # Straight ahead, where the path bends away, answers also what lies across the road above it
    if fabs(seen.y) < parameters.corridor_m + 2.0 * seen.offset_sigma and landmark.verdict != IS_OBSTACLE \
            and overhead_ratio(parameters, landmark) > -sure_of(parameters, memory):
        return RadarDetection_LABEL_UNCONFIRMED
    if landmark.looks >= parameters.standing_looks and landmark.looks >= parameters.steady_share * landmark.age:
        return RadarDetection_LABEL_STANDING
    return RadarDetection_LABEL_CLUTTER if is_weak and landmark.looks == 1 else RadarDetection_LABEL_UNCONFIRMED


cdef inline uint8_t label_of_moving(const ScreenParameters* parameters, const Scene* scene, const Memory* memory,
                                    const RadarDetection* row, int i) noexcept nogil:
    cdef const Mover* mover
    if memory.seen[i].mover < 0:
        return RadarDetection_LABEL_UNCONFIRMED
    if is_mirror(parameters, scene, memory, i):
        return RadarDetection_LABEL_MIRROR
    mover = &memory.movers[memory.seen[i].mover]
    if mover.looks >= parameters.moving_looks and (mover.looks >= parameters.steady_share * mover.age
                                                   or mover.looks >= parameters.sure_looks):
        return RadarDetection_LABEL_MOVING
    return RadarDetection_LABEL_CLUTTER if row.existence < parameters.weak_existence else RadarDetection_LABEL_UNCONFIRMED
