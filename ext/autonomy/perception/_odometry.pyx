"""Lidar odometry: each scan against a map of the last scans, as an aid to the ego filter, with its covariance.

The map is a hash of cubes that hold the mean and covariance of the points that fell into them. Where a cube is thin - a plane
(road, wall, rail) or a line (pole) - its thin directions bind a point of the new scan: point to plane and point to line in one,
no pull along a surface, where a scan's own pattern of rings would pull. Gauss-Newton over the pose with Geman-McClure weights,
around the motion that is expected, whose sigmas say how far it is to be trusted; so a tunnel leaves the direction of travel to
it. Ideas of VGICP (Koide et al. 2021) and KISS-ICP (Vizzo et al. 2023). Twin: autonomy/perception/odometry_twin.py.
"""
import numpy as np
from libc.math cimport cos, fabs, floor, sin, sqrt
from libc.string cimport memcpy, memset

cdef enum:
    SLOTS = 1 << 16
    MOST_VOXELS = 1 << 15
    MOST_POINTS = 20000

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


cdef void add_point(VoxelMap* m, double voxel_m, const double* p) noexcept nogil:
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


cdef void judge(const OdometryParameters* p, Voxel* voxel) noexcept nogil:
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


cdef const Voxel* binding(const OdometryParameters* p, VoxelMap* m, const double* at) noexcept nogil:
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


cdef bint solve6(double* a, double* b, double* inverse) noexcept nogil:
    """b := a^-1 b and inverse := a^-1 of a symmetric positive a (6 x 6, destroyed)."""
    cdef int i, k, r
    cdef double f
    for i in range(36):
        inverse[i] = 1.0 if i % 7 == 0 else 0.0
    for i in range(6):
        if not a[7 * i] > 0.0:
            return False
        f = 1.0 / a[7 * i]
        for k in range(6):
            a[6 * i + k] *= f
            inverse[6 * i + k] *= f
        b[i] *= f
        for r in range(6):
            if r != i:
                f = a[6 * r + i]
                for k in range(6):
                    a[6 * r + k] -= f * a[6 * i + k]
                    inverse[6 * r + k] -= f * inverse[6 * i + k]
                b[r] -= f * b[i]
    return True


cdef void turned(const double* vector, double* matrix) noexcept nogil:
    """Rotation matrix of a rotation vector."""
    cdef double x = vector[0], y = vector[1], z = vector[2], squared = x * x + y * y + z * z, angle = sqrt(squared)
    cdef double a = sin(angle) / angle if angle > 1e-9 else 1.0, b = (1.0 - cos(angle)) / squared if angle > 1e-5 else 0.5
    matrix[0] = 1.0 - b * (y * y + z * z)
    matrix[1] = b * x * y - a * z
    matrix[2] = b * x * z + a * y
    matrix[3] = b * x * y + a * z
    matrix[4] = 1.0 - b * (x * x + z * z)
    matrix[5] = b * y * z - a * x
    matrix[6] = b * x * z - a * y
    matrix[7] = b * y * z + a * x
    matrix[8] = 1.0 - b * (x * x + y * y)


cdef void product(const double* a, const double* b, double* out) noexcept nogil:
    cdef int i, k
    for i in range(3):
        for k in range(3):
            out[3 * i + k] = a[3 * i] * b[k] + a[3 * i + 1] * b[3 + k] + a[3 * i + 2] * b[6 + k]


cdef inline void place(const double* rotation, const double* position, const float* point, double* out) noexcept nogil:
    cdef int i
    for i in range(3):
        out[i] = position[i] + rotation[3 * i] * point[0] + rotation[3 * i + 1] * point[1] + rotation[3 * i + 2] * point[2]


