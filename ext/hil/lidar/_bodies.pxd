# Rays against boxes, rails on posts and clouds of spray: the slab test of Kay and Kajiya (1986) in each body's own axes.
#
# What a body cannot meet is left out beforehand: by azimuth for each column, by elevation for each eight lanes.
from libc.math cimport INFINITY, atan2f, fabsf, floorf, sqrtf
from hil.lidar._data cimport *
from hil.lidar._wide cimport *

cdef extern from *:
    """
    #define RAIL_FROM_M 0.44f     /* a W-beam's lower edge above the ground, its upper at 0.75 m (EN 1317 systems) [M] */
    #define POST_HALF_M 0.06f
    #define MARGIN 0.004f         /* rad and tangent that a body's interval is widened by */
    #define PI 3.14159265f
    """
    const float RAIL_FROM_M, POST_HALF_M, MARGIN, PI

cdef struct Interval:             # in which a body can be met, in the sensor's frame
    float azimuth                 # middle, rad
    float half_azimuth
    float low                     # tangent of elevation
    float high
    float nearest                 # m
    int from_column               # that and the following ones
    int columns
    int first                     # of the blocks
    int last

cdef struct Placed:               # a body as one column sees it
    float[9] turn                 # lane direction -> the body's axes
    float[3] origin
    float[3] motion


cdef inline float turned(float angle) noexcept nogil:
    """The same angle within half a turn of zero."""
    return angle - <float>2 * PI * floorf(angle / (<float>2 * PI) + <float>0.5)


cdef inline void to_body(const Primitive* p, const float* v, float* out) noexcept nogil:
    out[0] = p.cosine * v[0] + p.sine * v[1]
    out[1] = p.cosine * v[1] - p.sine * v[0]
    out[2] = v[2] - p.grade * out[0] - p.bank * out[1]


cdef inline void place(const Primitive* p, const Rays* rays, Placed* placed) noexcept nogil:
    cdef const float* turn = &rays.own_turn[0] if p.own else &rays.turn[0]
    cdef const float* origin = &rays.own_origin[0] if p.own else &rays.origin[0]
    cdef float[3] v
    cdef float[3] out
    cdef int i, k
    for k in range(3):
        v[k] = origin[k] - p.centre[k] - (0 if p.own else p.velocity[k] * rays.time_s)
    to_body(p, v, placed.origin)
    for k in range(3):
        v[k] = 0 if p.own else rays.motion[k] - p.velocity[k]
    to_body(p, v, placed.motion)
    for k in range(3):
        for i in range(3):
            v[i] = turn[3 * i + k]
        to_body(p, v, out)
        for i in range(3):
            placed.turn[3 * i + k] = out[i]


cdef inline void axes(const Placed* a, const Lanes* lanes, int k, float8* d, float8* o) noexcept nogil:
    """Directions and origins of eight rays along the body's axes."""
    cdef float8 x = load8(lanes.x + k), y = load8(lanes.y + k), z = load8(lanes.z + k), delay = load8(lanes.delay_s + k)
    d[0] = a.turn[0] * x + a.turn[1] * y + a.turn[2] * z
    d[1] = a.turn[3] * x + a.turn[4] * y + a.turn[5] * z
    d[2] = a.turn[6] * x + a.turn[7] * y + a.turn[8] * z
    o[0] = a.origin[0] + a.motion[0] * delay
    o[1] = a.origin[1] + a.motion[1] * delay
    o[2] = a.origin[2] + a.motion[2] * delay
    if lanes.parallax:
        x, y, z = load8(lanes.origin_x + k), load8(lanes.origin_y + k), load8(lanes.origin_z + k)
        o[0] = o[0] + a.turn[0] * x + a.turn[1] * y + a.turn[2] * z
        o[1] = o[1] + a.turn[3] * x + a.turn[4] * y + a.turn[5] * z
        o[2] = o[2] + a.turn[6] * x + a.turn[7] * y + a.turn[8] * z


cdef inline void slabs(const Primitive* p, float8* d, float8* o, float8* near, float8* far, float8* entry) noexcept nogil:
    """Where eight rays enter and leave the box, and their entries along its axes."""
    entry[0], far[0] = enter8(d[0], o[0], p.half[0]), leave8(d[0], o[0], p.half[0])
    entry[1], far[0] = enter8(d[1], o[1], p.half[1]), smaller8(far[0], leave8(d[1], o[1], p.half[1]))
    entry[2], far[0] = enter8(d[2], o[2], p.half[2]), smaller8(far[0], leave8(d[2], o[2], p.half[2]))
    near[0] = larger8(larger8(entry[0], entry[1]), entry[2])


cdef inline whole8 solid(const Primitive* p, float8 t, float8* d, float8* o) noexcept nogil:
    """Whether a fence has rail or post where the rays cross it: above the gap, or next to a multiple of the posts' distance."""
    cdef float8 height = o[2] + t * d[2] + p.half[2]
    cdef float8 along = divide8(o[0] + t * d[0] + p.half[0], all8(p.post_m))
    cdef float8 from_post = along - floats8(truncate8(along))
    return either8(less8(all8(RAIL_FROM_M), height), less8(from_post, all8(<float>2.0 * POST_HALF_M / p.post_m)))


