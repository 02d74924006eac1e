# What else one beam meets: both sides of an edge that it straddles, drops near the sensor, spray behind wheels.
from hil.lidar._bodies cimport Placed, axes, place, slabs
from hil.lidar._data cimport *
from hil.lidar._surfaces cimport chance
from hil.lidar._wide cimport *

cdef extern from *:
    """
    #define EDGE_M 0.3f           /* surfaces that are further apart make an edge */
    #define LEAST_SHARE 0.1f      /* of a beam, that is looked at [D] */
    #define DROP_VALUE 0.01f      /* reflectivity of the least drop, and how much more the largest has [D] */
    #define DROP_SPREAD 0.25f
    #define SPRAY_VALUE 0.15f     /* [D] */
    """
    const float EDGE_M, LEAST_SHARE, DROP_VALUE, DROP_SPREAD, SPRAY_VALUE


cdef inline void straddle(Column* a, int i, const Column* b, int j, float share, float pulse) noexcept nogil:
    """Lane i of `a` keeps `share` of its beam, the rest meets what lane j of `b` meets."""
    cdef float here = a.range[i], there = b.range[j], own, other
    if share > <float>1 - LEAST_SHARE or here >= FAR_M:
        if here >= FAR_M and share < <float>1 - LEAST_SHARE:        # what reaches into an empty beam is all there is
            a.range[i], a.value[i], a.share[i] = there, b.value[j], <float>1 - share
            a.label[i], a.instance[i] = b.label[j], b.instance[j]
        return
    a.share[i] = share
    if there >= FAR_M:
        return
    if there - here < pulse and here - there < pulse:        # the receiver sees one pulse, in between
        own = share * a.value[i] / (here * here) + <float>1e-9
        other = (<float>1 - share) * b.value[j] / (there * there)
        a.range[i] = (here * own + there * other) / (own + other)
        a.value[i] = share * a.value[i] + (<float>1 - share) * b.value[j]
        a.share[i] = 1
        return
    a.second_range[i], a.second_value[i] = there, (<float>1 - share) * b.value[j]
    a.second_label[i], a.second_instance[i] = b.label[j], b.instance[j]


cdef inline void mix(Column* a, int i, Column* b, int j, float step, const Optics* optics, uint32_t key) noexcept nogil:
    """Two neighbouring rays on different surfaces: the edge is somewhere between them, evenly likely."""
    cdef float apart = a.range[i] - b.range[j], from_a, reach = optics.divergence_rad, share_a = 1, share_b = 1
    if a.primitive[i] == b.primitive[j] or (apart < EDGE_M and apart > -EDGE_M):
        return
    from_a = chance(key, i) * step
    if from_a < reach:
        share_a = <float>0.5 + <float>0.5 * from_a / reach
    if step - from_a < reach:
        share_b = <float>0.5 + <float>0.5 * (step - from_a) / reach
    if share_a < share_b:                                   # one of the two only, so that neither is mixed twice
        straddle(a, i, b, j, share_a, optics.pulse_m)
    elif share_b < 1:
        straddle(b, j, a, i, share_b, optics.pulse_m)


cdef inline void mix_neighbours(Column* before, Column* column, const Lanes* lanes, const Optics* optics, float step,
                                uint32_t key) noexcept nogil:
    """Along the column, and against the column before, where there is one."""
    cdef int k, lane, last = 8 * lanes.blocks
    cdef whole8 differ
    for k in range(0, last, 8):
        differ = both8(less8(load8(lanes.gap + k), all8(2 * optics.divergence_rad)),
                       unlike8(load_whole8(column.primitive + k), load_whole8(column.primitive + k + 1)))
        if any8(differ):
            for lane in range(k, k + 8 if k + 8 < last else last - 1):
                if column.primitive[lane] != column.primitive[lane + 1]:
                    mix(column, lane, column, lane + 1, lanes.gap[lane], optics, key ^ <uint32_t>0x5bd1e995)
        if before != NULL:
            differ = unlike8(load_whole8(column.primitive + k), load_whole8(before.primitive + k))
            if any8(differ):
                for lane in range(k, k + 8):
                    if column.primitive[lane] != before.primitive[lane]:
                        mix(before, lane, column, lane, step, optics, key)


cdef inline void drop(Column* column, int lane, float distance, float value, float share) noexcept nogil:
    """A cloud or a drop takes a share of the beam and answers itself; of several the nearest is kept."""
    if distance < column.range[lane] and distance < column.second_range[lane]:
        column.share[lane] *= <float>1 - share
        column.second_range[lane], column.second_value[lane] = distance, value
        column.second_label[lane], column.second_instance[lane] = NOISE, 0


cdef inline void rain(Column* column, const Lanes* lanes, const Optics* optics, const Weather* weather,
                      uint32_t key) noexcept nogil:
    cdef int k, lane
    cdef float u
    cdef uint32_t h
    cdef whole8 wet
    for k in range(0, 8 * lanes.blocks, 8):
        wet = less8(share8(hashed8(counter8(key + <uint32_t>k))), all8(weather.drops))
        if not any8(wet):
            continue
        for lane in range(k, k + 8):
            h = hashed(key + <uint32_t>lane)
            if (h >> 8) * <float>5.9604645e-8 < weather.drops:
                u = chance(h, lane)
                drop(column, lane, optics.minimum_range_m + <float>0.5 + weather.drops_range_m * u * u,
                     DROP_VALUE + DROP_SPREAD * chance(h, lane + 1024), <float>0.3)


cdef inline void spray(const Primitive* p, const Lanes* lanes, const Optics* optics, const Rays* rays, int first, int last,
                       Column* column, uint32_t key) noexcept nogil:
    """A cloud dims what is behind it; the thicker, the sooner a ray meets a drop in it."""
    cdef Placed a
    cdef float8 near, far
    cdef float8[3] d
    cdef float8[3] o
    cdef float8[3] entry
    cdef float chord, u, at
    cdef int block, k, i, lane
    place(p, rays, &a)
    for block in range(first, last + 1):
        k = 8 * block
        axes(&a, lanes, k, d, o)
        slabs(p, d, o, &near, &far, entry)
        near = larger8(near, all8(optics.minimum_range_m))
        far = smaller8(far, load8(column.range + k))
        if not any8(less8(near, far)):
            continue
        for i in range(8):
            chord, lane = pick8(far, i) - pick8(near, i), k + i
            if chord > 0:
                column.share[lane] /= <float>1 + <float>2 * p.post_m * chord
                u = chance(key ^ <uint32_t>0x2545f491, lane)
                at = u / ((<float>1 - u) * p.post_m + <float>1e-6)
                if at < chord:
                    drop(column, lane, pick8(near, i) + at, SPRAY_VALUE * chance(key, lane), 0)
