# A hash of cubes with mean and spread of the points that fell into them; thin ones bind points of a new scan: odometry's map.
from libc.math cimport fabs, floor, sqrt
from libc.string cimport memset

cdef enum:
    SLOTS = 1 << 16
    MOST_VOXELS = 1 << 15

cdef struct Voxel:
    int u
    int v
    int w
    int count
    double[3] mean
    double[6] scatter       # sum of squares about the mean: xx, xy, xz, yy, yz, zz
    double[6] information   # of the thin directions, 1/m2
    int judged              # count at which that was computed, 0 = not yet
    int bound               # number of thin directions

cdef struct VoxelMap:
    int voxels
    int[SLOTS] table        # 1 + number, 0 = empty
    Voxel[MOST_VOXELS] store

cdef struct OdometryParameters:
    double voxel_m              # of the map
    double points_least         # of a voxel that binds
    double thin_m               # a direction with less spread binds
    double noise_m              # of a point
    double robust_m             # Geman-McClure scale
    double reach_m              # voxels farther from the vehicle are let go of
    double rounds_most
    double settled_m            # a step so small ends the rounds
    double prior_m              # sigma of the expected motion's translation, a scan
    double prior_share          # ... of its length on top
    double prior_rad            # ... of its turn
    double inflation            # of the sigmas: points of a surface err together
    double match_most           # points matched a scan


cdef inline unsigned int slot_of(int u, int v, int w) noexcept nogil:
    cdef unsigned int h = (<unsigned int>u * <unsigned int>73856093) ^ (<unsigned int>v * <unsigned int>19349663)
    h = (h ^ (<unsigned int>w * <unsigned int>83492791)) * <unsigned int>2654435761
    return h >> 16


cdef inline int look(const VoxelMap* m, int u, int v, int w) noexcept nogil:
    cdef unsigned int slot = slot_of(u, v, w)
    cdef const Voxel* voxel
    while m.table[slot] != 0:
        voxel = &m.store[m.table[slot] - 1]
        if voxel.u == u and voxel.v == v and voxel.w == w:
            return m.table[slot] - 1
        slot = (slot + 1) & (SLOTS - 1)
    return -1


cdef inline int make(VoxelMap* m, int u, int v, int w) noexcept nogil:
    """A new voxel, which must not be there; -1 when there is no room."""
    cdef unsigned int slot = slot_of(u, v, w)
    if m.voxels == MOST_VOXELS:
        return -1
    while m.table[slot] != 0:
        slot = (slot + 1) & (SLOTS - 1)
    memset(&m.store[m.voxels], 0, sizeof(Voxel))
    m.store[m.voxels].u = u
    m.store[m.voxels].v = v
    m.store[m.voxels].w = w
    m.voxels += 1
    m.table[slot] = m.voxels
    return m.voxels - 1


cdef inline void add_point(VoxelMap* m, double voxel_m, const double* p) noexcept nogil:
    cdef int u = <int>floor(p[0] / voxel_m), v = <int>floor(p[1] / voxel_m), w = <int>floor(p[2] / voxel_m)
    cdef int place = look(m, u, v, w), i, k, n = 0
    cdef double[3] before
    cdef double[3] after
    cdef Voxel* voxel
    if place < 0:
        place = make(m, u, v, w)
        if place < 0:
            return
    voxel = &m.store[place]
    voxel.count += 1
    for i in range(3):
        before[i] = p[i] - voxel.mean[i]
        voxel.mean[i] += before[i] / voxel.count
        after[i] = p[i] - voxel.mean[i]
    for i in range(3):
        for k in range(i, 3):
            voxel.scatter[n] += before[i] * after[k]
            n += 1