cdef inline void cast_body(const Primitive* p, int number, const Interval* seen, const Lanes* lanes, const Rays* rays, int first,
                           int last, Met* met, int* mine) noexcept nogil:
    """Blocks first..last against one body; `mine` marks the lanes that would meet it if nothing else were there."""
    cdef Placed a
    cdef float towards = turned(seen.azimuth - rays.yaw)
    cdef float8 near, far, cosine
    cdef float8[3] d
    cdef float8[3] o
    cdef float8[3] entry
    cdef whole8 hit, nearer, towards_it
    cdef int block, k
    cdef bint is_placed = False
    for block in range(first, last + 1):
        k = 8 * block
        towards_it = less8(size8(load8(lanes.azimuth + k) - towards), all8(seen.half_azimuth))
        if p.slot < 0:                                            # nobody asks whether it would be met if it were alone
            towards_it = both8(towards_it, less8(all8(seen.nearest), load8(met.range + k)))
        if not any8(towards_it):
            continue
        if not is_placed:
            place(p, rays, &a)
            is_placed = True
        axes(&a, lanes, k, d, o)
        slabs(p, d, o, &near, &far, entry)
        hit = both8(not8(less8(far, near)), less8(all8(0.0), near))
        if p.shape == FENCE:
            hit = both8(hit, solid(p, near, d, o))
        if not any8(hit):
            continue
        store_whole8(mine + k, either8(hit, load_whole8(mine + k)))
        nearer = both8(hit, less8(near, load8(met.range + k)))
        cosine = choose8(less8(entry[0], near), choose8(less8(entry[1], near), size8(d[2]), size8(d[1])), size8(d[0]))
        store8(met.range + k, choose8(nearer, near, load8(met.range + k)))
        store8(met.cosine + k, choose8(nearer, cosine, load8(met.cosine + k)))
        store_whole8(met.primitive + k, choose_whole8(nearer, all_whole8(number), load_whole8(met.primitive + k)))


cdef inline void widen(Interval* out, const Primitive* p, const float* centre, const float* origin, const float* turn,
                       float reference, bint first) noexcept nogil:
    """Takes the body as it stands at one moment into its interval; `turn` is sensor -> window."""
    cdef float[3] v
    cdef float[3] at
    cdef float azimuth, nearest, farthest, top, bottom, distance, low, high, ahead, aside
    cdef float[3] from_body
    cdef int corner, i
    for i in range(3):
        v[i] = origin[i] - centre[i]
    to_body(p, v, from_body)
    ahead = fabsf(from_body[0]) - p.half[0]
    aside = fabsf(from_body[1]) - p.half[1]
    nearest = sqrtf((ahead * ahead if ahead > 0 else 0) + (aside * aside if aside > 0 else 0))
    top, bottom, farthest = -INFINITY, INFINITY, 0.0
    for corner in range(8):
        ahead = p.half[0] if corner & 1 else -p.half[0]
        aside = p.half[1] if corner & 2 else -p.half[1]
        v[0] = centre[0] - origin[0] + p.cosine * ahead - p.sine * aside
        v[1] = centre[1] - origin[1] + p.sine * ahead + p.cosine * aside
        v[2] = centre[2] - origin[2] + p.grade * ahead + p.bank * aside + (p.half[2] if corner & 4 else -p.half[2])
        for i in range(3):
            at[i] = turn[i] * v[0] + turn[3 + i] * v[1] + turn[6 + i] * v[2]
        top = at[2] if at[2] > top else top
        bottom = at[2] if at[2] < bottom else bottom
        distance = sqrtf(at[0] * at[0] + at[1] * at[1])
        farthest = distance if distance > farthest else farthest
        azimuth = atan2f(at[1], at[0]) - reference
        azimuth = turned(azimuth)
        if first and corner == 0:
            out.azimuth, out.half_azimuth = azimuth, azimuth      # lowest and highest until the interval is closed
        out.azimuth = azimuth if azimuth < out.azimuth else out.azimuth
        out.half_azimuth = azimuth if azimuth > out.half_azimuth else out.half_azimuth
    if nearest < <float>0.5:
        out.azimuth, out.half_azimuth = -PI, PI
        nearest = <float>0.05
    nearest *= <float>0.97                                        # distances along the ground, seen from a sensor that leans
    out.nearest = nearest if first or nearest < out.nearest else out.nearest
    low = bottom / (nearest if bottom < 0 else farthest)
    high = top / (nearest if top > 0 else farthest)
    out.low = low if first or low < out.low else out.low
    out.high = high if first or high > out.high else out.high


cdef inline void bound(const Primitive* p, const Rays* begin, const Rays* end, float duration_s, Interval* out) noexcept nogil:
    """Azimuths and elevations that a body takes during a turn, from its first and its last place."""
    cdef float[3] later
    cdef float reference, low, high
    cdef float[3] v
    cdef const float* origin = &begin.own_origin[0] if p.own else &begin.origin[0]
    cdef const float* turn = &begin.own_turn[0] if p.own else &begin.turn[0]
    cdef int k
    for k in range(3):
        later[k] = p.centre[k] + (0 if p.own else p.velocity[k] * duration_s)
        v[k] = p.centre[k] - origin[k]
    reference = atan2f(turn[1] * v[0] + turn[4] * v[1] + turn[7] * v[2], turn[0] * v[0] + turn[3] * v[1] + turn[6] * v[2])
    widen(out, p, p.centre, origin, turn, reference, True)
    if not p.own:
        widen(out, p, later, end.origin, end.turn, reference, False)
    low, high = out.azimuth, out.half_azimuth
    if high - low > PI:
        low, high = -PI, PI
    out.half_azimuth = <float>0.5 * (high - low) + MARGIN
    out.azimuth = reference + <float>0.5 * (high + low)
    out.low -= MARGIN + <float>0.01 * fabsf(out.low)
    out.high += MARGIN + <float>0.01 * fabsf(out.high)