cdef int align(const OdometryParameters* p, VoxelMap* m, const float* points, int count, double* rotation, double* position,
               double travelled_m, double* covariance, double* cost, int* matched) noexcept nogil:
    """Moves rotation [3, 3] and position [3] from the expected pose to the one the scan fits; returns the rounds.

    covariance [6, 6]: of position and of the rotation vector, in the map's axes."""
    cdef double[36] h
    cdef double[36] inverse
    cdef double[6] g
    cdef double[6] total                # from the expected pose on
    cdef double[6] prior
    cdef double[3] at
    cdef double[3] arm
    cdef double[3] d
    cdef double[3] f
    cdef double[9] step
    cdef double[9] next_
    cdef double[3][6] j
    cdef double[3][6] mj
    cdef double weight, distance, sum_, scale = p.robust_m * p.robust_m
    cdef int i, k, n, round_, stride = count // <int>p.match_most + 1, found = 0
    cdef const Voxel* voxel
    memset(total, 0, sizeof(total))
    sum_ = p.prior_m + p.prior_share * travelled_m
    for i in range(6):
        prior[i] = 1.0 / (sum_ * sum_) if i < 3 else 1.0 / (p.prior_rad * p.prior_rad)
    for round_ in range(<int>p.rounds_most):
        memset(h, 0, sizeof(h))
        found = 0
        cost[0] = 0.0
        for i in range(6):
            h[7 * i] = prior[i]
            g[i] = -prior[i] * total[i]
        n = 0
        while n < count:
            place(rotation, position, points + 3 * n, at)
            n += stride
            voxel = binding(p, m, at)
            if voxel == NULL:
                continue
            for i in range(3):
                d[i] = voxel.mean[i] - at[i]
                arm[i] = at[i] - position[i]
            f[0] = voxel.information[0] * d[0] + voxel.information[1] * d[1] + voxel.information[2] * d[2]
            f[1] = voxel.information[1] * d[0] + voxel.information[3] * d[1] + voxel.information[4] * d[2]
            f[2] = voxel.information[2] * d[0] + voxel.information[4] * d[1] + voxel.information[5] * d[2]
            distance = d[0] * f[0] + d[1] * f[1] + d[2] * f[2]
            distance *= p.noise_m * p.noise_m
            weight = scale / (scale + distance)
            weight *= weight
            found += 1
            cost[0] += weight * distance
            for i in range(3):
                for k in range(3):
                    j[i][k] = 1.0 if i == k else 0.0
            j[0][3] = 0.0
            j[0][4] = arm[2]
            j[0][5] = -arm[1]
            j[1][3] = -arm[2]
            j[1][4] = 0.0
            j[1][5] = arm[0]
            j[2][3] = arm[1]
            j[2][4] = -arm[0]
            j[2][5] = 0.0
            for k in range(6):
                mj[0][k] = voxel.information[0] * j[0][k] + voxel.information[1] * j[1][k] + voxel.information[2] * j[2][k]
                mj[1][k] = voxel.information[1] * j[0][k] + voxel.information[3] * j[1][k] + voxel.information[4] * j[2][k]
                mj[2][k] = voxel.information[2] * j[0][k] + voxel.information[4] * j[1][k] + voxel.information[5] * j[2][k]
            for i in range(6):
                for k in range(i, 6):
                    h[6 * i + k] += weight * (j[0][i] * mj[0][k] + j[1][i] * mj[1][k] + j[2][i] * mj[2][k])
                g[i] += weight * (j[0][i] * f[0] + j[1][i] * f[1] + j[2][i] * f[2])
        for i in range(6):
            for k in range(i):
                h[6 * i + k] = h[6 * k + i]
        matched[0] = found
        if not solve6(h, g, inverse):
            return -1
        memcpy(covariance, inverse, 36 * sizeof(double))
        for i in range(3):
            position[i] += g[i]
        for i in range(6):
            total[i] += g[i]
        turned(g + 3, step)
        product(step, rotation, next_)
        memcpy(rotation, next_, 9 * sizeof(double))
        distance = fabs(g[0]) + fabs(g[1]) + fabs(g[2]) + 20.0 * (fabs(g[3]) + fabs(g[4]) + fabs(g[5]))
        if distance < p.settled_m:
            return round_ + 1
    return <int>p.rounds_most


cdef void keep_near(const VoxelMap* old, VoxelMap* new, double voxel_m, double reach_m, const double* position) noexcept nogil:
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