cdef inline void judge(const OdometryParameters* p, Voxel* voxel) noexcept nogil:
    """Thin directions of a voxel, by Jacobi rotations of its covariance."""
    cdef double[3][3] a
    cdef double[3][3] vectors
    cdef double t, c, s, theta, x, y, weight
    cdef int i, k, r, q, sweep
    voxel.judged = voxel.count
    voxel.bound = 0
    for i in range(6):
        voxel.information[i] = 0.0
    a[0][0] = voxel.scatter[0]
    a[0][1] = a[1][0] = voxel.scatter[1]
    a[0][2] = a[2][0] = voxel.scatter[2]
    a[1][1] = voxel.scatter[3]
    a[1][2] = a[2][1] = voxel.scatter[4]
    a[2][2] = voxel.scatter[5]
    for i in range(3):
        for k in range(3):
            a[i][k] /= voxel.count - 1
            vectors[i][k] = 1.0 if i == k else 0.0
    for sweep in range(5):
        for q in range(2):
            for r in range(q + 1, 3):
                if fabs(a[q][r]) < 1e-14:
                    continue
                theta = (a[r][r] - a[q][q]) / (2.0 * a[q][r])
                t = (1.0 if theta >= 0.0 else -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0))
                c = 1.0 / sqrt(t * t + 1.0)
                s = t * c
                for i in range(3):
                    x = a[i][q]
                    y = a[i][r]
                    a[i][q] = c * x - s * y
                    a[i][r] = s * x + c * y
                for i in range(3):
                    x = a[q][i]
                    y = a[r][i]
                    a[q][i] = c * x - s * y
                    a[r][i] = s * x + c * y
                for i in range(3):
                    x = vectors[i][q]
                    y = vectors[i][r]
                    vectors[i][q] = c * x - s * y
                    vectors[i][r] = s * x + c * y
    for q in range(3):
        if a[q][q] < p.thin_m * p.thin_m:
            voxel.bound += 1
            weight = 1.0 / ((a[q][q] if a[q][q] > 0.0 else 0.0) + p.noise_m * p.noise_m)
            voxel.information[0] += weight * vectors[0][q] * vectors[0][q]
            voxel.information[1] += weight * vectors[0][q] * vectors[1][q]
            voxel.information[2] += weight * vectors[0][q] * vectors[2][q]
            voxel.information[3] += weight * vectors[1][q] * vectors[1][q]
            voxel.information[4] += weight * vectors[1][q] * vectors[2][q]
            voxel.information[5] += weight * vectors[2][q] * vectors[2][q]
    if voxel.bound == 3:        # a clump of few points: it says where it was scanned, not where it is
        voxel.bound = 0


cdef inline const Voxel* binding(const OdometryParameters* p, VoxelMap* m, const double* at) noexcept nogil:
    """The voxel that binds a point: its own, or of the six around the one whose mean is nearest; NULL without one."""
    cdef int u = <int>floor(at[0] / p.voxel_m), v = <int>floor(at[1] / p.voxel_m), w = <int>floor(at[2] / p.voxel_m)
    cdef int[7][3] step
    cdef int i, place
    cdef double d, nearest = 1e18
    cdef Voxel* voxel
    cdef Voxel* best = NULL
    memset(step, 0, sizeof(step))
    for i in range(3):
        step[1 + i][i] = 1
        step[4 + i][i] = -1
    for i in range(7):
        place = look(m, u + step[i][0], v + step[i][1], w + step[i][2])
        if place < 0:
            continue
        voxel = &m.store[place]
        if voxel.count < p.points_least:
            continue
        if voxel.judged == 0 or voxel.count > 2 * voxel.judged:
            judge(p, voxel)
        if voxel.bound == 0:
            continue
        if i == 0:
            return voxel
        d = ((at[0] - voxel.mean[0]) * (at[0] - voxel.mean[0]) + (at[1] - voxel.mean[1]) * (at[1] - voxel.mean[1])
             + (at[2] - voxel.mean[2]) * (at[2] - voxel.mean[2]))
        if d < nearest:
            nearest = d
            best = voxel
    return best if nearest < p.voxel_m * p.voxel_m else NULL


cdef inline void keep_near(const VoxelMap* old, VoxelMap* new, double voxel_m, double reach_m,
                           const double* position) noexcept nogil:
    """The voxels within reach, into an empty map."""
    cdef int i, place_
    cdef double dx, dy
    memset(new.table, 0, sizeof(new.table))
    new.voxels = 0
    for i in range(old.voxels):
        dx = (old.store[i].u + 0.5) * voxel_m - position[0]
        dy = (old.store[i].v + 0.5) * voxel_m - position[1]
        if dx * dx + dy * dy < reach_m * reach_m:
            place_ = make(new, old.store[i].u, old.store[i].v, old.store[i].w)
            new.store[place_] = old.store[i]
