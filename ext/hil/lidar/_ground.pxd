# Where rays meet the ground: Newton's method over cells in which the road is a plane, from the plane under the sensor or from
# where the column before met it; halved where it would leave what is known to hold the crossing.
#
# Begun before the first crossing of a crest it comes to it from the near side, in a sag from the far side; both without jumping.
from hil.lidar._data cimport *
from hil.lidar._wide cimport *

cdef enum:
    ITERATIONS = 12

cdef extern from *:
    """
    #define STEADY_M 0.05f        /* height above the ground from where one more step is the last: the cell's plane is exact */
    #define HIDDEN 0.6f           /* of the way to the road's plane: no ground rises so steeply that it hides a body before it */
    #define HIDDEN_M 40.0f
    #define NEAREST_M 0.3f
    #define FIRST_M 50.0f         /* where the search begins at the latest: behind a crest the ray may meet the ground again */
    #define KEPT_M 80.0f          /* up to where the column before is asked: further on a crest may have come in between */
    #define SKY 0.08f             /* tangent above the road's plane from where a ray meets no ground */
    #define FARTHEST_M 260.0f
    """
    const float STEADY_M, HIDDEN, HIDDEN_M, NEAREST_M, FIRST_M, KEPT_M, SKY, FARTHEST_M


cdef inline void cell_at(const Window* w, float8 x, float8 y, float8* c, float8* dx, float8* dy) noexcept nogil:
    """The cell's eight values, and how far the points are from its middle."""
    cdef whole8 column = clip8(truncate8((x - w.x) * w.per_m), w.nx - 1)
    cdef whole8 row = clip8(truncate8((y - w.y) * w.per_m), w.ny - 1)
    columns8(w.cells, column * w.ny + row, c)
    dx[0] = x - w.x - (floats8(column) + <float>0.5) * w.size_m
    dy[0] = y - w.y - (floats8(row) + <float>0.5) * w.size_m


cdef inline void verge(const Profile* p, float8 d, float8* height, float8* slope) noexcept nogil:
    """Height beside the paved width and what it changes by towards the left."""
    cdef float8 outside = larger8(p.right_m - d, d - p.left_m)
    cdef whole8 right = less8(d, all8(<float>0.5 * (p.right_m + p.left_m)))
    cdef float8 steeper, beyond, rise = all8(0.0), total = all8(0.0)
    cdef int k
    for k in range(HINGES):
        steeper = choose8(right, all8(p.right_slope[k]), all8(p.left_slope[k]))
        beyond = outside - p.from_m[k]
        total = total + steeper * larger8(beyond, all8(0.0))
        rise = rise + choose8(less8(all8(0.0), beyond), steeper, all8(0.0))
    height[0] = total
    slope[0] = choose8(right, -rise, rise)


cdef inline void cast_ground(const Window* w, const Profile* p, const Lanes* lanes, const Rays* rays, float* before,
                             Met* met) noexcept nogil:
    """Where each lane meets the ground before it meets a body: range, cosine of incidence, arc length and offset.

    `before`: ranges of the column before, 0 = none, from where the search begins; takes those of this one.
    """
    cdef float8[8] c
    cdef float8 dx, dy, dz, t, above, fall, height, slope, cx, cy, unsteady, origin_x, origin_y, origin_z, begin, met_at, back
    cdef float8 along, bent, step, low, high
    cdef whole8 nearer, over
    cdef float east, north, height_above
    cdef int k, block, i
    cell_at(w, all8(rays.origin[0]), all8(rays.origin[1]), c, &cx, &cy)
    east, north = pick8(c[4], 0), pick8(c[5], 0)
    height_above = pick8(rays.origin[2] - c[3] - c[4] * cx - c[5] * cy, 0)
    for block in range(lanes.blocks):
        k = 8 * block
        dx, dy, dz = load8(rays.x + k), load8(rays.y + k), load8(rays.z + k)
        met_at = load8(met.range + k)
        fall = dz - east * dx - north * dy
        begin = choose8(less8(fall, all8(-0.0005)), smaller8(divide8(all8(height_above), -fall), all8(FARTHEST_M)),
                        all8(FARTHEST_M))
        if not any8(both8(less8(fall, all8(SKY)), not8(less8(met_at, smaller8(HIDDEN * begin, all8(HIDDEN_M)))))):
            store8(before + k, all8(0.0))
            continue
        origin_x, origin_y, origin_z = load8(rays.from_x + k), load8(rays.from_y + k), load8(rays.from_z + k)
        low, high = all8(NEAREST_M), all8(FARTHEST_M)
        t = choose8(less8(all8(0.0), load8(before + k)), load8(before + k), smaller8(begin, all8(FIRST_M)))
        for i in range(ITERATIONS):
            cell_at(w, origin_x + t * dx, origin_y + t * dy, c, &cx, &cy)
            along = c[2] * cx - c[1] * cy
            c[0] = c[0] + c[1] * cx + c[2] * cy - <float>0.5 * c[7] * along * along
            if any8(either8(less8(c[0], all8(p.right_m)), less8(all8(p.left_m), c[0]))):
                verge(p, c[0], &height, &slope)
            else:
                height = slope = all8(0.0)
            above = origin_z + t * dz - (c[3] + c[4] * cx + c[5] * cy) - height
            fall = dz - (c[4] + slope * c[1]) * dx - (c[5] + slope * c[2]) * dy
            unsteady = size8(above)
            over = less8(all8(0.0), above)
            low, high = choose8(over, t, low), choose8(over, high, t)
            back = choose8(less8(fall, all8(-0.0005)), t - divide8(above, fall), all8(2 * FARTHEST_M))
            if not any8(both8(less8(all8(STEADY_M), unsteady), less8(low, all8(FARTHEST_M)))):
                break
            t = smaller8(back, all8(FARTHEST_M))
            t = choose8(either8(less8(t, low), less8(high, t)), <float>0.5 * (low + high), t)
        # The last step stays within the cell's plane: the offset and the arc length move along with it
        nearer = both8(less8(unsteady, all8(<float>2.0 * STEADY_M)), less8(back, all8(FARTHEST_M)))
        store8(before + k, choose8(both8(nearer, less8(back, all8(KEPT_M))), back, all8(0.0)))
        nearer = both8(nearer, less8(back, met_at))
        store8(met.range + k, choose8(nearer, back, met_at))
        store8(met.cosine + k, choose8(nearer, -fall, load8(met.cosine + k)))
        bent = c[0] * c[7]
        bent = bent * (<float>1.0 - bent)                     # curvature of the reference line times the offset from it
        step = back - t
        store8(met.d + k, c[0] + step * (c[1] * dx + c[2] * dy))
        store8(met.s + k, c[6] + (along + step * (c[2] * dx - c[1] * dy)) * (<float>1.0 + bent + bent * bent))
        store_whole8(met.primitive + k, choose_whole8(nearer, all_whole8(-1), load_whole8(met.primitive + k)))