cdef class Odometry:
    """The map and the pose of one sensor's vehicle. Two maps take turns, so that letting go of voxels allocates nothing."""

    cdef OdometryParameters p
    cdef VoxelMap* current
    cdef VoxelMap* other
    cdef list memory
    cdef double[9] rotation
    cdef double[3] position
    cdef double[3] cleaned_at
    cdef int scans

    def __init__(self, parameters):
        """`parameters`: the table [odometry]. Raises KeyError for a missing key."""
        self.p = parameters
        self.memory = [np.zeros(sizeof(VoxelMap), np.uint8) for _ in range(2)]
        cdef unsigned char[::1] first = self.memory[0]
        cdef unsigned char[::1] second = self.memory[1]
        self.current = <VoxelMap*>&first[0]
        self.other = <VoxelMap*>&second[0]
        self.reset()

    def reset(self):
        """An empty map, the pose at its origin."""
        cdef int i
        memset(self.current, 0, sizeof(VoxelMap))
        for i in range(9):
            self.rotation[i] = 1.0 if i % 4 == 0 else 0.0
        for i in range(3):
            self.position[i] = 0.0
            self.cleaned_at[i] = 0.0
        self.scans = 0

    def register(self, const float[:, ::1] points, translation, rotation_vector):
        """One scan: `points` [n, 3] float32 in the vehicle frame, thinned; the expected motion since the scan before, in the
        vehicle
        frame of that scan. Returns a dict: translation (3,), rotation (3,) in the earlier frame, sigma (6,), covariance (6, 6)
        in the
        map's axes, rounds (0 for the first scan, -1 without a solution), matched, cost."""
        cdef double[3] moved
        cdef double[3] vector
        cdef double[9] step
        cdef double[9] before
        cdef double[9] next_
        cdef double[3] start
        cdef double[36] covariance
        cdef double cost = 0.0, travelled
        cdef int i, k, matched = 0, rounds = 0, count = points.shape[0]
        if points.shape[1] != 3 or count > MOST_POINTS:
            raise ValueError(f"points {count} x {points.shape[1]}: at most {MOST_POINTS} x 3")
        for i in range(3):
            moved[i] = translation[i]
            vector[i] = rotation_vector[i]
            start[i] = self.position[i]
        travelled = sqrt(moved[0] * moved[0] + moved[1] * moved[1] + moved[2] * moved[2])
        memcpy(before, self.rotation, sizeof(before))
        memset(covariance, 0, sizeof(covariance))
        with nogil:
            for i in range(3):
                self.position[i] += before[3 * i] * moved[0] + before[3 * i + 1] * moved[1] + before[3 * i + 2] * moved[2]
            turned(vector, step)
            product(before, step, next_)
            memcpy(self.rotation, next_, sizeof(next_))
            if self.scans > 0 and count > 0:
                rounds = align(&self.p, self.current, &points[0, 0], count, self.rotation, self.position, travelled, covariance,
                               &cost,
                               &matched)
            self.remember(points)
        self.scans += 1
        relative = np.asarray(<double[:9]>before).reshape(3, 3).T @ np.asarray(<double[:9]>self.rotation).reshape(3, 3)
        offset = np.asarray(<double[:9]>before).reshape(3,
                            3).T @ (np.asarray(<double[:3]>self.position) - np.asarray(<double[:3]>start))
        spread = np.array(<double[:36]>covariance).reshape(6, 6) * self.p.inflation**2
        turn = np.zeros((6, 6))
        turn[:3, :3] = turn[3:, 3:] = np.asarray(<double[:9]>before).reshape(3, 3).T
        sigma = np.sqrt(np.maximum(np.diag(turn @ spread @ turn.T), 0.0))
        angle = 0.5 * np.array([relative[2, 1] - relative[1, 2], relative[0, 2] - relative[2, 0], relative[1, 0] - relative[0,
                               1]])
        size = np.linalg.norm(angle)
        angle = angle * (np.arcsin(min(size, 1.0)) / size if size > 1e-12 else 1.0)
        return {"translation": offset, "rotation": angle, "sigma": sigma, "covariance": spread, "rounds": rounds,
                "matched": matched, "cost": cost}

    cdef void remember(self, const float[:, ::1] points) noexcept nogil:
        cdef double[3] at
        cdef double dx = self.position[0] - self.cleaned_at[0], dy = self.position[1] - self.cleaned_at[1]
        cdef VoxelMap* swap
        cdef int i
        if dx * dx + dy * dy > 0.04 * self.p.reach_m * self.p.reach_m or self.current.voxels > MOST_VOXELS * 3 // 4:
            keep_near(self.current, self.other, self.p.voxel_m, self.p.reach_m, self.position)
            swap = self.current
            self.current = self.other
            self.other = swap
            memcpy(self.cleaned_at, self.position, sizeof(self.cleaned_at))
        for i in range(points.shape[0]):
            place(self.rotation, self.position, &points[i, 0], at)
            add_point(self.current, self.p.voxel_m, at)

    @property
    def pose(self):
        """(rotation (3, 3), position (3,)) of the vehicle in the map."""
        return np.array(<double[:9]>self.rotation).reshape(3, 3), np.array(<double[:3]>self.position)
